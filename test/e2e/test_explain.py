#!/usr/bin/env python3
"""`gemcut explain`: bytes that the stages read, times of every stage, the plot, and mistakes."""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import GEMCUT, GOLDENS, TINY, compile_model, levels, run


def explain(out, *flags):
    return json.loads(run(GEMCUT, "explain", out, "--format", "json", *flags).stdout)


def stages_of(explanation, name):
    (found,) = [r for r in explanation["runs"] if r["name"] == name]
    return found


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-explain-"))
        cls.tiny = compile_model(TINY, cls.folder / "tiny")
        cls.plan = json.loads(run(GEMCUT, "inspect", cls.tiny, "--json").stdout)["report"]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_bytes_are_those_that_the_step_reads(self):
        decode = stages_of(explain(self.tiny, "--entry", "decode", "--repetitions", "3"), "decode")
        weights = decode["total"]["weight_bytes"]
        # One of all lanes of an embedding tile, and rows of tables, are all that is not in the plan's sum.
        self.assertAlmostEqual(weights / decode["touched_weight_bytes"] if decode["touched_weight_bytes"] else 1, 1,
                               delta=0.05)
        self.assertAlmostEqual(weights / self.plan["weight_bytes_per_token"], 1, delta=0.01)
        if not decode["touched_weight_bytes"]:
            self.skipTest("the kernel does not say which pages were touched")

    def test_a_step_reads_the_routed_experts(self):
        """Weights that a decoding step reads: all dense ones, and k of E experts."""
        config = json.loads((GOLDENS / "moe" / "config.json").read_text())["text_config"]
        # A tile: 16 rows, columns in pairs of groups of 1088 bytes, or in blocks of 64 behind a header.
        tiles = {"int8": lambda columns: -(-columns // 64) * 1088,
                 "mobile": lambda columns: 192 + -(-columns // 64) * 512}
        for quant, tile in tiles.items():
            with self.subTest(quant=quant):
                self.reads_the_routed_experts(config, quant, tile)

    def reads_the_routed_experts(self, config, quant, tile):
        out = compile_model(GOLDENS / "moe", self.folder / f"moe-{quant}", "--quant", quant)
        decode = stages_of(explain(out, "--entry", "decode", "--repetitions", "2", "--all"), "decode")
        layers, chosen = config["num_hidden_layers"], config["top_k_experts"]
        hidden, inner = config["hidden_size"], config["moe_intermediate_size"]
        expected = {"expert_gated": layers * chosen * 2 * inner // 16 * tile(hidden),
                    "expert_sum": layers * chosen * hidden // 16 * tile(inner)}
        for kernel, size in expected.items():
            found = sum(s["weight_bytes"] for s in decode["stages"] if s["kernel"] == kernel)
            self.assertEqual(found, size, kernel)
        plan = json.loads(run(GEMCUT, "inspect", out, "--json").stdout)["report"]
        unread = (config["num_experts"] - chosen) * sum(expected.values()) // chosen
        self.assertLess(plan["weight_bytes_per_token"], plan["weight_bytes"] - unread + 1)
        self.assertAlmostEqual(decode["total"]["weight_bytes"] / plan["weight_bytes_per_token"], 1, delta=0.02)

    def test_every_level_is_timed(self):
        for level in levels(self.tiny):
            for threads in ("1", "3"):
                with self.subTest(level=level, threads=threads):
                    found = explain(self.tiny, "--level", level, "--threads", threads, "--repetitions", "2", "--all")
                    self.assertEqual((found["level"], found["limits"]["threads"]), (level, int(threads)))
                    self.assertGreater(found["limits"]["int8_gmacs"]["all_threads"], 0)
                    for part in found["runs"]:
                        for stage in part["stages"]:
                            self.assertGreater(stage["measured_us"], 0, stage)
                            self.assertGreater(stage["predicted_us"], 0, stage)
                        self.assertAlmostEqual(sum(s["measured_us"] for s in part["stages"]),
                                               part["total"]["measured_us"], delta=0.1)
                        self.assertLessEqual(part["total"]["measured_us"], part["step_best_us"] + 0.1)

    def test_prompts_of_several_steps(self):
        prefill = stages_of(explain(self.tiny, "--entry", "prefill", "--rows", "300", "--depth", "40",
                                    "--repetitions", "1"), "prefill")
        self.assertEqual([(s["entry"], s["position"], s["rows"]) for s in prefill["steps"]],
                         [("extend", 40, 256), ("prefill", 296, 44)])
        score = stages_of(explain(self.tiny, "--entry", "score", "--rows", "70", "--repetitions", "1"), "score")
        self.assertEqual([s["rows"] for s in score["steps"]], [64, 6])

    def test_keys_and_values_follow_the_depth(self):
        depths = [stages_of(explain(self.tiny, "--entry", "decode", "--depth", str(d), "--no-run"), "decode")
                  for d in (0, 99, 199)]
        first, second, third = (d["total"]["cache_bytes"] for d in depths)
        # Sliding layers stop at their window, the others go on.
        self.assertGreater(second, first)
        self.assertGreater(third, second)
        self.assertLess(third, 200 * first)
        self.assertEqual(len({d["total"]["weight_bytes"] for d in depths}), 1)

    def test_formats(self):
        flags = ("--entry", "decode", "--repetitions", "1")
        rows = list(csv.DictReader(io.StringIO(run(GEMCUT, "explain", self.tiny, "--format", "csv", *flags).stdout)))
        self.assertEqual({r["run"] for r in rows}, {"decode"})
        self.assertIn("gemv", {r["kernel"] for r in rows})
        table = run(GEMCUT, "explain", self.tiny, *flags).stdout
        self.assertIn("| stage | kernel | shape |", table)
        self.assertEqual(len({line.count("|") for line in table.splitlines() if line.startswith("|")}), 1)

    def test_without_running(self):
        copy = self.folder / "copy"
        shutil.copy(self.tiny, copy)
        os.chmod(copy, 0o644)
        found = explain(copy, "--no-run")
        self.assertIsNone(found["level"])
        self.assertIsNone(found["runs"][0]["stages"][0]["measured_us"])
        # What cannot run here is explained without times, and that is said.
        result = run(GEMCUT, "explain", copy)
        self.assertIn("cannot be run here", result.stderr)
        self.assertIn("(not run)", result.stdout)

    def test_plot_is_valid_xml(self):
        plot = self.folder / "plot.svg"
        run(GEMCUT, "explain", self.tiny, "--svg", plot, "--repetitions", "2")
        root = ElementTree.parse(plot).getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        circles = root.findall("{http://www.w3.org/2000/svg}circle")
        self.assertGreater(len(circles), 5)
        _, _, width, height = map(float, root.get("viewBox").split())
        for circle in circles:
            self.assertTrue(0 < float(circle.get("cx")) < width and 0 < float(circle.get("cy")) < height)

    def fails(self, fragment, *flags, code=1):
        result = run(GEMCUT, "explain", *flags, check=False)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertIn(fragment, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1 if code == 1 else 2, result.stderr)

    def test_mistakes(self):
        self.fails("is not a file", self.folder / "missing")
        self.fails("is not a file that gemcut compile wrote", GEMCUT)
        self.fails("do not fit its context", self.tiny, "--depth", "1000000")
        self.fails("at most 8 rows", self.tiny, "--entry", "decode", "--rows", "9")
        self.fails(f"has no level 'amx2'; --level takes {', '.join(self.plan['levels'])}", self.tiny, "--level", "amx2")
        self.fails("excludes", self.tiny, "--level", "avx2", "--no-run", code=2)
        self.fails("does not exist", self.tiny, "--svg", self.folder / "missing" / "plot.svg")
        self.fails("excludes", self.tiny, "--svg", "plot.svg", "--no-run", code=2)
        self.fails("--entry", self.tiny, "--rows", "9", code=2)

    def test_sidecars(self):
        out = compile_model(GOLDENS / "edge", self.folder / "edge", "--weights", "sidecar")
        self.assertGreater(explain(out, "--repetitions", "1")["runs"][0]["total"]["measured_us"], 0)
        weights = self.folder / "edge.gemw"
        self.fails("holds weights alone", weights)
        weights.unlink()
        self.fails("beside it, which are not there", out)
        self.assertGreater(explain(out, "--no-run")["runs"][0]["total"]["weight_bytes"], 0)
        shared = compile_model(GOLDENS / "edge", self.folder / "shared", "--cpu", "avx2", "--weights", "shared-sidecar")
        self.assertGreater(explain(shared, "--repetitions", "1")["runs"][0]["total"]["measured_us"], 0)


if __name__ == "__main__":
    unittest.main()
