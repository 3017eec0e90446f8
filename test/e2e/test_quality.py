#!/usr/bin/env python3
"""What rounding costs: calibration, certificates and reports on the tiny trained model."""
import json
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import GEMCUT, ROOT, TINY, run

CALIBRATION = ROOT / "test/data/quality/calibration.txt"
ONE_LEVEL = ("--cpu", "host")


class Quality(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-quality-"))
        # Whole conversations of the evaluation text, which calibration does not see.
        samples = (TINY / "eval.txt").read_text().split("<bos>")[1:]
        cls.text = cls.folder / "text.txt"
        cls.text.write_text("".join("<bos>" + sample for sample in samples[:36]))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def compile(self, name, *flags, check=True):
        return run(GEMCUT, "compile", TINY, "-o", self.folder / name, *ONE_LEVEL, *flags, check=check)

    def report(self, name):
        return json.loads(run(self.folder / name, "info", "--json").stdout)["report"]

    def weights(self, name):
        """The checksum of the weights."""
        sections = json.loads(run(self.folder / name, "info", "--json").stdout)["sections"]
        return next(section["xxh64"] for section in sections if section["name"] == "weights")

    def left_over(self):
        return sorted(p.name for p in self.folder.iterdir() if p.name != "text.txt")

    def test_calibration_halves_the_divergence(self):
        calibrate = ("--calibrate", CALIBRATION, "--calibrate-tokens", "1000")
        self.compile("plain", "--certify", self.text)
        self.compile("calibrated", "--certify", self.text, *calibrate)
        self.compile("again", "--threads", "1", *calibrate)
        plain, calibrated = (self.report(name)["certificate"] for name in ("plain", "calibrated"))
        self.assertEqual(plain["rows"], calibrated["rows"])
        self.assertGreater(plain["rows"], 1500)
        # 0.6 when this was written.
        self.assertLess(calibrated["mean_kl_divergence"], 0.75 * plain["mean_kl_divergence"])
        self.assertLess(plain["mean_kl_divergence"], 2e-3)
        self.assertGreater(calibrated["top1_agreement"], 0.97)
        self.assertAlmostEqual(plain["perplexity"], plain["bf16_perplexity"], delta=0.02)
        self.assertEqual(self.report("calibrated")["calibration"]["text"], "calibration.txt")
        self.assertEqual(self.weights("calibrated"), self.weights("again"))
        self.assertNotEqual(self.weights("calibrated"), self.weights("plain"))
        text = run(self.folder / "plain", "info").stdout
        self.assertRegex(text, r"certified +mean KL divergence \S+ from the bf16 form, same top token \S+ %")
        for name in ("plain", "calibrated", "again"):
            (self.folder / name).unlink()
        self.assertEqual(self.left_over(), [])

    def test_certificate_is_what_score_says(self):
        self.compile("bf16", "--quant", "bf16")
        logits = self.folder / "bf16.npy"
        run(self.folder / "bf16", "score", "--text", self.text, "--logits", logits)
        self.compile("int8", "--quant", "int8", "--certify", self.text, "--certify-kl", "0.01")
        said = run(self.folder / "int8", "score", "--text", self.text, "--compare", logits).stdout
        certificate = self.report("int8")["certificate"]
        self.assertEqual(certificate["tokens"], int(re.search(r"^(\d+) tokens", said)[1]))
        divergence = float(re.search(r"KL divergence +(\S+)", said)[1])
        self.assertAlmostEqual(certificate["mean_kl_divergence"] / divergence, 1, delta=1e-3)
        self.assertAlmostEqual(certificate["perplexity"], float(re.search(r"perplexity +(\S+)", said)[1]), delta=1e-4)
        for path in (logits, self.folder / "bf16", self.folder / "int8"):
            path.unlink()

    def test_above_the_threshold_nothing_is_written(self):
        result = self.compile("bad", "--certify", self.text, "--certify-kl", "1e-6", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"error: .*text.txt: mean KL divergence \S+ .* above the 1e-06 of --certify-kl")
        self.assertEqual(self.left_over(), [])

    def test_report(self):
        result = run(GEMCUT, "quantize-report", TINY, "--quant", "int4", "--json", "--text", self.text)
        report = json.loads(result.stdout)
        tensors = {tensor["name"].split("language_model.")[-1]: tensor for tensor in report["tensors"]}
        up = tensors["layers.0.mlp.up_proj.weight"]
        self.assertEqual((up["format"], up["values"]), ("int4", 320 * 256))
        # 4.25 bits, and a row's scale for its 256 values.
        self.assertEqual(8 * up["bytes"] / up["values"], 4.375)
        # Levels lie a sixteenth of the range of 32 values apart: a few decibels above 20.
        self.assertAlmostEqual(up["snr_db"], 21.8, delta=0.7)
        self.assertGreater(up["max_error"], 0)
        self.assertEqual(tensors["embed_tokens_per_layer.weight"]["format"], "int8")
        self.assertGreater(tensors["embed_tokens_per_layer.weight"]["snr_db"], 40)
        self.assertLess(report["text"]["mean_kl_divergence"], 2e-3)
        text = run(GEMCUT, "quantize-report", TINY, "--quant", "f32").stdout
        self.assertRegex(text, r"f32 .* exact .*layers.0.mlp.up_proj.weight")

    def test_bad_texts(self):
        empty, binary, short = (self.folder / name for name in ("empty", "binary", "short"))
        empty.write_bytes(b"")
        short.write_text("<bos>")
        binary.write_bytes(bytes(range(256)) * 4)
        for flag in ("--certify", "--calibrate"):
            for path, message in ((self.folder / "missing", "cannot be read"), (empty, "is empty"),
                                  (self.folder, "cannot be read"), (short, "two tokens")):
                result = self.compile("out", flag, path, check=False)
                self.assertEqual(result.returncode, 1, (flag, path, result.stderr))
                self.assertRegex(result.stderr, rf"^(gemcut: note: .*\n)*gemcut: error: .*{message}.*\n$")
        # Bytes that are no UTF-8 are tokens as well.
        self.compile("out", "--calibrate", binary, "--calibrate-tokens", "200")
        for path in (empty, binary, short, self.folder / "out"):
            path.unlink()
        self.assertEqual(self.left_over(), [])

    def test_calibration_needs_int4(self):
        for command in (("compile", TINY, "-o", self.folder / "out"), ("quantize-report", TINY)):
            result = run(GEMCUT, *command, "--quant", "bf16", "--calibrate", self.text, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn("--calibrate rounds int4, but --quant bf16 gives no weight", result.stderr)
        self.assertEqual(self.left_over(), [])

    def test_a_model_without_a_tokenizer_says_so(self):
        model = self.folder / "bare"
        model.mkdir()
        for name in ("config.json", "model.safetensors"):
            shutil.copy(TINY / name, model)
        result = run(GEMCUT, "compile", model, "-o", self.folder / "out", *ONE_LEVEL, "--calibrate", self.text,
                     check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"error: .*text.txt: cannot be measured: .*no tokenizer")
        shutil.rmtree(model)
        self.assertEqual(self.left_over(), [])


if __name__ == "__main__":
    unittest.main()
