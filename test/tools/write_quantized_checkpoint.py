#!/usr/bin/env python3
"""Write quantized checkpoints from the plain one of a small model. Standard library only.

    write_quantized_checkpoint.py CHECKPOINT OUT_DIR gemma|compressed-tensors|single-experts
                                  [--no-activation-scales] [--plain]

Writes what the official quantized releases of Gemma 4 hold, in their names, shapes and bit orders
(quant_method "gemma", and compressed-tensors with pack-quantized int4 in groups of 32). With
--plain it writes the values that those integers stand for as float32 instead, under the plain
names: a model that computes the same but for the rounding of activations. Both give each expert
tensors of its own, as tools that convert linear layers do; single-experts does only that.
"""
import argparse
import array
import json
import re
import shutil
import struct
from pathlib import Path


class Tensor:
    """A tensor as it goes to a file: dtype, shape and bytes."""

    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, list(shape), bytes(data)


def floats(shape, values):
    return Tensor("F32", shape, array.array("f", values).tobytes())


def to_f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def bf16_bits(value):
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


def from_bf16(bits):
    return struct.unpack("<f", struct.pack("<I", bits << 16))[0]


def read_safetensors(path):
    """{name: (shape, values)} of a file of F32 and BF16 tensors."""
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, info in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in info["data_offsets"])
        if info["dtype"] == "BF16":
            values = [from_bf16(bits) for bits in array.array("H", raw[begin:end])]
        else:
            values = array.array("f", raw[begin:end])
        tensors[name] = (info["shape"], values)
    return tensors


def read_checkpoint(folder):
    """The tensors of all files of a checkpoint."""
    tensors = {}
    for path in sorted(folder.glob("model*.safetensors")):
        tensors.update(read_safetensors(path))
    return tensors


def split_experts(tensors):
    """Stacked experts as matrices: gate_up_proj (E, 2 I, H) and down_proj (E, H, I)."""
    out = {}
    for name, (shape, values) in tensors.items():
        if len(shape) != 3:
            out[name] = (shape, values)
            continue
        base, stacked = name.rsplit(".", 1)
        matrices = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}[stacked]
        rows, columns = shape[1] // len(matrices), shape[2]
        for i in range(shape[0] * len(matrices)):
            expert, matrix = divmod(i, len(matrices))
            out[f"{base}.{expert}.{matrices[matrix]}.weight"] = (
                [rows, columns], values[i * rows * columns:(i + 1) * rows * columns])
    return out


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in sorted(tensors.items()):
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape,
                        "data_offsets": [offset, offset + len(tensor.data)]}
        offset += len(tensor.data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text +
                     b"".join(tensor.data for _, tensor in sorted(tensors.items())))


def quantize(values, bits, group, round_scale=to_f32):
    """Levels and scales of groups: the largest magnitude of a group becomes the lowest level."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    levels, scales = [], []
    for first in range(0, len(values), group):
        part = values[first:first + group]
        scale = round_scale(max(map(abs, part)) / -low) or 1.0
        scales.append(scale)
        levels.extend(min(max(round(value / scale), low), high) for value in part)
    return levels, scales


def dequantize(levels, scales, group):
    return [to_f32(level * scales[i // group]) for i, level in enumerate(levels)]


def pack(levels, bits):
    """The first in the lowest bits, above the zero point; 8 bits as they are."""
    if bits == 8:
        return array.array("b", levels).tobytes()
    per_byte, zero_point = 8 // bits, 1 << (bits - 1)
    return bytes(sum((levels[first + i] + zero_point) << (i * bits) for i in range(per_byte))
                 for first in range(0, len(levels), per_byte))


def mobile_bits(name, shared_from):
    """The bit widths of the mobile release of E2B, by module; None: not converted."""
    layer = re.search(r"layers\.(\d+)\.", name)
    if name.endswith(("embed_tokens.weight", "lm_head.weight")):
        return 2
    if name.endswith("embed_tokens_per_layer.weight"):
        return 4
    if name.endswith("per_layer_model_projection.weight") or ".router." in name:
        return None
    if "per_layer_" in name:
        return 8
    return 2 if ".mlp." in name and layer and int(layer[1]) >= shared_from else 4


def expert_scales(name):
    """Input and output scales of an expert's layer: some differ, and some outputs are not calibrated."""
    expert, matrix = re.search(r"experts\.(\d+)\.(\w+)\.", name).groups()
    expert, is_down = int(expert), matrix == "down_proj"
    source = (1 + expert % 3) / (16 if is_down else 32)
    return source, 0 if matrix == "up_proj" and expert == 2 else (1 + expert % 2) / 12


def gemma(tensors, config, plain, activation_scales):
    text = config.get("text_config", config)
    tensors = split_experts(tensors)
    shared_from = text["num_hidden_layers"] - text.get("num_kv_shared_layers", 0)
    table = next(name for name in tensors if name.endswith("embed_tokens.weight"))
    (rows, columns), values = tensors[table]
    tensors["lm_head.weight"] = ([rows, columns], values[columns:] + values[:columns])  # a head of its own
    out = {}
    for name, (shape, values) in tensors.items():
        bits = mobile_bits(name, shared_from) if len(shape) == 2 else None
        if bits is None:
            out[name] = floats(shape, values)
            continue
        per_layer = name.endswith("embed_tokens_per_layer.weight")
        group = text["hidden_size_per_layer_input"] if per_layer else shape[1]
        levels, scales = quantize(values, bits, group)
        if plain:
            out[name] = floats(shape, dequantize(levels, scales, group))
            continue
        base, is_table = name[:-len("weight")], "embed_tokens" in name
        out[base + ("embedding_quantized" if is_table else "weight")] = Tensor(
            "I8" if bits == 8 else "U8", [shape[0], shape[1] * bits // 8], pack(levels, bits))
        out[base + ("embedding_scale" if is_table else "weight_scale")] = floats(
            [shape[0], shape[1] // group], scales)
        if is_table or not activation_scales:
            continue
        source, result = expert_scales(name) if ".experts." in name else (1 / 24, 1 / 10)
        # 0 is "not calibrated".
        if name.endswith("layers.0.self_attn.o_proj.weight"):
            result = 0
        out[base + "input_activation_scale"] = floats([], [source])
        out[base + "output_activation_scale"] = floats([], [result])
        if base.endswith("k_proj."):
            out[base[:-len("k_proj.")] + "k_cache_scale"] = floats([], [0.1])
    config["tie_word_embeddings"] = text["tie_word_embeddings"] = False
    if not plain:
        config["quantization_config"] = {
            "quant_method": "gemma", "num_bits": 4, "quantize_embeddings": True,
            "module_quant_configs": {"lm_head|embed_tokens$": 2, "per_layer_(input_gate|projection)": 8},
            "modules_to_not_convert": ["per_layer_model_projection", "router"]}
    return out


def compressed_tensors(tensors, config, plain):
    out, kept = {}, ("embed_tokens", "per_layer_model_projection", "router")
    for name, (shape, values) in split_experts(tensors).items():
        if len(shape) != 2 or any(part in name for part in kept):
            out[name] = floats(shape, values)
            continue
        levels, scales = quantize(values, 4, 32, lambda scale: from_bf16(bf16_bits(scale)))
        if plain:
            out[name] = floats(shape, dequantize(levels, scales, 32))
            continue
        base = name[:-len("weight")]
        out[base + "weight_packed"] = Tensor("I32", [shape[0], shape[1] // 8], pack(levels, 4))
        out[base + "weight_scale"] = Tensor("BF16", [shape[0], shape[1] // 32],
                                            array.array("H", map(bf16_bits, scales)).tobytes())
        out[base + "weight_shape"] = Tensor("I64", [2], array.array("q", shape).tobytes())
    if not plain:
        config["quantization_config"] = {
            "quant_method": "compressed-tensors", "format": "pack-quantized",
            "config_groups": {"group_0": {
                "targets": ["Linear"], "input_activations": None, "output_activations": None,
                "weights": {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group",
                            "group_size": 32}}},
            "ignore": ["lm_head"]}
    return out


def write(checkpoint, out, method, plain=False, activation_scales=True):
    config = json.loads((checkpoint / "config.json").read_text())
    tensors = read_checkpoint(checkpoint)
    if method == "gemma":
        tensors = gemma(tensors, config, plain, activation_scales)
    elif method == "single-experts":
        tensors = {name: floats(*tensor) for name, tensor in split_experts(tensors).items()}
    else:
        tensors = compressed_tensors(tensors, config, plain)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=2))
    write_safetensors(out / "model.safetensors", tensors)
    for extra in ("generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (checkpoint / extra).exists():
            shutil.copy(checkpoint / extra, out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("method", choices=("gemma", "compressed-tensors", "single-experts"))
    parser.add_argument("--no-activation-scales", action="store_true")
    parser.add_argument("--plain", action="store_true")
    args = parser.parse_args()
    write(args.checkpoint, args.out, args.method, args.plain, not args.no_activation_scales)


if __name__ == "__main__":
    main()
