#!/usr/bin/env python3
"""Damaged checkpoints: one clear error, exit 1, no output file and no crash."""
import json
import os
import shutil
import struct
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import GEMCUT, GOLDENS, ROOT, TINY, compile_model, run


class Damaged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-damaged-"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def copy(self, source=GOLDENS / "edge"):
        model = self.folder / f"model-{len(list(self.folder.iterdir()))}"
        model.mkdir()
        for name in ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json"):
            if (source / name).exists():
                shutil.copyfile(source / name, model / name)
        return model

    def rejected(self, model, *fragments, quant="f32"):
        out = self.folder / "out"
        before = set(os.listdir(self.folder))
        result = run(GEMCUT, "compile", model, "-o", out, "--quant", quant, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        errors = [line for line in result.stderr.splitlines() if "error:" in line]
        self.assertEqual(len(errors), 1, result.stderr)
        for fragment in fragments:
            self.assertIn(fragment, errors[0])
        self.assertEqual(set(os.listdir(self.folder)), before)

    def edit_header(self, model, edit):
        path = model / "model.safetensors"
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        edit(header)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    def test_truncated_header_and_data(self):
        whole = (GOLDENS / "edge" / "model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", whole[:8])
        model = self.copy()
        for size in [0, 1, 7, 8, 9, 8 + length // 2, 8 + length - 1, 8 + length, len(whole) - 1]:
            with self.subTest(size=size):
                (model / "model.safetensors").write_bytes(whole[:size])
                self.rejected(model, "model.safetensors")

    def test_absurd_header_length(self):
        model = self.copy()
        data = (model / "model.safetensors").read_bytes()
        for length in (2**63, 2**64 - 1, len(data), 10**9):
            (model / "model.safetensors").write_bytes(struct.pack("<Q", length) + data[8:])
            self.rejected(model, "model.safetensors")

    def test_missing_tensor(self):
        model = self.copy()
        name = "model.language_model.layers.2.mlp.up_proj.weight"

        def rename(header):
            header["model.language_model.layers.2.mlp.other.weight"] = header.pop(name)

        self.edit_header(model, rename)
        self.rejected(model, "layers.2.mlp.up_proj.weight")

    def test_wrong_shape(self):
        model = self.copy()
        name = "model.language_model.layers.1.self_attn.q_proj.weight"

        def transpose(header):
            header[name]["shape"] = header[name]["shape"][::-1]

        self.edit_header(model, transpose)
        self.rejected(model, "layers.1.self_attn.q_proj.weight", "128", "64")

    def test_not_a_number_in_a_weight(self):
        model = self.copy()
        path = model / "model.safetensors"
        data = bytearray(path.read_bytes())
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(bytes(data[8 : 8 + length]))
        name = "model.language_model.layers.0.mlp.down_proj.weight"
        at = 8 + length + header[name]["data_offsets"][0]
        data[at : at + 4] = struct.pack("<f", float("nan"))
        path.write_bytes(data)
        for quant in ("int8", "int4", "bf16", "f32"):
            self.rejected(model, "layers.0.mlp.down_proj.weight", quant=quant)

    def test_logits_that_overflow(self):
        """Finite weights that no float holds the result of: an error instead of tokens."""
        model = self.copy()
        path = model / "model.safetensors"
        data = bytearray(path.read_bytes())
        (length,) = struct.unpack("<Q", data[:8])
        begin, end = json.loads(bytes(data[8 : 8 + length]))["model.language_model.norm.weight"]["data_offsets"]
        data[8 + length + begin : 8 + length + end] = struct.pack("<f", 3e38) * ((end - begin) // 4)
        path.write_bytes(data)
        for quant in ("f32", "bf16"):
            exe = compile_model(model, self.folder / "overflow", "--cpu", "avx2", "--quant", quant)
            for temperature in ("0", "1"):
                result = run(exe, "generate", "--ids", "2,3", "-n", 4, "--print-ids", "--temp", temperature, check=False)
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertEqual(result.stderr, "error: the model returned a logit that is not a number; the weights or "
                                                "their quantization overflow\n")
            exe.unlink()

    def test_index_that_names_itself(self):
        model = self.copy()
        name = "model.language_model.norm.weight"
        (model / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {name: "model.safetensors.index.json"}}))
        (model / "model.safetensors").unlink()
        self.rejected(model, "model.safetensors.index.json")

    def test_index_that_leaves_the_folder(self):
        model = self.copy()
        (model / "model.safetensors").rename(self.folder / "outside.safetensors")
        (model / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {"model.language_model.norm.weight": "../outside.safetensors"}}))
        self.rejected(model, "outside.safetensors")

    def test_config_values(self):
        model = self.copy()
        text = json.loads((model / "config.json").read_text())
        for key, value in (("hidden_activation", "relu"), ("num_attention_heads", 3), ("num_hidden_layers", 10**9),
                           ("head_dim", -4), ("sliding_window", "wide"), ("use_bidirectional_attention", "all")):
            with self.subTest(key=key):
                broken = json.loads(json.dumps(text))
                broken["text_config"][key] = value
                (model / "config.json").write_text(json.dumps(broken))
                self.rejected(model, key)

    def test_not_json(self):
        model = self.copy()
        (model / "config.json").write_text('{"text_config": ')
        self.rejected(model, "config.json")

    def test_damaged_tokenizer(self):
        model = self.copy(TINY)
        whole = (TINY / "tokenizer.json").read_text()
        for text in (whole[: len(whole) // 2], whole.replace('"BPE"', '"Unigram"'), "[]"):
            (model / "tokenizer.json").write_text(text)
            self.rejected(model, "tokenizer.json")

    def gguf(self):
        """A fresh GGUF of `edge`: its path and its bytes."""
        path = self.folder / f"model-{len(list(self.folder.iterdir()))}.gguf"
        run(sys.executable, ROOT / "test" / "tools" / "convert_to_gguf.py", GOLDENS / "edge", path, "--type", "Q8_0",
            "--vocabulary", "none")
        return path, path.read_bytes()

    def test_truncated_gguf(self):
        path, whole = self.gguf()
        names = whole.index(b"token_embd.weight")
        for size in [0, 3, 4, 8, 23, 24, 100, names - 9, names + 5, names + 30, len(whole) // 2, len(whole) - 32]:
            with self.subTest(size=size):
                path.write_bytes(whole[:size])
                self.rejected(path, path.name)

    def test_absurd_numbers_in_gguf(self):
        path, whole = self.gguf()
        names = whole.index(b"token_embd.weight") + len("token_embd.weight")
        architecture = whole.index(b"gemma4") - 8
        # Version, counts, the length of a string, a number of dimensions, a dimension, a type, an offset.
        for at, form in ((4, "<I"), (8, "<Q"), (16, "<Q"), (architecture, "<Q"), (names, "<I"), (names + 4, "<Q"),
                         (names + 20, "<I"), (names + 24, "<Q")):
            for value in (2**31 + 1, 2**32 - 1) if form == "<I" else (2**63, 2**64 - 31, len(whole)):
                with self.subTest(at=at, value=value):
                    path.write_bytes(whole[:at] + struct.pack(form, value) + whole[at + struct.calcsize(form) :])
                    self.rejected(path, path.name)

    def test_gguf_of_another_model(self):
        path, whole = self.gguf()
        for found, put, fragment in ((b"gemma4", b"llamas", "'llamas'"),
                                     (b"gemma4.block_count", b"gemma4.block_kount", "gemma4.block_count"),
                                     (b"blk.2.ffn_up.weight", b"blk.2.ffn_ob.weight",
                                      "'blk.2.ffn_up.weight' (model.layers.2.mlp.up_proj.weight) is missing"),
                                     (b"rope_freqs.weight", b"rope_frets.weight", "rope_freqs.weight")):
            with self.subTest(found=found):
                self.assertEqual(len(found), len(put))
                path.write_bytes(whole.replace(found, put, 1))
                self.rejected(path, path.name, fragment)

    def test_not_a_number_in_a_block(self):
        path, whole = self.gguf()
        at = self.find_block(whole, b"blk.0.ffn_down.weight")
        path.write_bytes(whole[:at] + struct.pack("<e", float("nan")) + whole[at + 2 :])
        for quant in ("int4", "f32"):
            self.rejected(path, "'blk.0.ffn_down.weight' (model.layers.0.mlp.down_proj.weight) holds a NaN at element 0, "
                          "in the scale of its block", quant=quant)

    def find_block(self, whole, name):
        """The first byte of a tensor of two dimensions."""
        at = whole.index(name) + len(name) + 4 + 16 + 4
        (offset,) = struct.unpack_from("<Q", whole, at)
        # The tensor infos end with the one of rope_freqs, whose single dimension makes it 8 bytes shorter.
        end = whole.index(b"rope_freqs.weight") + len("rope_freqs.weight") + 4 + 8 + 4 + 8
        return (end + 31) // 32 * 32 + offset

    def test_missing_model(self):
        self.rejected(self.folder / "nowhere", "nowhere")


if __name__ == "__main__":
    unittest.main(verbosity=2)
