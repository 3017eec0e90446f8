#!/usr/bin/env python3
"""Writes a .litertlm file of the shapes of a config.json with random weights.

    litert_model.py CONFIG.json OUT.litertlm [--bits 4|mobile] [--positions 1280]

Runs in a Python that has `litert-torch`, `litert-lm-builder` and `tf-nightly`, which
trace the model, quantize and pack it. Weights are made while they are written, but the
converter holds them all, and half of them again. --bits mobile gives the bit widths of
Google's mobile releases (2 bits for the head, embedding and the MLPs of layers that
share keys and values, 8 for the projections of per-layer inputs, else 4), --bits 4
has 4 where these have 2.

The table of per-layer inputs has ROWS rows only: a token reads one row, and the
whole would be 9.4 GB before it is quantized. The head's other rows are too small to
win, so that no generated token is beyond them.
"""
import argparse
import json
import mmap
import re
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import numpy
import torch
import transformers
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import recipe
from ai_edge_quantizer.quantizer import Quantizer
from litert_torch.generative.export_hf import export
from litert_torch.generative.export_hf.core import export_lib, weights_loader

ROWS = 16384
TOKENIZER = Path(__file__).resolve().parents[1] / "data/tokenizer"


class RandomWeights:
    """Stands for a checkpoint: what the exporter asks for by name, it gets."""

    def __init__(self, path, tie_word_embeddings=False):
        config = transformers.AutoConfig.from_pretrained(path)
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(config)
        self.shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}

    def __call__(self, name):
        """The tensor of the longest known name that `name` ends in."""
        parts = name.split(".")
        known = next((k for i in range(len(parts)) for k in self.shapes if k.endswith(".".join(parts[i:]))), None)
        if known is None or len(parts) < 2:
            raise KeyError(name)
        shape = self.shapes[known]
        if len(shape) < 2:
            return torch.ones(shape)
        values = numpy.random.default_rng(zlib.crc32(known.encode())).random(shape, numpy.float32)
        values -= numpy.float32(0.5)
        values *= numpy.float32(0.07)  # a standard deviation of 0.02
        if known.endswith("lm_head.weight"):
            values[ROWS:] *= numpy.float32(1e-3)
        return torch.from_numpy(values)

    def close(self):
        pass


def products(path):
    """(name, rows, columns, whether GELU follows) of every product with weights."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        model = schema.Model.GetRootAs(data)
        codes = [model.OperatorCodes(i).BuiltinCode() for i in range(model.OperatorCodesLength())]
        for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
            operators = [(codes[o.OpcodeIndex()], o) for o in map(graph.Operators, range(graph.OperatorsLength()))]
            gelu = {o.Inputs(0) for code, o in operators if code == schema.BuiltinOperator.GELU}
            for code, o in operators:
                if code == schema.BuiltinOperator.FULLY_CONNECTED:
                    weights, result = graph.Tensors(o.Inputs(1)), o.Outputs(0)
                    yield graph.Tensors(result).Name().decode(), *weights.ShapeAsNumpy().tolist(), result in gelu


def quantization(path, bits, config):
    """Rules for the quantizer. The exporter keeps no names of weights, so they are
    told apart by their shapes; the last matching rule wins."""
    hidden, wide, per_layer = config["hidden_size"], 2 * config["intermediate_size"], config["hidden_size_per_layer_input"]
    fewer = {(config["vocab_size"], hidden), (wide, hidden), (hidden, wide)}
    more = {(config["num_hidden_layers"] * per_layer, hidden), (hidden, per_layer)}
    names = {recipe.dynamic_wi2c_afp32: [], recipe.dynamic_wi8c_afp32: []}
    for name, rows, columns, has_gelu in products(path):
        if (rows, columns) in more or (rows == per_layer and has_gelu):
            names[recipe.dynamic_wi8c_afp32].append(name)
        elif (rows, columns) in fewer and bits == "mobile":
            names[recipe.dynamic_wi2c_afp32].append(name)
    rules = recipe.dynamic_wi4c_afp32(operation_name=recipe.TFLOperationName.EMBEDDING_LOOKUP)
    rules += recipe.dynamic_wi4c_afp32(operation_name=recipe.TFLOperationName.FULLY_CONNECTED)
    for of_width, matching in names.items():
        if matching:
            pattern = "(^|;)(" + "|".join(map(re.escape, matching)) + ")(;|$)"
            rules += of_width(operation_name=recipe.TFLOperationName.FULLY_CONNECTED, regex=pattern)
    return rules


def quantize(path, bits, config):
    """Takes the place of the exporter's function, which knows one recipe for all files."""
    quantizer = Quantizer(path)
    quantizer.load_quantization_recipe(quantization(path, bits, config))
    result = path.removesuffix(".tflite") + "_quantized.tflite"
    quantizer.quantize().export_model(result, overwrite=True)
    Path(path).unlink()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--bits", choices=["4", "mobile"], default="mobile", help="%(default)s")
    parser.add_argument("--positions", type=int, default=1280, help="length of the KV cache (%(default)s)")
    parser.add_argument("--prompt", type=int, default=512, help="tokens of one prefill step (%(default)s)")
    options = parser.parse_args()
    config = json.loads(options.config.read_text())
    text = config["text_config"]
    text["vocab_size_per_layer_input"] = ROWS
    text["tie_word_embeddings"] = config["tie_word_embeddings"] = False  # or both have the same bits
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output.parent) as folder:
        checkpoint, result = Path(folder, "checkpoint"), Path(folder, "result")
        checkpoint.mkdir()
        (checkpoint / "config.json").write_text(json.dumps(config))
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(TOKENIZER / name, checkpoint)
        weights_loader.HFCheckpointWeightsLoader = RandomWeights
        export_lib.quantize_model = lambda path, _: quantize(path, options.bits, text)
        export.export(
            model=str(checkpoint),
            output_dir=str(result),
            prefill_lengths=[options.prompt],
            cache_length=options.positions,
            quantization_recipe="ours",
            externalize_embedder=True,
            single_token_embedder=True,
            use_v2=True,
            delete_in_memory_params=True,
            use_jinja_template=False,
        )
        (result / "model.litertlm").rename(options.output)


if __name__ == "__main__":
    sys.exit(main())
