#!/usr/bin/env python3
"""Checkpoints that store integers: the same values as plain ones, kept in executables.

A plain golden checkpoint is rewritten as the official quantized releases are, and as the float32
values that those integers stand for (test/tools/write_quantized_checkpoint.py).
"""
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import write_quantized_checkpoint as writer
from support import (GEMCUT, GOLDENS, AvxVnni, compile_model, ids_argument, largest_difference, levels, read_npy,
                     relative_error, run)

IDS = [2, 17, 101, 5, 88, 240, 7, 33, 64, 129, 3, 200]


class Quantized(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-quantized-"))
        for method in ("gemma", "compressed-tensors"):
            writer.write(GOLDENS / "edge", cls.folder / method, method)
            writer.write(GOLDENS / "edge", cls.folder / f"{method}-plain", method, plain=True)
        writer.write(GOLDENS / "edge", cls.folder / "gemma-dynamic", "gemma", activation_scales=False)
        for name, flags in (("experts", {}), ("experts-plain", {"plain": True}),
                            ("experts-dynamic", {"activation_scales": False})):
            writer.write(GOLDENS / "moe", cls.folder / f"gemma-{name}", "gemma", **flags)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def reference(self, checkpoint):
        logits = self.folder / "reference.npy"
        run(GEMCUT, "reference", self.folder / checkpoint, "--ids", ids_argument(IDS), "--logits", logits)
        return read_npy(logits)

    def executable(self, checkpoint, *flags):
        out = self.folder / "-".join([checkpoint, "out", *flags])
        if not out.exists():
            compile_model(self.folder / checkpoint, out, "--kv", "f32", *flags)
        return out

    def score(self, executable, *flags):
        logits = self.folder / "logits.npy"
        run(executable, "score", "--ids", ids_argument(IDS), "--logits", logits, *flags)
        return read_npy(logits)

    def test_integers_stand_for_the_plain_values(self):
        for checkpoint, plain in (("gemma-dynamic", "gemma-plain"), ("gemma-experts-dynamic", "gemma-experts-plain"),
                                  ("compressed-tensors", "compressed-tensors-plain")):
            with self.subTest(checkpoint=checkpoint):
                self.assertEqual(self.reference(checkpoint).values, self.reference(plain).values)

    def test_formats_are_kept_by_default(self):
        expected = {"gemma": "keep", "compressed-tensors": "keep", "gemma-plain": "int4"}
        for checkpoint, quantization in expected.items():
            with self.subTest(checkpoint=checkpoint):
                info = json.loads(run(self.executable(checkpoint), "info", "--json").stdout)
                self.assertEqual(info["quantization"], quantization)

    def test_f32_executables_have_the_plain_values(self):
        for checkpoint in ("gemma", "compressed-tensors", "gemma-experts"):
            actual = self.score(self.executable(checkpoint, "--quant", "f32"))
            expected = self.reference(f"{checkpoint}-plain")
            self.assertLess(largest_difference(actual, expected), 1e-3, checkpoint)

    def test_activations_are_rounded_as_trained(self):
        """Rounding to int8 is not continuous: a last bit elsewhere moves an activation by a step now
        and then. What is left is far below the effect of the rounding itself."""
        for checkpoint in ("gemma", "gemma-experts"):
            self.follows_the_reference(checkpoint)

    def follows_the_reference(self, checkpoint):
        expected = self.reference(checkpoint)
        effect = relative_error(self.reference(f"{checkpoint}-plain"), expected)
        executable = self.executable(checkpoint)
        for level in levels(executable):
            for threads in (1, 3):
                with self.subTest(checkpoint=checkpoint, level=level, threads=threads):
                    error = relative_error(self.score(executable, "--level", level, "-t", threads), expected)
                    self.assertLess(error, 0.02)
                    self.assertLess(error, effect / 5)

    def test_avxvnni_has_the_bits_of_avx2(self):
        executable, out = self.executable("gemma"), self.folder / "avxvnni.npy"
        AvxVnni(executable).run("score", "--ids", ids_argument(IDS), "--logits", out, "--level", "avxvnni")
        self.assertEqual(read_npy(out).values, self.score(executable, "--level", "avx2").values)

    def test_kept_weights_cost_activations_in_int8_alone(self):
        for checkpoint in ("gemma-dynamic", "compressed-tensors", "gemma-experts-dynamic"):
            executable = self.executable(checkpoint)
            expected = self.reference(checkpoint)
            for level in levels(executable):
                with self.subTest(checkpoint=checkpoint, level=level):
                    self.assertLess(relative_error(self.score(executable, "--level", level), expected), 0.1)

    def test_experts_may_be_stored_one_by_one(self):
        writer.write(GOLDENS / "moe", self.folder / "experts", "single-experts")
        texts = {}
        for name, checkpoint in (("stacked", GOLDENS / "moe"), ("single", self.folder / "experts")):
            for quant in ("f32", "int4"):
                out = compile_model(checkpoint, self.folder / f"{name}-{quant}", "--quant", quant, "--cpu", "avx2")
                ids = run(out, "generate", "--ids", ids_argument(IDS), "-n", 24, "--temp", 0, "--print-ids").stdout
                texts[name, quant] = (ids, self.score(out).values)
        for quant in ("f32", "int4"):
            self.assertEqual(texts["single", quant], texts["stacked", quant])

    def test_integers_of_single_experts_are_kept(self):
        for name, plain in (("moe", False), ("moe-plain", True)):
            writer.write(GOLDENS / "moe", self.folder / name, "compressed-tensors", plain=plain)
        expected = self.reference("moe-plain")
        self.assertEqual(self.reference("moe").values, expected.values)
        executable = self.executable("moe", "--cpu", "avx2")
        report = json.loads(run(GEMCUT, "inspect", executable, "--json").stdout)["report"]["conversion_errors"]
        experts = {name: error for name, error in report.items() if ".experts." in name}
        self.assertEqual(len(experts), 12, report)  # gate_up_proj and down_proj of six layers
        self.assertEqual(set(experts.values()), {"0.000e+00"})
        self.assertLess(relative_error(self.score(executable), expected), 0.1)

    def test_damaged_parts_are_named(self):
        cases = {
            "quantization_config.quant_method": ("gemma", {"quant_method": "awq"}),
            "quantization_config.format": ("compressed-tensors", {"format": "int-quantized"}),
        }
        for message, (checkpoint, change) in cases.items():
            with self.subTest(message=message):
                copy = self.folder / "damaged"
                shutil.copytree(self.folder / checkpoint, copy, dirs_exist_ok=True)
                config = json.loads((copy / "config.json").read_text())
                config["quantization_config"].update(change)
                (copy / "config.json").write_text(json.dumps(config))
                result = run(GEMCUT, "compile", copy, "-o", self.folder / "none", check=False)
                self.assertEqual(result.returncode, 1)
                self.assertIn(message, result.stderr)
                self.assertFalse((self.folder / "none").exists())


if __name__ == "__main__":
    unittest.main()
