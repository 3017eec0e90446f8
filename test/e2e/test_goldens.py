#!/usr/bin/env python3
"""Executables of the golden checkpoints against the official implementation.

`--quant f32 --kv f32` executables: all logits within 1e-3, greedy ids equal, at every
ISA level and several thread counts, with prompts in chunks and whole. Quantized ones: all
levels agree, and the logits are as near to the official ones as the format allows.
"""
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import (GEMCUT, GOLDENS, AvxVnni, compile_model, ids_argument, integers, largest_difference, levels, read_npy,
                     read_safetensors, relative_error, run)

LOGITS_ABS = 1e-3
# Every operand form and the edges of the values of the dot products that avxvnni has.
DOT_PRODUCTS = r"""
#include <stdint.h>
#include <string.h>
typedef int32_t V __attribute__((vector_size(32)));
static uint32_t seed = 1;
static uint8_t next(void) {
  seed = seed * 1664525 + 1013904223;
  return seed >> 30 ? seed >> 20 : seed >> 29 & 1 ? 0x80 : 0xFF;
}
static int check(V sum, V u8, V s8, V actual, int bytes, int words) {
  for (int i = 0; i < 8; ++i) {
    uint32_t expected = sum[i];
    for (int j = 0; j < 4; ++j)
      expected += ((uint8_t *)&u8)[4 * i + j] * ((int8_t *)&s8)[4 * i + j];
    if (words) {
      int16_t *a = (int16_t *)&u8 + 2 * i, *b = (int16_t *)&s8 + 2 * i;
      expected = sum[i] + (uint32_t)(a[0] * b[0]) + (uint32_t)(a[1] * b[1]);
    }
    if (actual[i] != (int32_t)(4 * i < bytes ? expected : 0))
      return 1;
  }
  return 0;
}
#define CHECK(TEXT, BYTES, WORDS, ...) { V r = sum; asm("%{vex%} " TEXT : "+x"(r) : __VA_ARGS__ : "memory"); \
    if (check(sum, u8, s8, r, BYTES, WORDS)) return __COUNTER__ + 1; }
int main(void) {
  for (int n = 0; n < 1000; ++n) {
    V sum, u8, s8, many[4];
    for (int i = 0; i < 32; ++i)
      ((uint8_t *)&sum)[i] = next(), ((uint8_t *)&u8)[i] = next(), ((uint8_t *)&s8)[i] = next();
    many[2] = s8;
    int64_t one = 1;
    CHECK("vpdpbusd %2, %1, %0", 32, 0, "x"(u8), "x"(s8))
    CHECK("vpdpbusd %x2, %x1, %x0", 16, 0, "x"(u8), "x"(s8))
    CHECK("vpdpbusd %2, %1, %0", 32, 0, "x"(u8), "m"(many[2]))
    CHECK("vpdpbusd 32(%2,%3,8), %1, %0", 32, 0, "x"(u8), "r"((char *)many + 24), "r"(one))
    CHECK("vpdpwssd %2, %1, %0", 32, 1, "x"(u8), "x"(s8))
    CHECK("vpdpwssd %2, %x1, %x0", 16, 1, "x"(u8), "m"(many[2]))
  }
  return 0;
}
"""
# Models that also take images and sound, here prompts of text alone.
TEXT_PARTS = ("unified", "vision-large", "vision-moe", "vision-audio")
CASES = ("edge", "edge-mqa", "edge-bf16", "dense", "moe", "gemma3", "gemma3-scaled", *TEXT_PARTS)
# Sum of differences of logits over the sum of their magnitudes, at most, for random weights.
QUANTIZED_ERRORS = {"bf16": 0.02, "int8": 0.2, "int4": 0.6}


class Goldens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-goldens-"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def executable(self, case, *flags, quant="f32"):
        out = self.folder / ("-".join([case, quant, *flags]).replace("/", "_"))
        if not out.exists():
            model = GOLDENS / case
            if case in TEXT_PARTS:  # levels that nothing here can run are compiled by the other cases
                flags = ("--cpu", ",".join(levels(self.executable("edge"))), *flags)
            if not any(model.glob("model*.safetensors")):  # the expected values are those of its random weights
                model, flags = model / "config.json", ("--weights", "random:0", *flags)
            compile_model(model, out, "--quant", quant, "--kv", "f32", *flags)
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

    def test_dense_logits(self):
        self.check_logits("dense")

    def test_gemma3_logits(self):
        for case in ("gemma3", "gemma3-scaled"):
            self.check_logits(case, "--context", "30016")

    def test_moe_logits(self):
        self.check_logits("moe")

    def test_text_parts_logits(self):
        for case in TEXT_PARTS:
            self.check_logits(case)

    def test_placeholders_are_embedded_as_padding(self):
        """As text, ids of images, sound and video have the rows of the pad id, as in transformers."""
        for case in ("vision-audio", "unified"):
            config = json.loads((GOLDENS / case / "config.json").read_text())
            ids = [2, 17, 93, 5, 41, 9]
            padded, logits = list(ids), self.folder / "reference.npy"
            for place, modality in ((1, "image"), (3, "audio"), (4, "video")):
                ids[place] = config[f"{modality}_token_id"]
                padded[place] = config["text_config"]["pad_token_id"]
            executable = self.executable(case)
            actual = self.score(executable, ids)
            self.assertEqual(actual.values, self.score(executable, padded).values, case)
            run(GEMCUT, "reference", GOLDENS / case, "--ids", ids_argument(ids), "--logits", logits)
            self.assertLess(largest_difference(actual, read_npy(logits)), LOGITS_ABS)

    def test_quantized_logits(self):
        for case in ("dense", "moe"):
            ids = json.loads((GOLDENS / case / "golden.json").read_text())["runs"]["long"]["ids"]
            expected = read_safetensors(GOLDENS / case / "golden.safetensors")["long.logits"]
            for quant, bound in QUANTIZED_ERRORS.items():
                executable = self.executable(case, quant=quant)
                first = None
                for level in levels(executable):
                    with self.subTest(case=case, quant=quant, level=level):
                        actual = self.score(executable, ids, "--level", level)
                        first = first or actual
                        self.assertLess(largest_difference(actual, first), LOGITS_ABS)
                        self.assertLess(relative_error(actual, expected), bound)

    def test_avxvnni_dot_products_are_emulated(self):
        """What test_avxvnni stands on."""
        source, program = self.folder / "dots.c", self.folder / "dots"
        source.write_text(DOT_PRODUCTS)
        run("clang-22", "-O1", "-mavx2", "-static", source, "-o", program)
        AvxVnni(program).run()

    def test_avxvnni_has_the_bits_of_avx2(self):
        """Sums of integers are exact. What avx2 computes is checked against the official logits above."""
        ids = json.loads((GOLDENS / "dense" / "golden.json").read_text())["runs"]["long"]["ids"]
        for case, quant, flags in (("dense", "int4", ()), ("dense", "int8", ()),
                                   ("edge", "q4_0", ("--cpu", "avx2,avxvnni"))):
            executable = self.executable(case, *flags, quant=quant)
            emulated, out = AvxVnni(executable), self.folder / "avxvnni.npy"
            for threads in (1, 3):
                with self.subTest(case=case, quant=quant, threads=threads):
                    emulated.run("score", "--ids", ids_argument(ids), "--logits", out, "--level", "avxvnni", "-t", threads)
                    self.assertEqual(read_npy(out).values, self.score(executable, ids, "--level", "avx2").values)

    def test_greedy_ids(self):
        for case in CASES:
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

    def test_suppressed_tokens_are_never_chosen(self):
        """suppress_tokens of generation_config.json, with and without sampling."""
        ids = json.loads((GOLDENS / "dense" / "golden.json").read_text())["runs"]["main"]["ids"]
        row = self.score(self.executable("dense"), ids).values[-256:]
        order = sorted(range(256), key=lambda i: -row[i])
        suppressed = order[:3]
        model = self.folder / "suppressing"
        shutil.copytree(GOLDENS / "dense", model)
        settings = json.loads((model / "generation_config.json").read_text())
        (model / "generation_config.json").write_text(json.dumps({**settings, "suppress_tokens": suppressed}))
        executable = compile_model(model, self.folder / "suppressing-out", "--quant", "f32", "--kv", "f32")
        command = [executable, "generate", "--ids", ids_argument(ids), "--print-ids", "--ignore-stop"]
        self.assertEqual(integers(run(*command, "-n", 1, "--temp", "0").stdout), [order[3]])
        for mode in (["--temp", "0"], ["--temp", "3", "--seed", "1"], ["--temp", "3", "--top-k", "4"],
                     ["--temp", "3", "--top-p", "0.5"], ["--temp", "3", "--min-p", "0.01"], ["--no-repeat"]):
            chosen = integers(run(*command, "-n", 60, *mode).stdout)
            self.assertEqual(len(chosen), 60)
            self.assertFalse(set(chosen) & set(suppressed), mode)

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
