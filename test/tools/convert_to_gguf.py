#!/usr/bin/env python3
"""Converts a small Gemma 4 checkpoint to GGUF, for tests. Needs nothing but Python.

    convert_to_gguf.py CHECKPOINT OUT.gguf [--type TYPE] [--vocabulary KIND]
                       [--parts N] [--split-experts] [--values OUT.safetensors]

Matrices get the given type (F32, F16, BF16, Q4_0, Q8_0) where their rows are whole
blocks; vectors and the router are F32, as llama.cpp's converter has them. The text
model alone is written. The vocabulary of tokenizer.json is stored with its merges,
or (scores) as SentencePiece does. --parts writes OUT-00001-of-0000N.gguf, ...
--values also writes the values that the file stands for as a checkpoint of F32.
"""
import argparse
import array
import json
import struct
from pathlib import Path

import gguf_file
from gguf_file import BOOL, FLOAT32, INT32, STRING, UINT16, UINT32, Tensor

PREFIXES = ("model.language_model.", "language_model.model.", "model.")
MODEL_NAMES = {
    "embed_tokens.weight": "token_embd.weight",
    "norm.weight": "output_norm.weight",
    "embed_tokens_per_layer.weight": "per_layer_token_embd.weight",
    "per_layer_model_projection.weight": "per_layer_model_proj.weight",
    "per_layer_projection_norm.weight": "per_layer_proj_norm.weight",
}
LAYER_NAMES = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "self_attn.q_norm.weight": "attn_q_norm.weight",
    "self_attn.k_norm.weight": "attn_k_norm.weight",
    "post_attention_layernorm.weight": "post_attention_norm.weight",
    "pre_feedforward_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
    "post_feedforward_layernorm.weight": "post_ffw_norm.weight",
    "layer_scalar": "layer_output_scale.weight",
    "per_layer_input_gate.weight": "inp_gate.weight",
    "per_layer_projection.weight": "proj.weight",
    "post_per_layer_input_norm.weight": "post_norm.weight",
    "router.proj.weight": "ffn_gate_inp.weight",
    "router.scale": "ffn_gate_inp.scale",
    "router.per_expert_scale": "ffn_down_exps.scale",
    "experts.gate_up_proj": "ffn_gate_up_exps.weight",
    "experts.down_proj": "ffn_down_exps.weight",
    "post_feedforward_layernorm_1.weight": "post_ffw_norm_1.weight",
    "pre_feedforward_layernorm_2.weight": "pre_ffw_norm_2.weight",
    "post_feedforward_layernorm_2.weight": "post_ffw_norm_2.weight",
}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def gguf_name(official):
    """The name in GGUF of an official one without its prefix."""
    if official in MODEL_NAMES:
        return MODEL_NAMES[official]
    _, layer, rest = official.split(".", 2)
    return f"blk.{layer}.{LAYER_NAMES[rest]}"


def read_checkpoint(folder):
    """(name without prefix, shape, float32 values) of every text tensor."""
    for path in sorted(folder.glob("model*.safetensors")):
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        for name, info in json.loads(data[8 : 8 + length]).items():
            prefix = next((p for p in PREFIXES if name.startswith(p)), None)
            if not prefix or "vision" in name or "audio" in name:
                continue
            begin, end = (8 + length + offset for offset in info["data_offsets"])
            yield name[len(prefix) :], info["shape"], gguf_file.load(info["dtype"], data[begin:end])


def convert(folder, type_name, split_experts):
    """(Tensor, bytes) pairs of the whole model."""
    result = []

    def add(name, shape, values):
        blocks = gguf_file.TYPES[type_name][1]
        is_matrix = len(shape) > 1 and not name.endswith("ffn_gate_inp.weight") and shape[-1] % blocks == 0
        kind = type_name if is_matrix else "F32"
        result.append((Tensor(name, kind, *reversed(shape)), gguf_file.store(kind, values)))

    for official, shape, values in read_checkpoint(folder):
        name = gguf_name(official)
        if split_experts and name.endswith("ffn_gate_up_exps.weight"):
            experts, rows, columns = shape
            half = rows // 2 * columns
            for part, which in enumerate(("gate", "up")):
                taken = array.array("f")
                for expert in range(experts):
                    begin = (2 * expert + part) * half
                    taken.extend(values[begin : begin + half])
                add(name.replace("gate_up", which), (experts, rows // 2, columns), taken)
        else:
            add(name, shape, values)
    config = gguf_file.TextConfig(json.loads((folder / "config.json").read_text()))
    divisors = config.rope_divisors()
    add("rope_freqs.weight", (len(divisors),), array.array("f", divisors))
    return result


def vocabulary(folder, kind):
    """The fields of tokenizer.json."""
    path = folder / "tokenizer.json"
    if kind == "none" or not path.exists():
        return [("tokenizer.ggml.model", STRING, "no_vocab")]
    tokenizer = json.loads(path.read_text())
    vocab = tokenizer["model"]["vocab"]
    added = {token["content"]: token for token in tokenizer["added_tokens"]}
    ids = dict(vocab, **{content: token["id"] for content, token in added.items()})
    pieces = [None] * len(ids)
    for piece, index in ids.items():
        pieces[index] = piece
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]

    def type_of(piece):
        if piece in added:
            return UNKNOWN if piece == "<unk>" and kind == "scores" else CONTROL
        return BYTE if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">") else NORMAL

    fields = [
        ("tokenizer.ggml.model", STRING, "llama" if kind == "scores" else "gemma4"),
        ("tokenizer.ggml.tokens", STRING, pieces),
        ("tokenizer.ggml.token_type", INT32, [type_of(piece) for piece in pieces]),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_space_prefix", BOOL, False),
    ]
    for key, piece in (("bos", "<bos>"), ("eos", "<turn|>"), ("unknown", "<unk>"), ("padding", "<pad>")):
        if piece in ids:
            fields.append((f"tokenizer.ggml.{key}_token_id", UINT32, ids[piece]))
    if kind == "scores":
        ranks = {}
        for rank, merge in enumerate(merges):
            ranks.setdefault(merge.replace(" ", ""), rank)
        fields.append(("tokenizer.ggml.scores", FLOAT32, [-float(ranks.get(piece, 1e9)) for piece in pieces]))
    else:
        fields.append(("tokenizer.ggml.merges", STRING, merges))
    template = folder / "chat_template.jinja"
    if template.exists():
        fields.append(("tokenizer.chat_template", STRING, template.read_text()))
    return fields


def write_values(path, tensors):
    """The values of all tensors as safetensors, under their official names."""
    official = {v: k for k, v in MODEL_NAMES.items()}
    layer_names = {v: k for k, v in LAYER_NAMES.items()}
    header, pieces, at = {}, [], 0
    for tensor, data in tensors:
        if tensor.name == "rope_freqs.weight":
            continue
        name = official.get(tensor.name)
        if not name:
            _, layer, rest = tensor.name.split(".", 2)
            name = f"layers.{layer}.{layer_names[rest]}"
        values = gguf_file.load(tensor.type_name, data).tobytes()
        header["model.language_model." + name] = {
            "dtype": "F32", "shape": list(reversed(tensor.shape)), "data_offsets": [at, at + len(values)]}
        at += len(values)
        pieces.append(values)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(pieces))


def write_parts(path, fields, tensors, count):
    for index in range(count):
        share = tensors[index * len(tensors) // count : (index + 1) * len(tensors) // count]
        split = [("split.no", UINT16, index), ("split.count", UINT16, count),
                 ("split.tensors.count", INT32, len(tensors))]
        name = path.with_name(f"{path.stem}-{index + 1:05}-of-{count:05}.gguf")
        gguf_file.write(name, (fields if index == 0 else []) + split, share)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--type", default="BF16", choices=gguf_file.WRITABLE)
    parser.add_argument("--vocabulary", default="merges", choices=("merges", "scores", "none"))
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--split-experts", action="store_true")
    parser.add_argument("--values", type=Path)
    options = parser.parse_args()
    config = json.loads((options.checkpoint / "config.json").read_text())
    fields = gguf_file.metadata(config, options.checkpoint.name)
    fields += vocabulary(options.checkpoint, options.vocabulary)
    tensors = convert(options.checkpoint, options.type, options.split_experts)
    if options.parts > 1:
        write_parts(options.out, fields, tensors, options.parts)
    else:
        gguf_file.write(options.out, fields, tensors)
    if options.values:
        write_values(options.values, tensors)


if __name__ == "__main__":
    main()
