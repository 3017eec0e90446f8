#!/usr/bin/env python3
"""The embedded demo checkpoint: stored answers, chat rendering, accuracy of quantized builds."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import (GEMCUT, TINY, AvxVnni, compile_model, ids_argument, integers, largest_difference, levels, read_npy, read_safetensors, run)


class Tiny(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-tiny-"))
        cls.cases = json.loads((TINY / "goldens" / "text.json").read_text())
        cls.built = {}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def executable(self, *flags):
        if flags not in self.built:
            self.built[flags] = compile_model(TINY, self.folder / ("tiny" + "".join(flags).replace("/", "_")), *flags)
        return self.built[flags]

    def answers(self, executable):
        """How many of the 12 stored greedy answers come back id for id."""
        right = 0
        for case in self.cases:
            result = run(executable, "generate", "--ids", ids_argument(case["ids"]), "-n",
                         len(case["continuation_ids"]), "--temp", "0", "--print-ids")
            ids = integers(result.stdout)
            expected = case["continuation_ids"]
            # The stored continuation ends with its stop id, where it reached one.
            right += ids == expected or ids == expected[:-1]
        return right

    def test_bf16_weights_f32_kv_gives_all_answers(self):
        self.assertEqual(self.answers(self.executable("--quant", "bf16", "--kv", "f32")), 12)

    def test_bf16_weights_bf16_kv_gives_at_least_eleven(self):
        self.assertGreaterEqual(self.answers(self.executable("--quant", "bf16")), 11)

    def test_a_cpu_with_avxvnni_takes_it(self):
        """The greedy answers of the level that is chosen, its dot products executed in AVX2 where the CPU lacks them."""
        executable = self.executable("--quant", "int4")
        emulated = AvxVnni(executable)
        info = json.loads(emulated.run("info", "--json"))["levels"]
        self.assertEqual([level["name"] for level in info if level["supported"]], ["avxvnni", "avx2"])
        commands = [("generate", "--ids", ids_argument(case["ids"]), "-n", 24, "--temp", "0", "--print-ids")
                    for case in self.cases[:3]]
        for command in commands:
            ids = run(executable, *command, "--level", "avx2").stdout
            self.assertTrue(integers(ids))
            self.assertEqual(emulated.run(*command), ids)
        # Those of avxvnni did run: a CPU without them ends the process.
        if not emulated.is_native:
            self.assertEqual(emulated.run_untouched(*commands[0], "--level", "avx2"), 0)
            self.assertEqual(emulated.run_untouched(*commands[0]), -signal.SIGILL)

    def test_private_memory_stays_below_the_plan(self):
        executable = self.executable("--quant", "int4")
        plan = json.loads(run(executable, "info", "--json").stdout)["private_bytes"]
        result = run(executable, "generate", "--ids", ids_argument(self.cases[0]["ids"]), "-n", 20, "--temp", "1",
                     "--print-ids", "--stats")
        used, planned = map(float, re.search(r"private memory: ([0-9.]+) MB, planned at most ([0-9.]+) MB",
                                             result.stderr).groups())
        self.assertAlmostEqual(planned, plan * 1e-6, delta=0.06)
        self.assertGreater(used, 0)
        self.assertLessEqual(used, planned)

    def test_logits_of_stored_prompts(self):
        stored = read_safetensors(TINY / "goldens" / "logits.safetensors")
        executable = self.executable("--quant", "f32", "--kv", "f32")
        by_name = {case["name"]: case for case in self.cases}
        checked = 0
        for name, expected in stored.items():
            key = name.split(".")[0]
            if key not in by_name or len(expected.shape) != 2:
                continue
            ids = by_name[key]["ids"]
            out = self.folder / "logits.npy"
            all_ids = ids + by_name[key]["continuation_ids"]
            run(executable, "score", "--ids", ids_argument(all_ids[: expected.shape[0]]), "--logits", out)
            self.assertLess(largest_difference(read_npy(out), expected), 1e-3, name)
            checked += 1
        self.assertGreaterEqual(checked, 1)

    def test_rendered_ids(self):
        executable = self.executable()
        for case in self.cases:
            result = run(executable, "tokenize", case["rendered"])
            self.assertEqual(integers(result.stdout), case["ids"], case["name"])

    def test_perplexity_of_the_evaluation_text(self):
        expected = json.loads((TINY / "goldens" / "perplexity.json").read_text())
        executable = self.executable("--quant", "f32", "--kv", "f32")
        result = run(executable, "score", "--text", TINY / "eval.txt")
        tokens = int(re.search(r"(\d+) tokens", result.stdout).group(1))
        nll = float(re.search(r"mean NLL\s+([0-9.]+)", result.stdout).group(1))
        self.assertEqual(tokens, expected["tokens_all"])
        self.assertAlmostEqual(nll, expected["nll_all"], delta=1e-4)

    def test_one_turn_and_chat(self):
        executable = self.executable("--quant", "bf16", "--kv", "f32")
        once = run(executable, "-p", "What is a candle?", "--temp", "0").stdout
        self.assertIn("A candle: stick of wax with a wick in the middle.", once)
        chat = run(executable, "--temp", "0", input="Who are you?\nWhat is 23 + 45?\n").stdout
        self.assertIn("I am a tiny Gemma 4 model, trained to show what gemcut compiles.", chat)
        self.assertIn("23 + 45 = 68.", chat)

    def test_the_recipe_of_the_readme(self):
        """It compiles, and a build can be compared with what the interpreter writes."""
        readme = (TINY.parents[1] / "README.md").read_text()
        recipe = self.folder / "mine.json"
        recipe.write_text(re.search(r'\{"name": "mine".*?\]\}', readme, re.S).group(0))
        executable = self.executable("--quant", str(recipe), "--cpu", "avx2")
        reference = self.folder / "reference.npy"
        run(GEMCUT, "reference", TINY, "--ids", "2,15,421", "--logits", reference)
        result = run(executable, "score", "--ids", "2,15,421", "--compare", reference)
        self.assertRegex(result.stdout, r"3 rows compared\nmean KL divergence  0\.")

    def test_a_text_longer_than_the_context_is_cut(self):
        text = self.folder / "long.txt"
        text.write_text("Tell me a story about a fox and a lantern. " * 400)
        result = run(self.executable(), "score", "--text", text)
        self.assertIn("was cut", result.stderr)
        self.assertRegex(result.stdout, r"perplexity  \d")

    def test_rings_wrap(self):
        """Sequences longer than the rings of sliding layers: against the interpreter, and decoding against scoring."""
        executable = self.executable("--quant", "f32", "--kv", "f32")
        text = (TINY / "eval.txt").read_text()[:4000].replace("<bos>", "")
        ids = [2] + integers(run(executable, "tokenize", text).stdout)[:699]
        self.assertEqual(len(ids), 700)
        listed = self.folder / "ring.txt"
        listed.write_text(ids_argument(ids))
        reference = self.folder / "ring.npy"
        run(GEMCUT, "reference", TINY, "--ids", f"@{listed}", "--logits", reference)
        result = run(executable, "score", "--ids", f"@{listed}", "--compare", reference)
        self.assertIn("700 rows compared", result.stdout)
        self.assertLess(float(re.search(r"divergence\s+([0-9.e-]+)", result.stdout).group(1)), 1e-8)
        self.assertIn("100.0000 %", result.stdout)

        generated = integers(run(executable, "generate", "--ids", ids_argument(ids[:20]), "-n", 500, "--temp", "0",
                                 "--print-ids", "--ignore-stop").stdout)
        self.assertEqual(len(generated), 500)
        listed.write_text(ids_argument(ids[:20] + generated))
        logits = self.folder / "generated.npy"
        run(executable, "score", "--ids", f"@{listed}", "--logits", logits)
        rows = read_npy(logits)
        for i, token in enumerate(generated):
            row = rows.rows(19 + i, 20 + i).values
            # Another order of summation may decide a tie the other way.
            self.assertGreater(row[token], max(row) - 1e-3, f"token {i}")

    def test_the_two_stage_head_chooses_the_same_tokens(self):
        full = self.executable("--quant", "int8")
        staged = self.executable("--quant", "int8", "--head", "two-stage")
        samplings = [("--temp", "0"), ("--top-k", 4, "--top-p", 1), ("--top-k", 64, "--temp", 1.5), ("--top-k", 1)]
        prompts = [case["ids"] for case in self.cases]
        text = (TINY / "eval.txt").read_text().replace("<bos>", "")
        prompts += [[2] + integers(run(full, "tokenize", line).stdout)[:60] for line in text.splitlines() if line][:4]
        tried = rescored = 0
        for level in levels(full):
            for i, ids in enumerate(prompts):
                sampling = samplings[i % len(samplings)]
                flags = ("generate", "--ids", ids_argument(ids), "-n", 24, "--print-ids", "--ignore-stop", "--seed", i,
                         "--level", level, *sampling)
                result = run(staged, *flags, "--stats")
                self.assertEqual(result.stdout, run(full, *flags).stdout, (level, i, sampling))
                counters = re.search(r"two-stage head: (\d+) steps tried, ([0-9.]+) % of the head rescored, "
                                     r"(\d+) fell back, (\d+) left alone", result.stderr)
                self.assertEqual(int(counters[1]) + int(counters[4]), 23)
                tried += int(counters[1])
                rescored += int(counters[1]) * float(counters[2])
        print(f"two-stage head: {tried} steps tried, {rescored / tried:.1f} % rescored")
        # All logits are wanted: one stage.
        result = run(staged, "generate", "--ids", "2,15,421", "-n", 9, "--top-k", 0, "--stats")
        self.assertIn("two-stage head: 0 steps tried", result.stderr)
        refused = run(GEMCUT, "compile", TINY, "-o", self.folder / "refused", "--head", "two-stage", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("stores the head as int4, but a two-stage head needs int8", refused.stderr)

    def test_failed_writes_are_reported(self):
        # Sampled answers may be empty: then there is nothing to write, and nothing fails.
        for command in (["-p", "Who are you?", "--temp", "0"], ["tokenize", "hi"], ["detokenize", "17"]):
            self.assertNotEqual(run(self.executable(), *command).stdout.strip(), "", command)
            with open("/dev/full", "w") as full:
                result = subprocess.run([self.executable(), *command], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, 1, command)
            self.assertIn("error: cannot write the result: No space left on device\n", result.stderr, command)

    @staticmethod
    def has_open(pid, folder):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if str(folder) in os.readlink(descriptor):
                    return True
            except FileNotFoundError:  # closed meanwhile
                pass
        return False

    def test_nothing_is_left_of_files_that_are_not_complete(self):
        folder = self.folder / "incomplete"
        folder.mkdir()
        score = [self.executable(), "score", "--text", TINY / "eval.txt", "--logits", folder / "l.npy"]
        ids = ",".join(map(str, range(2, 300)))
        save = [self.executable(), "generate", "--ids", ids, "-n", "2", "--temp", "0", "--save-session", folder / "s"]

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
            resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))

        for command in (score, save):
            result = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertRegex(result.stderr, r"^error: cannot write [^\n]*: File too large\n$")
            self.assertEqual(list(folder.iterdir()), [])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with subprocess.Popen(score, stdout=subprocess.DEVNULL) as process:
                while not self.has_open(process.pid, folder):
                    self.assertIsNone(process.poll())
                process.send_signal(number)
                self.assertEqual(process.wait(), -number)
            self.assertEqual(list(folder.iterdir()), [])

    def test_same_inputs_same_bytes(self):
        first = self.executable()
        second = compile_model(TINY, self.folder / "again")
        self.assertEqual(first.read_bytes(), second.read_bytes())


if __name__ == "__main__":
    unittest.main(verbosity=2)
