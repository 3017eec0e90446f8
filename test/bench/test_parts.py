#!/usr/bin/env python3
"""Tests of what the benchmark computes rather than measures: the GGUF file, the
alternation, the model that servers are measured with, the goals and the table. Needs
neither llama.cpp nor an executable."""
import json
import struct
import tempfile
import threading
import unittest
from pathlib import Path

import gguf
from against_llama import rows_of_one_step
from measurement import Measurement
from report import AtLeast, AtMost, Row, Samples, as_json, markdown
from server import together, write_model

E2B = Path(__file__).resolve().parents[1] / "data/configs/e2b/config.json"


def read_header(data):
    """Fields and tensors of a GGUF file: a second, independent reading of the
    format."""
    at = 0

    def take(code):
        nonlocal at
        (value,) = struct.unpack_from("<" + code, data, at)
        at += struct.calcsize("<" + code)
        return value

    def text():
        nonlocal at
        length = take("Q")
        at += length
        return data[at - length : at].decode()

    def value(kind):
        if kind == 9:
            inner, count = take("I"), take("Q")
            return [value(inner) for _ in range(count)]
        return text() if kind == 8 else take({4: "I", 5: "i", 6: "f", 7: "?"}[kind])

    assert (data[:4], struct.unpack_from("<I", data, 4)[0]) == (b"GGUF", 3)
    at = 8
    tensor_count, field_count = take("Q"), take("Q")
    fields = {}
    for _ in range(field_count):
        key = text()
        fields[key] = value(take("I"))
    infos = {}
    for _ in range(tensor_count):
        name = text()
        shape = [take("Q") for _ in range(take("I"))]
        infos[name] = (shape, take("I"), take("Q"))
    return fields, infos, (at + 31) // 32 * 32


def small_config():
    config = json.loads(E2B.read_text())
    text = config["text_config"]
    text.update(num_hidden_layers=5, num_kv_shared_layers=2, layer_types=text["layer_types"][:5])
    text.update(hidden_size=64, intermediate_size=96, vocab_size=128, head_dim=32, global_head_dim=64)
    text.update(hidden_size_per_layer_input=32, num_attention_heads=2)
    return config


class GgufTest(unittest.TestCase):
    def test_small_file_reads_back(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.gguf"
            gguf.write(path, small_config())
            data = path.read_bytes()
        fields, infos, start = read_header(data)
        self.assertEqual(fields["gemma4.feed_forward_length"], [96, 96, 96, 192, 192])
        self.assertEqual(fields["gemma4.attention.sliding_window_pattern"], [True] * 4 + [False])
        self.assertEqual(infos["blk.4.attn_q.weight"][:2], ([64, 128], 2))
        self.assertEqual(infos["blk.3.ffn_down.weight"][:2], ([192, 64], 2))
        self.assertNotIn("blk.3.attn_k.weight", infos)
        # Tensors follow each other, aligned, up to the end of the file.
        end = 0
        for shape, kind, offset in infos.values():
            self.assertEqual(offset, (end + 31) // 32 * 32)
            block, size = {0: (1, 4), 2: (32, 18), 30: (1, 2)}[kind]
            end = offset + shape[0] // block * size * (shape[1] if len(shape) > 1 else 1)
        self.assertEqual(len(data), start + (end + 31) // 32 * 32)
        # Of a head of 64, a quarter of the 32 pairs is rotated.
        offset = start + infos["rope_freqs.weight"][2]
        frequencies = struct.unpack_from("<32f", data, offset)
        self.assertEqual([f == 1 for f in frequencies], [True] * 8 + [False] * 24)
        # Scales of quantized blocks are small positive numbers.
        offset = start + infos["blk.0.ffn_up.weight"][2]
        for block in range(100):
            (scale,) = struct.unpack_from("<e", data, offset + 18 * block)
            self.assertTrue(0.001 < scale < 0.01, scale)

    def test_e2b_has_the_parameters_of_the_model(self):
        tensors = gguf.tensors(json.loads(E2B.read_text()))
        weights = {t.name: t.shape[0] * t.shape[1] for t in tensors if len(t.shape) == 2}
        per_layer = weights.pop("per_layer_token_embd.weight")
        self.assertEqual(per_layer, 8960 * 262144)
        # The head is the embedding, so this is what a token multiplies with.
        self.assertAlmostEqual(sum(weights.values()) * 1e-9, 2.279, places=3)


class ServerTest(unittest.TestCase):
    def test_every_id_of_the_model_has_a_text(self):
        with tempfile.TemporaryDirectory() as folder:
            model = write_model(E2B, Path(folder) / "model")
            vocabulary = json.loads((model / "tokenizer.json").read_text())["model"]["vocab"]
        self.assertEqual(sorted(vocabulary.values()), list(range(262144)))

    def test_calls_run_at_the_same_time(self):
        meet = threading.Barrier(2, timeout=10)
        self.assertEqual(together(lambda: (meet.wait(), "a")[1], lambda: (meet.wait(), "b")[1]), ["a", "b"])


class MeasurementTest(unittest.TestCase):
    def test_engines_take_turns_and_change_order(self):
        order = []
        takers = [lambda: order.append("a") or 1.0, lambda: order.append("b") or 2.0]
        first, second = Measurement(None, None, 3, pause=0).alternate(True, *takers)
        self.assertEqual("".join(order), "abbaab")
        self.assertEqual((first.values, second.values), ([1.0] * 3, [2.0] * 3))

    def test_goals_of_several_rows_are_relative_to_one(self):
        class Engine:
            def step(self, rows, count):
                return {1: 10.0, 4: 13.0, 8: 22.0}[rows]

        _, four, eight = rows_of_one_step(Measurement(Engine(), None, 1, pause=0))
        self.assertTrue(four.is_met and four.value == 1.3)
        self.assertFalse(eight.is_met)


class ReportTest(unittest.TestCase):
    def setUp(self):
        fast, slow = Samples(True), Samples(True)
        fast.values, slow.values = [40.0, 50.0, 45.0], [25.0, 20.0, 24.0]
        self.speed = Row("decode", "tokens/s", fast, slow, AtLeast(2.0), 2.0, "a note")
        short, long = Samples(False), Samples(False)
        short.values, long.values = [120.0, 110.0], [1300.0, 1350.0]
        self.start = Row("start", "ms", short, long, AtMost(100, "ms"), 110.0, "a note")

    def test_best_and_ratio_follow_the_direction(self):
        self.assertEqual((self.speed.ours.best, self.speed.ratio("best")), (50.0, 2.0))
        self.assertEqual((self.start.ours.best, self.start.ratio("median")), (110.0, 1325 / 115))
        self.assertEqual((self.speed.is_met, self.start.is_met), (True, False))

    def test_table(self):
        text = markdown([self.speed, self.start], {"date": "today"})
        self.assertIn("| decode | tokens/s | 50.0 (45.0) | 25.0 (24.0) | 2.00x (1.88x) | ≥ 2x | 2.00x | yes |", text)
        self.assertIn("| start | ms | 110 (115) | 1300 (1325) | 11.8x (11.5x) | ≤ 100 ms | 110 ms | no |", text)
        self.assertEqual(text.count("a note"), 1)

    def test_table_names_the_peer(self):
        self.assertIn("| gemcut | LiteRT-LM | ratio |", markdown([self.speed], {}, "LiteRT-LM"))

    def test_table_without_a_peer(self):
        lone = Row("4 streams", "tokens/s", self.speed.ours, goal=AtLeast(2.5), value=3.5)
        self.assertEqual(
            markdown([lone], {}, None).splitlines(),
            [
                "",
                "| test | unit | gemcut | goal | is | met |",
                "|---|---|---:|---|---|---|",
                "| 4 streams | tokens/s | 50.0 (45.0) | ≥ 2.5x | 3.50x | yes |",
                "",
            ],
        )

    def test_json_can_be_written(self):
        rows = json.loads(json.dumps(as_json([self.speed, self.start], {})))["rows"]
        self.assertEqual([row["is_met"] for row in rows], [True, False])
        self.assertEqual(rows[0]["ours"]["samples"], [40.0, 50.0, 45.0])


if __name__ == "__main__":
    unittest.main()
