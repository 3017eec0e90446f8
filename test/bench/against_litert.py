#!/usr/bin/env python3
"""Compares an executable made by gemcut with LiteRT-LM on this machine.

    against_litert.py --work DIR [--bits 4|mobile] [--model FILE] [--ours EXE]

Installs LiteRT-LM and its exporter from PyPI into DIR/venv, writes a .litertlm file of
the shapes of a config.json with random weights (litert_model.py), compiles the same
config.json with gemcut, and measures both alternately. Both run the bit widths of
Google's mobile releases, or (--bits 4) 4 bits; gemcut then has scales of 32 weights,
LiteRT-LM one per row. Prints a table and writes it to DIR/litert-BITS.md and .json.
All large files stay in DIR and are made again only when they are missing.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from engines import EngineError, Ours
from litert_engine import Peer
from measurement import Measurement, machine, run, with_ratio
from report import AtLeast, Row, as_json, markdown

HERE = Path(__file__).resolve().parent
ENGINE = "litert-lm-api==0.18.1"
EXPORTER = ["litert-torch==0.10.0", "litert-lm-builder==0.18.1", "tf-nightly==2.23.0.dev20261026"]
POSITIONS = 1280


def main():
    options = parse_arguments()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    python = install(work)
    model = options.model.resolve() if options.model else write_model(work, python, options)
    ours = options.ours.resolve() if options.ours else compile_ours(work, options)
    engines = Ours(ours, options.threads), Peer(python, model, options.threads, POSITIONS)
    measurement = Measurement(*engines, options.rounds)
    facts = {
        **machine(options.threads),
        "peer": f"LiteRT-LM ({ENGINE}), {model.name}, {POSITIONS} positions",
        "samples": f"best (median) of {options.rounds} rounds, engines in turn",
    }
    rows = []
    try:
        for name in options.only:
            print(f"measuring {name}", file=sys.stderr)
            rows += TESTS[name](measurement, options.bits)
            if engines[0].read_gbps:
                facts["read bandwidth"] = f"{max(engines[0].read_gbps):.1f} GB/s, measured beside the tokens"
            save(work / f"litert-{options.bits}", rows, facts)
    finally:
        measurement.peer.close()
    print(markdown(rows, facts, "LiteRT-LM"), end="")


def save(output, rows, facts):
    """After each test, so that a later failure loses nothing."""
    output.with_name(output.name + ".md").write_text(markdown(rows, facts, "LiteRT-LM"))
    output.with_name(output.name + ".json").write_text(json.dumps(as_json(rows, facts), indent=1) + "\n")


def parse_arguments():
    root, cores = HERE.parents[1], len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where all large files go; needs 45 GB")
    parser.add_argument("--bits", choices=["4", "mobile"], default="mobile", help="%(default)s")
    parser.add_argument("--gemcut", type=Path, default=root / "build/bin/gemcut", help="the compiler (%(default)s)")
    parser.add_argument("--ours", type=Path, help="an executable to measure")
    parser.add_argument("--model", type=Path, help="a .litertlm file to measure")
    parser.add_argument("--config", type=Path, default=root / "test/data/configs/e2b/config.json", help="%(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each test (%(default)s)")
    parser.add_argument("--threads", type=int, default=cores, help="%(default)s")
    parser.add_argument("--only", help=f"tests to run, separated by commas, of: {', '.join(TESTS)}")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else list(TESTS)
    for name in options.only:
        if name not in TESTS:
            parser.error(f"there is no test '{name}'")
    return options


# What is measured ------------------------------------------------------------


def decode(measurement, bits):
    rows = measurement.both(True, "decode", 512, 64)
    goal = AtLeast(2) if bits == "mobile" else None
    return [with_ratio(Row("decode behind 512", "tokens/s", *rows, goal))]


def prefill(measurement, bits):
    rows = measurement.both(True, "prefill", 512)
    goal = AtLeast(1.3) if bits == "mobile" else None
    return [with_ratio(Row("prompt of 512", "tokens/s", *rows, goal))]


def one_thread(measurement, _):
    return [
        Row("decode behind 512, 1 thread", "tokens/s", *measurement.both(True, "decode", 512, 32, 1)),
        Row("prompt of 512, 1 thread", "tokens/s", *measurement.both(True, "prefill", 512, 1)),
    ]


def start(measurement, _):
    note = (
        "Start: until a prompt could be run, without the loading of programs and libraries, files in the page "
        "cache; LiteRT-LM's weights were packed by an earlier start."
    )
    return [Row("start", "ms", *measurement.both(False, "start_time"), note=note)]


def memory(measurement, _):
    note = "Memory after a prompt of 512 and 64 tokens; the highest resident counts pages of mapped files."
    return [
        Row("private memory", "MB", *measurement.both(False, "private_memory"), note=note),
        Row("highest resident memory", "MB", *measurement.both(False, "resident_memory"), note=note),
    ]


TESTS = {"decode": decode, "prefill": prefill, "one-thread": one_thread, "start": start, "memory": memory}


# What is made first ----------------------------------------------------------


def install(work):
    """A Python with the engine and the exporter."""
    folder = work / "venv"
    python = folder / "bin/python"
    if not (folder / "complete").exists():
        run(sys.executable, "-m", "venv", folder)
        run(python, "-m", "pip", "install", "-q", ENGINE, *EXPORTER)
        (folder / "complete").touch()
    return python


def write_model(work, python, options):
    path = work / f"model-{options.bits}.litertlm"
    if not path.exists():
        run(
            *(python, HERE / "litert_model.py", options.config, path, "--bits", options.bits),
            *("--positions", POSITIONS, "--prompt", 512),
        )
    return path


def compile_ours(work, options):
    path = work / f"ours-{options.bits}"
    if not path.exists() or path.stat().st_mtime < options.gemcut.stat().st_mtime:
        recipe = "mobile" if options.bits == "mobile" else "int4"
        run(
            *(options.gemcut, "compile", options.config, "--weights", "random", "--quant", recipe),
            *("--context", 2048, "-o", path),
        )
    return path


if __name__ == "__main__":
    try:
        main()
    except (EngineError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"error: {error}")
