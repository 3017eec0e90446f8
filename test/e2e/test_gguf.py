#!/usr/bin/env python3
"""GGUF files: the same model as the checkpoint they were converted from."""
import array
import json
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "tools")]
from convert_to_gguf import convert, gguf_name
from gguf_file import STRING, TYPES, Tensor, TextConfig, header, metadata, padded, random_blocks, write
from support import (GEMCUT, GOLDENS, ROOT, TINY, compile_model, ids_argument, integers, largest_difference, read_npy,
                     run)

F32 = ("--quant", "f32", "--kv", "f32")


class Gguf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-gguf-"))
        cls.cases = json.loads((TINY / "goldens" / "text.json").read_text())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def convert(self, checkpoint, name, *flags):
        path = self.folder / (name + ".gguf")
        run(sys.executable, ROOT / "test" / "tools" / "convert_to_gguf.py", checkpoint, path, *flags)
        return path

    def compiled(self, model, name, *flags):
        return compile_model(model, self.folder / name, "--cpu", "avx2", *flags)

    def logits(self, executable, ids):
        out = self.folder / "logits.npy"
        run(executable, "score", "--ids", ids_argument(ids), "--logits", out)
        return out.read_bytes()

    def answers(self, executable):
        return [integers(run(executable, "generate", "--ids", ids_argument(case["ids"]), "-n", 24, "--temp", "0",
                             "--print-ids").stdout) for case in self.cases[:4]]

    def test_float_types_give_the_same_ids(self):
        """F16 has no room for the smallest of the trained weights, the others are exact."""
        expected = self.compiled(TINY, "tiny-hf", *F32)
        ids = self.cases[0]["ids"]
        self.logits(expected, ids)
        wanted = read_npy(self.folder / "logits.npy")
        for kind in ("BF16", "F16", "F32"):
            with self.subTest(kind=kind):
                model = self.convert(TINY, "tiny-" + kind, "--type", kind)
                found = self.compiled(model, "tiny-gguf", *F32)
                self.logits(found, ids)
                difference = largest_difference(read_npy(self.folder / "logits.npy"), wanted)
                self.assertLess(difference, 1e-2 if kind == "F16" else 1e-30)
                self.assertEqual(self.answers(found), self.answers(expected))

    def test_float_types_of_random_weights_give_the_same_logits(self):
        ids = [2, 17, 93, 5, 200, 41]
        expected = self.logits(self.compiled(GOLDENS / "edge-bf16", "edge-hf", *F32), ids)
        for kind in ("BF16", "F16"):
            model = self.convert(GOLDENS / "edge-bf16", "edge-" + kind, "--type", kind, "--vocabulary", "none")
            self.assertEqual(self.logits(self.compiled(model, "edge-gguf", *F32), ids), expected, kind)

    def test_quantizing_floats_gives_the_same_weights(self):
        model = self.convert(TINY, "tiny-int4", "--type", "BF16")
        ids = self.cases[1]["ids"]
        self.assertEqual(self.logits(self.compiled(model, "tiny-a", "--quant", "int4"), ids),
                         self.logits(self.compiled(TINY, "tiny-b", "--quant", "int4"), ids))

    def test_every_class_is_the_model_of_its_checkpoint(self):
        """K = V layers, prefixes, per-layer embeddings, experts whole and in halves: logits bit for bit."""
        for case, flags in (("edge", ()), ("edge-mqa", ()), ("dense", ()), ("moe", ()), ("moe", ("--split-experts",))):
            with self.subTest(case=case, flags=flags):
                model = self.convert(GOLDENS / case, case + "-class", "--type", "F32", "--vocabulary", "none", *flags)
                outputs = []
                for source in (GOLDENS / case, model):
                    out = self.folder / "class.npy"
                    result = run(GEMCUT, "reference", source, "--ids", "2,17,93,5", "--logits", out, check=False)
                    if "mixture of experts" in result.stderr and "not supported" in result.stderr:
                        self.skipTest("this compiler has no mixture of experts")
                    self.assertEqual(result.returncode, 0, result.stderr)
                    outputs.append(out.read_bytes())
                self.assertEqual(outputs[0], outputs[1])

    def test_parts_are_one_model(self):
        self.convert(GOLDENS / "edge", "edge", "--type", "F32", "--parts", "3", "--vocabulary", "none")
        found = self.compiled(self.folder / "edge-00001-of-00003.gguf", "edge-gguf", *F32)
        expected = self.compiled(GOLDENS / "edge", "edge-hf", *F32)
        ids = [2, 17, 93, 5, 200, 41]
        self.assertEqual(self.logits(found, ids), self.logits(expected, ids))

    def test_vocabularies_tokenize_alike(self):
        strings = [case["rendered"] for case in self.cases]
        strings += [entry["text"] for entry in
                    json.loads((ROOT / "test" / "data" / "tokenizer" / "cases.json").read_text())["encode"]
                    if "\0" not in entry["text"] and entry["text"].strip()][:60]
        expected = self.compiled(TINY, "tokens-hf")
        for kind in ("merges", "scores"):
            found = self.compiled(self.convert(TINY, kind, "--vocabulary", kind), "tokens-gguf")
            for text in strings:
                self.assertEqual(run(found, "tokenize", "--", text).stdout,
                                 run(expected, "tokenize", "--", text).stdout, (kind, text))

    def test_inspect_names_types_and_shapes(self):
        model = self.convert(TINY, "inspected", "--type", "Q4_0")
        inspected = json.loads(run(GEMCUT, "inspect", model, "--tensors", "--json").stdout)
        original = json.loads(run(GEMCUT, "inspect", TINY, "--json").stdout)
        for key in ("parameters", "text_tensors", "vocab_size", "hidden_size", "sliding_window", "max_positions",
                    "per_layer_input", "layers", "tokenizer"):
            self.assertEqual(inspected[key], original[key], key)
        tensors = {tensor["name"]: tensor for tensor in inspected["tensors"]}
        self.assertEqual(tensors["model.layers.2.self_attn.q_proj.weight"]["dtype"], "Q4_0")
        self.assertEqual(tensors["model.layers.2.self_attn.q_proj.weight"]["shape"], [512, 256])
        self.assertEqual(tensors["model.norm.weight"]["dtype"], "F32")

    def test_keep_keeps_blocks(self):
        """By default: all blocks bit for bit, and logits as near to those of the interpreter as 8-bit activations allow."""
        ids = self.cases[0]["ids"]
        for kind, stored in (("Q4_0", "q4_0"), ("Q8_0", "int8")):
            with self.subTest(kind=kind):
                model = self.convert(TINY, "keep-" + kind, "--type", kind)
                found = self.compiled(model, "keep-gguf", "--kv", "f32")
                report = json.loads(run(GEMCUT, "inspect", found, "--json").stdout)["report"]
                self.assertEqual(set(report["conversion_errors"].values()), {"0.000e+00"})
                self.assertEqual(len(report["conversion_errors"]), 69)
                self.assertIn(stored, report["bytes_by_format"])
                self.assertIn("kept exactly             69 of 69 quantized tensors", run(GEMCUT, "inspect", found).stdout)
                reference = self.folder / "reference.npy"
                run(GEMCUT, "reference", model, "--ids", ids_argument(ids), "--logits", reference)
                compared = run(found, "score", "--ids", ids_argument(ids), "--compare", reference).stdout
                self.assertLess(float(re.search(r"mean KL divergence\s+([0-9.e-]+)", compared).group(1)), 2e-3)

    def test_every_type_is_kept_or_its_error_stated(self):
        small = {"Q4_0": "q4_0", "Q8_0": "int8", "Q5_0": "int8", "IQ4_NL": "int8", "MXFP4": "int8", "Q4_1": None, "Q5_1": None}
        large = ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
        types = {f"blk.{i}.ffn_down.weight": kind for i, kind in enumerate(small)}
        types.update({f"blk.{i}.attn_output.weight": kind for i, kind in enumerate(large)})
        types.update({"blk.5.attn_output.weight": "F16", "blk.6.attn_output.weight": "BF16"})
        self.assertEqual({*types.values(), "F32"}, set(TYPES))
        tensors = []
        for seed, (tensor, data) in enumerate(convert(TINY, "F32", split_experts=False)):
            if kind := types.get(tensor.name):
                tensor = Tensor(tensor.name, kind, *tensor.shape)
                block, size = TYPES[kind][1:]
                data = (bytes(tensor.byte_count()) if block == 1
                        else random_blocks(kind, tensor.byte_count() // size, seed))
            tensors.append((tensor, data))
        model = self.folder / "types.gguf"
        config = json.loads((TINY / "config.json").read_text())
        write(model, metadata(config) + [("tokenizer.ggml.model", STRING, "no_vocab")], tensors)
        out = self.folder / "types"
        told = run(GEMCUT, "compile", model, "--cpu", "avx2", "-o", out).stdout
        kept = re.search("^kept exactly: (.*)$", told, re.M)[1].split(", ")
        self.assertEqual(set(kept), {f"1 {kind} as {stored}" for kind, stored in small.items() if stored})
        converted = dict(re.findall(r"^converted: 1 (\w+) to int8, relative error up to (\S+) \(model\S+\)$", told, re.M))
        self.assertEqual(set(converted), {"Q4_1", "Q5_1", *large})
        for kind, error in converted.items():
            self.assertLess(0, float(error), kind)
            self.assertLess(float(error), 1e-2, kind)
        report = json.loads(run(GEMCUT, "inspect", out, "--json").stdout)["report"]["conversion_errors"]
        self.assertEqual(sorted(f"{float(error):.1e}" for error in report.values() if float(error)),
                         sorted(converted.values()))

    def test_keep_of_floats_changes_nothing(self):
        ids = [2, 17, 93, 5, 200, 41]
        model = self.convert(GOLDENS / "edge", "kept-floats", "--type", "F32", "--vocabulary", "none")
        found = self.logits(self.compiled(model, "kept", "--quant", "keep", "--kv", "f32"), ids)
        self.assertEqual(found, self.logits(self.compiled(model, "f32", *F32), ids))

    def test_published_sizes(self):
        """Headers of the released models, before data that were never written."""
        for size in ("e2b", "e4b", "12b", "31b"):
            with self.subTest(size=size):
                path = ROOT / "test" / "data" / "configs" / size / "config.json"
                expected = json.loads(run(GEMCUT, "inspect", path, "--tensors", "--json").stdout)
                tensors = []
                for tensor in expected["tensors"]:
                    name = gguf_name(tensor["name"].removeprefix("model.language_model."))
                    kind = "Q4_0" if len(tensor["shape"]) > 1 else "F32"
                    tensors.append(Tensor(name, kind, *reversed(tensor["shape"])))
                config = json.loads(path.read_text())
                divisors = TextConfig(config).rope_divisors()
                tensors.insert(0, Tensor("rope_freqs.weight", "F32", len(divisors)))
                fields = metadata(config) + [("tokenizer.ggml.model", STRING, "no_vocab")]
                model = self.folder / (size + ".gguf")
                with open(model, "wb") as file:
                    file.write(header(fields, tensors))
                    file.write(array.array("f", divisors).tobytes())
                    file.truncate(file.tell() + sum(padded(tensor.byte_count()) for tensor in tensors))
                found = json.loads(run(GEMCUT, "inspect", model, "--tensors", "--json").stdout)
                model.unlink()
                for key in ("parameters", "text_tensors", "vocab_size", "hidden_size", "attention_heads",
                            "sliding_window", "max_positions", "per_layer_input", "layers"):
                    self.assertEqual(found[key], expected[key], key)
                shapes = [{tensor["name"].removeprefix("model.").removeprefix("language_model."): tensor["shape"]
                           for tensor in inspected["tensors"]} for inspected in (found, expected)]
                self.assertEqual(shapes[0], shapes[1])

    def test_chat_and_stop_tokens_come_from_the_file(self):
        found = self.compiled(self.convert(TINY, "chat"), "chat-gguf", "--quant", "bf16", "--kv", "f32")
        expected = self.compiled(TINY, "chat-hf", "--quant", "bf16", "--kv", "f32")
        infos = [json.loads(run(executable, "info", "--json").stdout) for executable in (found, expected)]
        for key in ("special", "vocab_size"):
            if key in infos[1]:
                self.assertEqual(infos[0][key], infos[1][key], key)
        answers = [run(executable, "-p", "What is a candle?", "--temp", "0").stdout for executable in (found, expected)]
        self.assertEqual(answers[0], answers[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
