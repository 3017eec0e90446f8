#!/usr/bin/env python3
"""Executables of the golden checkpoints against the official implementation.

`--quant f32 --kv f32` executables: all logits within 1e-3, greedy ids equal, at every
ISA level and several thread counts, with prompts in chunks and whole.
"""
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import (GOLDENS, compile_model, ids_argument, integers, largest_difference, levels, read_npy,
                     read_safetensors, run)

LOGITS_ABS = 1e-3


class Goldens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-goldens-"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def executable(self, case, *flags):
        out = self.folder / ("-".join([case, *flags]).replace("/", "_"))
        if not out.exists():
            compile_model(GOLDENS / case, out, "--quant", "f32", "--kv", "f32", *flags)
        return out

    def score(self, executable, ids, *flags):
        logits = self.folder / "logits.npy"
        run(executable, "score", "--ids", ids_argument(ids), "--logits", logits, *flags)
        return read_npy(logits)

    def check_logits(self, case, *compile_flags):
        golden = json.loads((GOLDENS / case / "golden.json").read_text())
        tensors = read_safetensors(GOLDENS / case / "golden.safetensors")
        executable = self.executable(case, *compile_flags)
        for name, run_info in golden["runs"].items():
            expected = tensors.get(f"{name}.logits")
            if expected is None or name == "bf16_run":
                continue
            first = run_info["first_position"]
            if first and not compile_flags:
                continue
            for level in levels(executable):
                for threads in (1, 2, 3):
                    with self.subTest(case=case, run=name, level=level, threads=threads):
                        actual = self.score(executable, run_info["ids"], "--first-position", first, "--level", level,
                                            "-t", threads)
                        self.assertEqual(actual.shape, expected.shape)
                        self.assertLess(largest_difference(actual, expected), LOGITS_ABS)

    def test_edge_logits(self):
        self.check_logits("edge")

    def test_edge_far_logits(self):
        self.check_logits("edge", "--context", "100016")

    def test_edge_mqa_logits(self):
        self.check_logits("edge-mqa")

    def test_edge_bf16_logits(self):
        self.check_logits("edge-bf16")

    def test_greedy_ids(self):
        for case in ("edge", "edge-mqa", "edge-bf16"):
            golden = json.loads((GOLDENS / case / "golden.json").read_text())
            executable = self.executable(case)
            for name, info in golden["runs"].items():
                for kind, flags in (("greedy", []), ("greedy_no_repeat", ["--no-repeat"])):
                    if kind not in info or name == "bf16_run":
                        continue
                    expected = info[kind]["ids"]
                    for level in levels(executable):
                        for chunk in (1, 7, 32, 0):
                            with self.subTest(case=case, run=name, kind=kind, level=level, chunk=chunk):
                                chunk_flags = ["--chunk", chunk] if chunk else []
                                result = run(executable, "generate", "--ids", ids_argument(info["ids"]), "-n",
                                             len(expected), "--temp", "0", "--print-ids", "--ignore-stop", "--level",
                                             level, *flags, *chunk_flags)
                                self.assertEqual(integers(result.stdout), expected)

    def test_full_prefill_is_identical(self):
        info = json.loads((GOLDENS / "edge-mqa" / "golden.json").read_text())["runs"]["main"]
        executable = self.executable("edge-mqa")
        command = [executable, "generate", "--ids", ids_argument(info["ids"]), "-n", 24, "--temp", "0", "--print-ids",
                   "--no-repeat", "--ignore-stop"]
        self.assertEqual(run(*command).stdout, run(*command, "--full-prefill").stdout)

    def test_dead_keys_and_values_change_nothing(self):
        """A checkpoint that carries unused K/V and one without give the same logits, bit for bit."""
        from strip_dead_kv import strip_dead_kv

        stripped = self.folder / "edge-stripped"
        removed = strip_dead_kv(GOLDENS / "edge", stripped)
        self.assertEqual(removed, 6)
        other = compile_model(stripped, self.folder / "stripped", "--quant", "f32", "--kv", "f32")
        ids = json.loads((GOLDENS / "edge" / "golden.json").read_text())["runs"]["long"]["ids"]
        self.assertEqual(self.score(self.executable("edge"), ids).values, self.score(other, ids).values)


if __name__ == "__main__":
    unittest.main(verbosity=2)
