#!/usr/bin/env python3
"""Executables for AArch64, run by qemu-user: each level on a CPU that has no more."""
import json
import os
import shlex
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import write_quantized_checkpoint
from support import (GEMCUT, GOLDENS, ROOT, TINY, compile_model, ids_argument, integers, largest_difference, levels,
                     read_npy, read_safetensors, relative_error, run)
from test_goldens import CASES, LOGITS_ABS, QUANTIZED_ERRORS

# The bundle of the C example, from the executable that the environment names.
LOADED = r"""
#include "runtime/abi/executable.h"
#include <stdio.h>
#include <stdlib.h>
const gemcut_bundle *gemcut_bundle_tiny(void) {
  gemcut_executable *executable;
  if (gemcut_executable_open(getenv("EXECUTABLE"), &executable)) {
    fprintf(stderr, "%s\n", gemcut_last_error());
    exit(1);
  }
  return gemcut_executable_bundle(executable);
}
"""

CPUS = {"neon": "cortex-a72", "dotprod": "neoverse-n1", "i8mm": "max,sve=off", "sve": "max,sve-max-vq=2"}
# The best level of each, and of sve each length that has forms of its own.
ALL_CPUS = {**CPUS, "sve, 16 bytes": "max,sve-max-vq=1", "sve, 64 bytes": "max,sve-max-vq=4"}
# Every case, format, CPU and number of threads: half an hour.
ALL = os.environ.get("GEMCUT_ARM_ALL") == "1"
# Every format of weights in groups, and bf16, in one model.
MIXED = {"name": "mixed", "default": "int4", "rules": [
    {"match": "*.[qkv]_proj.weight", "format": "q4_0"}, {"match": "*o_proj.weight", "format": "bf16"},
    {"match": "*down_proj.weight", "format": "int8"}, {"match": "*embed_tokens.weight", "format": "int8"},
    {"match": "*per_layer_input_gate.weight", "format": "bf16"}]}


class AArch64(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-aarch64-"))
        cls.qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
        assert cls.qemu, "qemu-user is needed"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def compile(self, model, name, *flags):
        return compile_model(model, self.folder / name, "--target", "aarch64-linux", *flags)

    def run_on(self, cpu, executable, *command, **options):
        return run(self.qemu, "-cpu", cpu, executable, *command, **options)

    def test_tiny_gives_the_greedy_answers_of_x86(self):
        flags = ("--quant", "int8", "--kv", "f32")
        arm = self.compile(TINY, "tiny", *flags)
        x86 = compile_model(TINY, self.folder / "x86", "--cpu", "avx2", *flags)
        cases = json.loads((TINY / "goldens" / "text.json").read_text())[:4]
        for case in cases:
            command = ("generate", "--ids", ids_argument(case["ids"]), "-n", 32, "--temp", "0", "--print-ids")
            expected = run(x86, *command).stdout
            self.assertTrue(integers(expected))
            for level, cpu in CPUS.items():
                for threads in (1, 2):
                    with self.subTest(case=case["name"], level=level, threads=threads):
                        actual = self.run_on(cpu, arm, *command, "-t", threads, "--stats")
                        self.assertEqual(actual.stdout, expected)

    def test_scalable_registers_of_every_length(self):
        """Registers of 16, 32 and 64 bytes give the same bits: greedy ids and all logits of a prompt."""
        arm = self.compile(TINY, "lengths", "--cpu", "sve,i8mm")
        ids = ids_argument(json.loads((TINY / "goldens" / "text.json").read_text())[0]["ids"])
        generate = ("generate", "--ids", ids, "-n", 24, "--temp", "0", "--print-ids")

        def results(cpu):
            out = self.folder / "length.npy"
            self.run_on(cpu, arm, "score", "--ids", ids, "--logits", out)
            return self.run_on(cpu, arm, *generate).stdout, out.read_bytes()

        expected = results("max,sve=off")
        self.assertTrue(integers(expected[0]))
        for quadwords in (1, 2, 4):
            with self.subTest(quadwords=quadwords):
                self.assertEqual(results(f"max,sve-max-vq={quadwords}"), expected)

    def test_levels_of_both_families_agree(self):
        """Logits of int4: equal to the bit where nothing multiplies pairs of bf16, near each other elsewhere. The
        tolerance is that of compiler/Docs/decisions/20261125-levels.md."""
        arm = self.compile(TINY, "agree")
        x86 = compile_model(TINY, self.folder / "agree-x86", "--cpu", "avx2,avx512vnni,avx512bf16")
        ids = ids_argument(json.loads((TINY / "goldens" / "text.json").read_text())[0]["ids"])
        logits = {}
        for level in [*CPUS, *levels(x86)]:
            out = self.folder / f"{level}.npy"
            command = ("score", "--ids", ids, "--logits", out, "--level", level)
            if level in CPUS:
                self.run_on(CPUS[level], arm, *command)
            else:
                run(x86, *command)
            logits[level] = read_npy(out)
        pairs = {"avx512bf16", "i8mm", "sve"}
        largest = max(abs(value) for value in logits["avx2"].values)
        for level, values in logits.items():
            with self.subTest(level=level):
                alike = "i8mm" if level in pairs else "neon"
                self.assertEqual(values.values, logits[alike].values)
                self.assertLess(largest_difference(values, logits["avx2"]), 0.02 * largest)

    def test_the_cpu_decides_the_level(self):
        arm = self.compile(GOLDENS / "edge", "edge")
        for level, cpu in CPUS.items():
            info = json.loads(self.run_on(cpu, arm, "info", "--json").stdout)
            self.assertEqual([entry["name"] for entry in info["levels"]], list(reversed(CPUS)))
            supported = [entry["name"] for entry in info["levels"] if entry["supported"]]
            self.assertEqual(supported[0], level)
        result = self.run_on("cortex-a72", arm, "generate", "--ids", "2", "-n", 1, "--level", "i8mm", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "error: level 'i8mm' needs CPU features that this CPU lacks: dotprod,i8mm,bf16\n")
        self.assertEqual(result.stdout, "")
        # Compiled for a device, and run on one that is older.
        newer = self.compile(GOLDENS / "edge", "newer", "--cpu", "raspberry-pi-5")
        result = self.run_on("cortex-a72", newer, "generate", "--ids", "2", "-n", 1, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("this CPU lacks features that even the lowest level, 'dotprod', needs: dotprod", result.stderr)

    def test_the_commands_of_the_example(self):
        lines = (ROOT / "examples" / "cross-raspberry-pi" / "README.md").read_text().splitlines()
        commands = {line.split()[0]: shlex.split(line) for line in lines if line.startswith("    ")}
        out = self.folder / "tiny-pi"
        compile_command = [str(out) if word == "tiny-pi" else word for word in commands["gemcut"]]
        written = run(GEMCUT, *compile_command[1:], cwd=ROOT).stdout
        self.assertIn("for aarch64-linux (dotprod, neon)", written)
        emulated = [str(out) if word == "tiny-pi" else word for word in commands["qemu-aarch64"]]
        self.assertEqual(run(self.qemu, *emulated[1:]).stdout, "23 + 45 = 68.\n")
        on_the_older_one = [word.replace("cortex-a76", "cortex-a72") for word in emulated]
        self.assertEqual(run(self.qemu, *on_the_older_one[1:]).stdout, "23 + 45 = 68.\n")

    def test_kernels_with_large_pages(self):
        """Raspberry Pi 5 and Apple machines have pages of 16 KiB, some servers of 64 KiB."""
        arm = self.compile(GOLDENS / "edge", "pages", "--cpu", "neon")
        command = ("generate", "--ids", "2,3,4", "-n", 8, "--temp", "0", "--print-ids", "--ignore-stop")
        expected = self.run_on("cortex-a72", arm, *command).stdout
        self.assertEqual(len(integers(expected)), 8)
        for page in (16384, 65536):
            actual = run(self.qemu, "-p", page, "-cpu", "cortex-a72", arm, *command)
            self.assertEqual(actual.stdout, expected)

    def test_an_executable_loaded_into_a_process(self):
        """As the Python package does on such machines: segments, relocations, jumps and pages of each size."""
        arm = self.compile(TINY, "loaded", "--cpu", "neon,dotprod")
        source = self.folder / "loaded.c"
        source.write_text(LOADED)
        runtime = GEMCUT.parents[1] / "lib" / "runtime" / "aarch64-linux" / "libgemcut_api.a"
        objects = []
        for path in (ROOT / "runtime" / "api" / "elf_image.cpp", ROOT / "runtime" / "api" / "executable.cpp",
                     source, ROOT / "examples" / "c-embed" / "main.c"):
            objects.append(self.folder / (path.stem + ".o"))
            flags = ("-std=c++17", "-fno-exceptions", "-fno-rtti") if path.suffix == ".cpp" else ()
            run("clang-22", "--target=aarch64-linux-gnu", "-O1", *flags, f"-I{ROOT}", f"-I{ROOT / 'runtime' / 'abi'}",
                "-c", path, "-o", objects[-1])
        program = self.folder / "loader"
        run("clang-22", "--target=aarch64-linux-gnu", "-fuse-ld=lld", "-static", *objects, runtime, "-lm", "-o", program)
        question = "What is 38 + 57?"
        expected = self.run_on("cortex-a72", arm, "-p", question, "--temp", 0).stdout
        self.assertIn("95", expected)
        for level, cpu, page in (("neon", "cortex-a72", 4096), ("dotprod", "neoverse-n1", 16384),
                                 ("neon", "cortex-a72", 65536)):
            with self.subTest(level=level, page=page):
                result = run(self.qemu, "-p", page, "-cpu", cpu, program, question,
                             env={"EXECUTABLE": str(arm), "LEVEL": level})
                self.assertEqual(result.stdout, expected)
        # Damaged or foreign programs are a message.
        whole = bytearray(arm.read_bytes())
        for at, value, message in ((18, 62, "is no program for this machine"), (16, 2, "is not position-independent"),
                                   (56, 200, "damaged list of segments"), (60, 255, "damaged list of sections")):
            broken = self.folder / "broken"
            broken.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            result = run(self.qemu, program, question, env={"EXECUTABLE": str(broken)}, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn(message, result.stderr)

    def score(self, cpu, executable, ids, *flags):
        out = self.folder / "logits.npy"
        self.run_on(cpu, executable, "score", "--ids", ids_argument(ids), "--logits", out, *flags)
        return read_npy(out)

    def golden(self, case, name):
        """The ids of a run, and the official implementation's logits."""
        run_info = json.loads((GOLDENS / case / "golden.json").read_text())["runs"][name]
        return run_info["ids"], read_safetensors(GOLDENS / case / "golden.safetensors")[f"{name}.logits"]

    def test_golden_logits(self):
        """f32 weights and KV: all logits of the official implementation within 1e-3, at each level."""
        for case in CASES if ALL else ("edge", "moe"):
            model, flags = GOLDENS / case, ("--quant", "f32", "--kv", "f32")
            if not any(model.glob("model*.safetensors")):  # the expected values are those of its random weights
                model, flags = model / "config.json", ("--weights", "random:0", *flags)
            arm = self.compile(model, case + "-f32", *flags)
            runs = json.loads((GOLDENS / case / "golden.json").read_text())["runs"]
            for name in [n for n in ("main", "long") if n in runs] if ALL else ["main"]:
                ids, expected = self.golden(case, name)
                for place, cpu in (ALL_CPUS if ALL else CPUS).items():
                    for threads in (1, 2):
                        with self.subTest(case=case, run=name, place=place, threads=threads):
                            self.assertLess(largest_difference(self.score(cpu, arm, ids, "-t", threads), expected),
                                            LOGITS_ABS)

    def test_formats_give_the_logits_of_x86(self):
        """bf16, q4_0, int8 and int4 in one model: at each level and length of registers as near to avx2's logits as
        x86's levels are to each other, and to the official ones as the coarsest format allows."""
        ids, expected = self.golden("edge", "long")
        recipe = self.folder / "mixed.json"
        recipe.write_text(json.dumps(MIXED))
        flags = ("--quant", recipe, "--kv", "f32")
        arm = self.compile(GOLDENS / "edge", "mixed", *flags)
        x86 = compile_model(GOLDENS / "edge", self.folder / "mixed-x86", "--cpu", "avx2", *flags)
        formats = json.loads(run(GEMCUT, "inspect", x86, "--json").stdout)["report"]["bytes_by_format"]
        self.assertLessEqual({"bf16", "q4_0", "int8", "int4"}, set(formats))
        out = self.folder / "x86.npy"
        run(x86, "score", "--ids", ids_argument(ids), "--logits", out)
        avx2 = read_npy(out)
        self.assertLess(relative_error(avx2, expected), QUANTIZED_ERRORS["int4"])
        for place, cpu in ALL_CPUS.items():
            with self.subTest(place=place):
                self.assertLess(largest_difference(self.score(cpu, arm, ids, "-t", 2), avx2), LOGITS_ABS)

    def test_row_scales_are_near_the_interpreter(self):
        """2, 4 and 8 bits under a scale per row, with activations rounded as trained; as test_quantized.py on x86."""
        checkpoint, plain = self.folder / "gemma", self.folder / "gemma-plain"
        write_quantized_checkpoint.write(GOLDENS / "edge", checkpoint, "gemma")
        write_quantized_checkpoint.write(GOLDENS / "edge", plain, "gemma", plain=True)
        ids = [2, 17, 101, 5, 88, 240, 7, 33, 64, 129, 3, 200]
        references = []
        for model in (checkpoint, plain):
            out = self.folder / "reference.npy"
            run(GEMCUT, "reference", model, "--ids", ids_argument(ids), "--logits", out)
            references.append(read_npy(out))
        effect = relative_error(references[1], references[0])
        arm = self.compile(checkpoint, "rows", "--kv", "f32")
        for place, cpu in ALL_CPUS.items():
            with self.subTest(place=place):
                error = relative_error(self.score(cpu, arm, ids, "-t", 2), references[0])
                self.assertLess(error, 0.02)
                self.assertLess(error, effect / 5)

    @unittest.skipUnless(ALL, "half an hour: set GEMCUT_ARM_ALL=1")
    def test_each_format_at_each_place(self):
        """As test_goldens.test_quantized_logits, with the formats that it leaves out compared to x86 alone."""
        for case in ("edge", "dense", "moe"):
            ids, expected = self.golden(case, "long")
            for quant in ("bf16", "q4_0", "int8", "int4", "mobile"):
                flags = ("--quant", quant, "--kv", "f32")
                arm = self.compile(GOLDENS / case, f"{case}-{quant}", *flags)
                x86 = compile_model(GOLDENS / case, self.folder / f"{case}-{quant}-x86", "--cpu", "avx2", *flags)
                out = self.folder / "x86.npy"
                run(x86, "score", "--ids", ids_argument(ids), "--logits", out)
                avx2 = read_npy(out)
                for place, cpu in ALL_CPUS.items():
                    for threads in (1, 2):
                        with self.subTest(case=case, quant=quant, place=place, threads=threads):
                            actual = self.score(cpu, arm, ids, "-t", threads)
                            self.assertLess(largest_difference(actual, avx2), LOGITS_ABS)
                            if quant in QUANTIZED_ERRORS:
                                self.assertLess(relative_error(actual, expected), QUANTIZED_ERRORS[quant])


if __name__ == "__main__":
    unittest.main(verbosity=2)
