#!/usr/bin/env python3
"""Writes test/data/gguf/blocks.json: blocks of every type of ggml and their values.

    make_gguf_blocks.py OUT.json

Needs the Python package "gguf" (the values are those of its numpy code, gguf/quants.py,
which repeats ggml-quants.c) and is not run by the tests. Blocks are random bytes with
scales that are finite: ordinary, negative, subnormal and zero ones.
"""
import json
import sys

import gguf
import numpy as np

TYPES = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL MXFP4".split()
# Offsets of the f16 numbers in a block.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
          "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
          "IQ4_NL": [0], "MXFP4": []}
SCALES = [0.0123, -0.5, 3e-7, 0.0, 61000.0, -0.0]


def main():
    random = np.random.default_rng(7)
    result = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        _elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (3 if size > 64 else 6, size), dtype=np.uint8)
        for i, block in enumerate(blocks):
            for j, at in enumerate(HALVES[name]):
                block[at:at + 2] = np.array([SCALES[(i + j) % len(SCALES)]], np.float16).view(np.uint8)
        if name == "MXFP4":
            blocks[:, 0] = [0, 1, 2, 120, 127, 250]
        values = gguf.quants.dequantize(blocks, kind).astype("<f4")
        result[name] = {"blocks": blocks.tobytes().hex(), "values": values.tobytes().hex()}
    with open(sys.argv[1], "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


main()
