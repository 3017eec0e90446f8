#!/usr/bin/env python3
"""Compares an executable made by gemcut with llama.cpp on this machine.

    against_llama.py --work DIR [--source llama_cpp_python.tar.gz] [--ours EXE]

Builds llama.cpp natively from the source package of llama-cpp-python, writes a
GGUF of the shapes of a config.json with random weights (Q4_0 everywhere), compiles
the same config.json with gemcut, and measures both alternately: every round takes
one sample of each, and the order changes from round to round. Prints a table of
the goals, and writes it to DIR/report.md and DIR/report.json. All large files stay
in DIR and are made again only when they are missing or older than the compiler.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import gguf
from engines import EngineError, Ours, Peer
from measurement import Measurement, machine, run, with_ratio
from report import AtLeast, AtMost, Row, Samples, as_json, markdown

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "llama-cpp-python==0.3.36"
DEPTHS = {0: 64, 4096: 32, 16384: 16}  # tokens before -> tokens measured
CONTEXT = 16384 + 512


def main():
    options = parse_arguments()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    config = json.loads(options.config.read_text())
    driver = build_peer(work, options.source, options.jobs)
    model = write_model(work, config)
    ours = options.ours.resolve() if options.ours else compile_ours(work, options.gemcut, options.config)
    engines = Ours(ours, options.threads), Peer(driver, model, options.threads, CONTEXT, work)
    measurement = Measurement(*engines, options.rounds)
    rows = []
    try:
        for name in options.only:
            print(f"measuring {name}", file=sys.stderr)
            rows += TESTS[name](measurement)
            save(options.output, rows, describe(options, engines[0]))
    finally:
        measurement.peer.close()
    print(markdown(rows, describe(options, engines[0])), end="")


def save(output, rows, facts):
    """After each test, so that a later failure loses nothing."""
    output.with_name(output.name + ".md").write_text(markdown(rows, facts))
    output.with_name(output.name + ".json").write_text(json.dumps(as_json(rows, facts), indent=1) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where all large files go; needs 8 GB")
    parser.add_argument("--source", type=Path, help=f"source package; without it, pip downloads {PACKAGE}")
    parser.add_argument("--gemcut", type=Path, default=ROOT / "build/bin/gemcut", help="the compiler (%(default)s)")
    parser.add_argument("--ours", type=Path, help=f"an executable to measure, compiled with --context {CONTEXT}")
    parser.add_argument("--config", type=Path, default=ROOT / "test/data/configs/e2b/config.json", help="%(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each test (%(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="%(default)s")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="of the build (%(default)s)")
    parser.add_argument("--only", help=f"tests to run, separated by commas, of: {', '.join(TESTS)}")
    parser.add_argument("--output", type=Path, help="results without suffix (WORK/report)")
    options = parser.parse_args()
    options.output = options.output or options.work / "report"
    options.only = options.only.split(",") if options.only else list(TESTS)
    for name in options.only:
        if name not in TESTS:
            parser.error(f"there is no test '{name}'")
    return options


# What is measured ------------------------------------------------------------


def decode(measurement, depth, ratio):
    if depth:
        measurement.peer.decode(depth, 1)  # makes the state, which takes minutes
    earlier = len(measurement.ours.read_gbps)
    ours, peer = measurement.both(True, "decode", depth, DEPTHS[depth])
    title = f"decode behind {depth}" if depth else "decode, empty context"
    rows = [with_ratio(Row(title, "tokens/s", ours, peer, AtLeast(ratio)))]
    if depth == 0:
        reads = measurement.ours.read_gbps[earlier:]
        rows.append(read_share(ours, measurement.ours.bytes_per_token, reads))
    return rows


def read_share(speed, bytes_per_token, reads):
    """What the tokens read of weights per second, relative to the plain reads beside
    them (`reads`, GB/s, one per sample)."""
    shares = Samples(True)
    shares.values = [100e-9 * tokens * bytes_per_token / gbps for tokens, gbps in zip(speed.values, reads)]
    share = 100e-9 * speed.best * bytes_per_token / max(reads)
    note = (
        f"Share of the read bandwidth: {bytes_per_token * 1e-9:.3f} GB of weights per token; plain reads of them "
        f"beside the tokens reached {max(reads):.1f} GB/s. The goal is about best against best."
    )
    return Row("share of the read bandwidth", "%", shares, None, AtLeast(85, "%"), share, note)


def prefill(measurement, count, ratio):
    rows = measurement.both(True, "prefill", count)
    return [with_ratio(Row(f"prefill {count}", "tokens/s", *rows, AtLeast(ratio)))]


def score(measurement):
    note = (
        "All logits: in gemcut every layer and the head run for every token (`bench --full-prefill`); in "
        "llama.cpp every token of the batch asks for logits."
    )
    row = Row("prefill 512, all logits", "tokens/s", *measurement.both(True, "score", 512), AtLeast(3), note=note)
    return [with_ratio(row)]


def rows_of_one_step(measurement):
    """Steps of 1, 4 and 8 rows; the goals are times relative to one row."""
    counts = [1, 4, 8]
    takers = [lambda rows=rows: measurement.ours.step(rows, 32) for rows in counts]
    one, four, eight = measurement.alternate(False, *takers)
    return [
        Row("step of 1 row", "ms", one),
        Row("step of 4 rows", "ms", four, None, AtMost(1.35), four.best / one.best),
        Row("step of 8 rows", "ms", eight, None, AtMost(2.1), eight.best / one.best),
    ]


def first_token(measurement):
    ours, peer = measurement.both(False, "first_token")
    note = "First token: from exec to the first token of a prompt of one, files in the page cache."
    return [Row("start to first token", "ms", ours, peer, AtMost(100, "ms"), ours.best, note)]


def private_memory(measurement):
    ours, peer = measurement.both(False, "private_memory")
    kv = measurement.ours.kv_megabytes
    note = (
        f"Private memory: RssAnon after a prompt of 512 and 64 tokens; {kv:.1f} MB of gemcut's are the KV cache, "
        f"which the goal leaves out. llama.cpp's context is {Peer.SMALL_CONTEXT}."
    )
    return [Row("private memory", "MB", ours, peer, AtMost(100, "MB"), ours.best - kv, note)]


def one_thread(measurement):
    return [
        Row("decode, 1 thread", "tokens/s", *measurement.both(True, "decode", 0, 32, 1)),
        Row("prefill 512, 1 thread", "tokens/s", *measurement.both(True, "prefill", 512, 1)),
    ]


def busy_neighbour(measurement):
    """Each speed with a process that spins on one core, relative to the same
    minutes without it."""
    rows = []
    for title, name, arguments in [("decode", "decode", (0, 32)), ("prefill", "prefill", (512,))]:
        takers = []
        for engine in (measurement.ours, measurement.peer):
            takers.append(lambda take=getattr(engine, name): take(*arguments))
            takers.append(lambda take=getattr(engine, name): busy(take, arguments))
        ours_idle, ours_busy, peer_idle, peer_busy = measurement.alternate(True, *takers)
        kept = 100 * ours_busy.median / ours_idle.median
        note = (
            f"Busy neighbour, {title}: gemcut keeps {kept:.0f} %, llama.cpp "
            f"{100 * peer_busy.median / peer_idle.median:.0f} % of the median speed."
        )
        rows.append(Row(f"{title}, one core taken", "tokens/s", ours_busy, peer_busy, AtLeast(50, "%"), kept, note))
    return rows


def busy(take, arguments):
    with neighbour():
        return take(*arguments)


@contextmanager
def neighbour():
    """A process that spins on the last core that this one may use."""
    core = max(os.sched_getaffinity(0))
    process = subprocess.Popen(
        [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, [{core}])\nwhile True: pass"]
    )
    time.sleep(0.2)
    try:
        yield
    finally:
        process.kill()
        process.wait()


TESTS = {
    "decode": lambda m: decode(m, 0, 2.0),
    "decode-4k": lambda m: decode(m, 4096, 2.3),
    "decode-16k": lambda m: decode(m, 16384, 2.8),
    "prefill": lambda m: prefill(m, 512, 9),
    "prefill-4k": lambda m: prefill(m, 4096, 9),
    "score": score,
    "rows": rows_of_one_step,
    "start": first_token,
    "memory": private_memory,
    "neighbour": busy_neighbour,
    "one-thread": one_thread,
}


def describe(options, ours):
    """Where and when, for above the table."""
    facts = {
        **machine(options.threads),
        "peer": f"llama.cpp of {PACKAGE}, native build, Q4_0",
        "samples": f"best (median) of {options.rounds} rounds, engines in turn",
    }
    if ours.read_gbps:
        facts["read bandwidth"] = f"{max(ours.read_gbps):.1f} GB/s, measured beside the tokens"
    return facts


# What is built first ---------------------------------------------------------


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise EngineError(f"{tool} is missing or cannot be executed")


def unpack_source(work, package):
    """The folder of llama.cpp's sources, unpacked from the Python package."""
    folder = work / "src"
    if not folder.exists():
        if package is None:
            run(sys.executable, "-m", "pip", "download", "--no-binary", ":all:", "--no-deps", "-d", work, PACKAGE)
            package = next(work.glob("llama_cpp_python-*.tar.gz"))
        partial = work / "src.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.unpack_archive(package, partial)
        partial.rename(folder)
    return next(folder.glob("*/vendor/llama.cpp"))


def build_peer(work, package, jobs):
    """libllama and the driver; returns the driver."""
    build, driver = work / "build", work / "llama_driver"
    need("cmake", "gcc", "g++")
    source = unpack_source(work, package)
    if not (build / "bin" / "libllama.so").exists():
        without = ["COMMON", "TESTS", "EXAMPLES", "TOOLS", "SERVER", "APP"]
        run(
            *("cmake", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON"),
            *("-DBUILD_SHARED_LIBS=ON", "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++"),
            *(f"-DLLAMA_BUILD_{part}=OFF" for part in without),
        )
        run("cmake", "--build", build, "--target", "llama", "-j", jobs)
    driver_source = Path(__file__).with_name("llama_driver.cpp")
    if not driver.exists() or driver.stat().st_mtime < driver_source.stat().st_mtime:
        run(
            *("g++", "-std=c++17", "-O2", driver_source, "-o", driver),
            *("-I", source / "include", "-I", source / "ggml/include"),
            *("-L", build / "bin", "-lllama", "-lggml", "-lggml-base", f"-Wl,-rpath,{build / 'bin'}"),
        )
    return driver


def write_model(work, config):
    path = work / "model.gguf"
    if not path.exists():
        print(f"+ writing {path}", file=sys.stderr)
        for state in work.glob("state-*.bin"):
            state.unlink()
        partial = path.with_suffix(".partial")
        gguf.write(partial, config)
        partial.rename(path)
    return path


def compile_ours(work, gemcut, config):
    path = work / "ours"
    need(str(gemcut))
    if not path.exists() or path.stat().st_mtime < gemcut.stat().st_mtime:
        run(gemcut, "compile", config, "--weights", "random", "--context", CONTEXT, "-o", path)
    return path


if __name__ == "__main__":
    try:
        main()
    except (EngineError, OSError, shutil.ReadError) as error:
        sys.exit(f"error: {error}")
