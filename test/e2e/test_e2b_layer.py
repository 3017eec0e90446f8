#!/usr/bin/env python3
"""True E2B widths (4 layers, 600 tokens, window 512) against the official implementation.

The weights are a pure function of their names (`--weights random:0`), so none are stored.
"""
import json
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import (GEMCUT, GOLDENS, compile_model, ids_argument, integers, largest_difference, levels,
                     private_peak, read_npy, read_safetensors, run)

CASE = GOLDENS / "e2b-layer"


class E2bLayer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-e2b-layer-"))
        cls.executable = compile_model(CASE / "config.json", cls.folder / "e2b-layer", "--weights", "random:0",
                                       "--quant", "f32", "--kv", "f32", "--context", "1024")
        cls.run_info = json.loads((CASE / "golden.json").read_text())["runs"]["main"]
        cls.tensors = read_safetensors(CASE / "golden.safetensors")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_logits(self):
        expected = self.tensors["main.logits_last4"]
        out = self.folder / "logits.npy"
        for level in levels(self.executable):
            with self.subTest(level=level):
                run(self.executable, "score", "--ids", ids_argument(self.run_info["ids"]), "--logits", out, "--level",
                    level)
                logits = read_npy(out)
                self.assertEqual(logits.shape, (600, 512))
                self.assertLess(largest_difference(logits.rows(596, 600), expected), 1e-3)

    def test_prefill_in_chunks_agrees(self):
        """The last row's best id through prefill, in chunks that wrap the ring, is that of the stored logits."""
        row = self.tensors["main.logits_last4"].rows(3, 4).values
        best = max(range(len(row)), key=lambda i: row[i])
        for chunk in (0, 7, 100, 256):
            with self.subTest(chunk=chunk):
                flags = ["--chunk", chunk] if chunk else []
                result = run(self.executable, "generate", "--ids", ids_argument(self.run_info["ids"]), "-n", 1,
                             "--temp", "0", "--print-ids", "--ignore-stop", *flags)
                self.assertEqual(integers(result.stdout), [best])

    def test_code_of_all_levels_is_small(self):
        """Equal stages share a function, equal functions of two levels are one: 3 MB with all 35 layers."""
        for target, most in (("x86_64-linux", 2.8), ("aarch64-linux", 2.5)):
            with self.subTest(target=target):
                out = self.folder / target
                result = run(GEMCUT, "compile", CASE / "config.json", "--weights", "random", "--target", target, "-o", out)
                code = re.search(r"([0-9.]+) MiB of code, quantization int4", result.stdout)
                self.assertLess(float(code.group(1)), most)

    def test_memory_is_what_was_planned(self):
        """A full context uses the planned private bytes, to 2 %: the arena of prompts is the largest here."""
        ids = ids_argument((self.run_info["ids"] * 2)[:1016])
        info = json.loads(run(self.executable, "info", "--json").stdout)
        used = private_peak(self.executable, "generate", "--ids", ids, "-n", 8, "--temp", "1", "--ignore-stop",
                            "--print-ids")
        self.assertAlmostEqual(used / info["generate_bytes"], 1, delta=0.02)
        self.assertAlmostEqual(used / info["private_bytes"], 1, delta=0.02)


if __name__ == "__main__":
    unittest.main(verbosity=2)
