#!/usr/bin/env python3
"""An executable of a model whose runtime is built with sanitizers.

    link_sanitized.py TREE GEMCUT MODEL OUT [compile flags]

TREE is a build tree of the preset asan or tsan; its libraries of the runtime are built first.
They are linked with the object of the static library that GEMCUT makes of MODEL, whose tables
become visible for that. Weights, tokenizer and template are taken from OUT.gemw, which is the
ordinary executable. The model's own code has no sanitizer, as it has none in production.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIBRARIES = ["Main", "Cli", "Server", "Batch", "Constrain", "Session", "Text", "Core"]


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def read_sanitizers(tree):
    for line in Path(tree, "CMakeCache.txt").read_text().splitlines():
        if line.startswith("GEMCUT_SANITIZE:") and not line.endswith("="):
            return line.split("=", 1)[1]
    raise SystemExit(f"{tree} is built without sanitizers; use the preset asan or tsan")


def main(tree, gemcut, model, out, *flags):
    sanitizers = read_sanitizers(tree)
    run("cmake", "--build", tree, "--target", "GemcutRuntimeMain")
    sections = f"{out}.gemw"
    run(gemcut, "compile", model, "-o", sections, *flags)
    levels = json.loads(run(sections, "info", "--json"))["levels"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(gemcut, "compile", model, "--emit", "static-lib", "-o", folder / "libmodel.a", *flags)
        run("llvm-ar-22", "x", "--output", folder, folder / "libmodel.a", "model.o")
        tables = [f"--globalize-symbol={symbol}" for symbol in ("gemcut_model", "gemcut_levels")]
        # The file's symbol, which --strip-debug removes, has the name of a table.
        run("llvm-objcopy-22", "--strip-debug", *tables, folder / "model.o")
        Path(folder, "count.c").write_text(f"const int gemcut_level_count = {len(levels)};\n")
        run(
            *["clang-22", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-pthread", folder / "count.c"],
            *[folder / "model.o", *(f"{tree}/lib/libGemcutRuntime{part}.a" for part in LIBRARIES)],
            *["-lstdc++", "-lm", "-o", out],
        )


if __name__ == "__main__":
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
