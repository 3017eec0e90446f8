"""Checkpoints, recipes and passes."""
import json

import numpy
import pytest

import gemcut
from conftest import EDGE, TINY


def test_a_checkpoint_describes_itself():
    checkpoint = gemcut.Checkpoint(TINY)
    assert checkpoint.config["hidden_size"] == 256
    assert [layer["kind"] for layer in checkpoint.config["layers"]].count("full") >= 1
    shapes = {tensor.name: tensor.shape for tensor in checkpoint.tensors()}
    assert shapes["model.language_model.embed_tokens.weight"] == (4096, 256)


def test_a_plan_needs_no_compilation():
    small = gemcut.Checkpoint(TINY).plan(context=128, quant="int4")
    large = gemcut.Checkpoint(TINY).plan(context=1024, quant="int8")
    assert small.context == 128 and large.context == 1024
    assert small.weight_bytes < large.weight_bytes
    assert small.kv_slot_bytes < large.kv_slot_bytes


def test_statistics_are_those_of_the_values():
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    info = {t.name: t for t in gemcut.Checkpoint(TINY).statistics()}[name]
    data = (TINY / "model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:8 + length])[name]
    begin, end = (at + 8 + length for at in entry["data_offsets"])
    words = numpy.frombuffer(data[begin:end], numpy.uint16).astype(numpy.uint32) << 16
    values = words.view(numpy.float32).astype(numpy.float64)
    assert info.dtype == entry["dtype"] == "BF16"
    assert info.shape == tuple(entry["shape"])
    assert info.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-12)
    assert info.rms == pytest.approx(numpy.sqrt((values ** 2).mean()), rel=1e-9)
    assert info.abs_max == numpy.abs(values).max()
    assert info.kurtosis == pytest.approx(
        (values ** 4).mean() / (values ** 2).mean() ** 2, rel=1e-9)


def test_a_function_chooses_formats_by_tensor():
    asked = []

    def choose(tensor):
        asked.append(tensor)
        return "int8" if "down_proj" in tensor.name else None

    recipe = gemcut.recipe(choose, model=EDGE, default="bf16", name="mine")
    assert recipe.document["name"] == "mine"
    assert {rule["format"] for rule in recipe.document["rules"]} == {"int8"}
    assert all(len(tensor.shape) >= 2 for tensor in asked)
    text = gemcut.ir(EDGE, "gemma", quant=recipe)
    assert "int8" in text and "bf16" in text and "int4" not in text


def test_recipes_by_pattern_and_by_document_are_the_same():
    by_pattern = gemcut.recipe({"*.mlp.*": "int8"}, default="int4")
    document = gemcut.recipe({"name": "recipe", "default": "int4",
                              "rules": [{"match": "*.mlp.*", "format": "int8"}]})
    assert by_pattern.document == document.document
    assert (gemcut.ir(EDGE, "kernel", quant=by_pattern)
            == gemcut.ir(EDGE, "kernel", quant=document))


def test_recipes_that_cannot_be():
    with pytest.raises(gemcut.UsageError, match="found 'int3' for a, expected one of"):
        gemcut.recipe({"a": "int3"})
    with pytest.raises(gemcut.UsageError, match="a function needs model"):
        gemcut.recipe(lambda tensor: None)
    with pytest.raises(gemcut.GemcutError, match="rules"):
        gemcut.compile(EDGE, "/tmp/never", quant={"default": "int4", "rules": 3})


def test_passes_run_on_text():
    imported = gemcut.ir(EDGE, "import")
    assert "gemma.linear" in imported
    entries = gemcut.passes.run(imported, "gemma-materialize-entry-points")
    assert "@decode" in entries and "@decode" not in imported
    assert gemcut.passes.run(entries, "cse") == gemcut.passes.run(
        gemcut.passes.run(entries, "cse"), "cse")


def test_passes_say_what_is_wrong():
    with pytest.raises(gemcut.GemcutError, match="no-such-pass"):
        gemcut.passes.run("module {}", "no-such-pass")
    with pytest.raises(gemcut.GemcutError, match="expected"):
        gemcut.passes.run("module {", "cse")
    with pytest.raises(gemcut.GemcutError, match="run gemma-convert-to-kernel"):
        gemcut.passes.run(gemcut.ir(EDGE, "import"), "kernel-verify-planned")


def test_the_ir_of_a_pass_and_of_none():
    before = gemcut.ir(EDGE, "gemma-materialize-entry-points").count("gemma.slice")
    assert gemcut.ir(EDGE, "gemma-fuse-qkv").count("gemma.slice") > before
    with pytest.raises(gemcut.UsageError, match="no pass 'nope' ran"):
        gemcut.ir(EDGE, "nope")
