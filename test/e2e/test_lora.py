#!/usr/bin/env python3
"""Adapters merged when a model is compiled, and kept beside its weights.

An executable of a checkpoint and adapters gives the logits that the interpreter computes for
a checkpoint whose weights were merged beforehand.
"""
import array
import json
import shutil
import struct
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import (GEMCUT, GOLDENS, compile_model, ids_argument, largest_difference, levels, read_npy,
                     read_safetensors, run)

RANK, ALPHA = 3, 2.0
MODULES = ("self_attn.q_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj")


def write_safetensors(path, tensors):
    """tensors: {name: (shape, array of float32)}"""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def pseudo_random(seed, count, amplitude):
    values, state = array.array("f"), seed
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(amplitude * ((state >> 40) / 2**23 - 1))
    return values


def make_adapter(folder, base, layers, seed):
    """Writes an adapter for `layers` of the checkpoint with tensors `base` (prefix model.)."""
    folder.mkdir()
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none", "target_modules": list(MODULES)}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    tensors = {}
    for layer in layers:
        for module in MODULES:
            tensor = base.get(f"model.layers.{layer}.{module}.weight")
            if tensor is None:
                continue
            name, seed = f"base_model.model.model.layers.{layer}.{module}", seed + 1
            outputs, inputs = tensor.shape
            tensors[name + ".lora_A.weight"] = ((RANK, inputs), pseudo_random(2 * seed, RANK * inputs, 0.3))
            tensors[name + ".lora_B.weight"] = ((outputs, RANK), pseudo_random(2 * seed + 1, outputs * RANK, 0.3))
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    return tensors


def merge(base, adapter, strength):
    """The tensors of `base` with the adapter's products added, in float64 and rounded once."""
    for name, (_, a) in adapter.items():
        if not name.endswith(".lora_A.weight"):
            continue
        module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        b = adapter[name.replace("lora_A", "lora_B")][1]
        tensor = base[module + ".weight"]
        outputs, inputs = tensor.shape
        for n in range(outputs):
            for c in range(inputs):
                tensor.values[n * inputs + c] += strength * ALPHA / RANK * sum(
                    b[n * RANK + k] * a[k * inputs + c] for k in range(RANK))


class Lora(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-lora-"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def score(self, executable, ids, *flags):
        logits = self.folder / "logits.npy"
        run(executable, "score", "--ids", ids_argument(ids), "--logits", logits, *flags)
        return read_npy(logits)

    def test_merged(self):
        case = GOLDENS / "gemma3"
        golden = json.loads((case / "golden.json").read_text())
        ids = golden["runs"]["long"]["ids"]
        base = read_safetensors(case / "model.safetensors")
        first = make_adapter(self.folder / "first", base, range(7), seed=100)
        second = make_adapter(self.folder / "second", base, (2, 5), seed=200)
        executable = compile_model(case, self.folder / "merged", "--quant", "f32", "--lora", self.folder / "first",
                                   "--lora", f"{self.folder / 'second'}=-0.5")
        merge(base, first, 1)
        merge(base, second, -0.5)
        checkpoint = self.folder / "checkpoint"
        checkpoint.mkdir()
        shutil.copy(case / "config.json", checkpoint)
        write_safetensors(checkpoint / "model.safetensors", {name: (t.shape, t.values) for name, t in base.items()})
        reference = self.folder / "reference.npy"
        run(GEMCUT, "reference", checkpoint, "--ids", ids_argument(ids), "--logits", reference)
        expected = read_npy(reference)
        for level in levels(executable):
            with self.subTest(level=level):
                self.assertLess(largest_difference(self.score(executable, ids, "--level", level), expected), 1e-3)
        unmerged = read_safetensors(case / "golden.safetensors")["long.logits"]
        self.assertGreater(largest_difference(unmerged, expected), 1)
        # The interpreter merges as well.
        run(GEMCUT, "reference", case, "--ids", ids_argument(ids), "--logits", reference, "--lora",
            self.folder / "first", "--lora", f"{self.folder / 'second'}=-0.5")
        self.assertLess(largest_difference(read_npy(reference), expected), 1e-4)

    def test_runtime(self):
        """Switched by name: the numbers of merged executables; without a name those of the plain one."""
        for case, layers, quant, cpu in (("gemma3", range(7), "f32", ()), ("edge-mqa", range(6), "f32", ("--cpu", "host")),
                                         ("edge-mqa", range(6), "int8", ("--cpu", "host"))):
            golden = json.loads((GOLDENS / case / "golden.json").read_text())
            ids = golden["runs"]["long"]["ids"] if "long" in golden["runs"] else golden["runs"]["main"]["ids"]
            base = read_safetensors(GOLDENS / case / "model.safetensors")
            folder = self.folder / f"{case}-{quant}"
            folder.mkdir()
            make_adapter(folder / "one", base, layers, seed=300)
            make_adapter(folder / "two", base, list(layers)[1::3], seed=400)
            flags = ("--quant", quant, "--kv", "f32", *cpu)
            plain = compile_model(GOLDENS / case, folder / "plain", *flags)
            both = compile_model(GOLDENS / case, folder / "both", *flags, "--lora-runtime", f"first={folder / 'one'}",
                                 "--lora-runtime", f"second={folder / 'two'}")
            self.assertEqual(json.loads(run(both, "info", "--json").stdout)["adapters"], ["first", "second"])
            for level in levels(both):
                with self.subTest(case=case, quant=quant, level=level):
                    expected = self.score(plain, ids, "--level", level)
                    self.assertEqual(self.score(both, ids, "--level", level).values, expected.values)
            if quant != "f32":
                continue
            for name, adapter in (("first", "one"), ("second", "two")):
                merged = compile_model(GOLDENS / case, folder / adapter / "merged", *flags, "--lora", folder / adapter)
                for level in levels(both):
                    with self.subTest(case=case, adapter=name, level=level):
                        expected = self.score(merged, ids, "--level", level)
                        actual = self.score(both, ids, "--level", level, "--lora", name)
                        self.assertLess(largest_difference(actual, expected), 1e-3)
                        self.assertGreater(largest_difference(actual, self.score(plain, ids)), 1)
            generate = ("generate", "--ids", ids_argument(ids[:8]), "-n", 24, "--temp", "0", "--print-ids",
                        "--ignore-stop", "--no-repeat")
            self.assertEqual(run(both, *generate, "--lora", "first").stdout,
                             run(folder / "one" / "merged", *generate).stdout)
            result = run(both, *generate, "--lora", "third", check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn("--lora is 'third', but must be one of: first, second", result.stderr)

    def test_errors(self):
        case = GOLDENS / "gemma3"
        for adapter, message in ((self.folder / "none", "adapter_config.json: cannot be read"),
                                 (f"{self.folder / 'none'}=much", "expected DIR or DIR=STRENGTH with a number"),
                                 (f"{self.folder / 'none'}=nan", "with a number from -1000000 to 1000000"),
                                 (f"{self.folder / 'none'}=", "expected DIR or DIR=STRENGTH with a number")):
            out = self.folder / "bad"
            result = run(GEMCUT, "compile", case, "-o", out, "--lora", adapter, check=False)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(message, result.stderr)
            self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
