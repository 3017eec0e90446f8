"""GGUF files of Gemma 4 models: the container, the metadata of a config.json, the types.

The file format is ggml's docs/gguf.md, version 3. Keys and tensor names are those
that llama.cpp reads for the architecture "gemma4" (src/llama-arch.cpp,
src/models/gemma4.cpp). Only the standard library.
"""
import array
import random
import struct

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
UINT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 2, 4, 5, 6, 7, 8, 9

# ggml type -> (number in the file, elements per block, bytes per block)
TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22),
         "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110),
         "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "IQ4_NL": (20, 32, 18),
         "BF16": (30, 1, 2), "MXFP4": (39, 32, 17)}
# Those that `store` rounds values to.
WRITABLE = ("F32", "F16", "BF16", "Q4_0", "Q8_0")
# Where the f16 numbers of a block are.
_HALVES = {"Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,), "Q2_K": (80, 82), "Q3_K": (108,),
           "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "IQ4_NL": (0,)}


class Tensor:
    """Name, ggml type and shape; the first dimension is contiguous, as in ggml."""

    def __init__(self, name, type_name, *shape, values=None):
        self.name, self.type_name, self.shape, self.values = name, type_name, shape, values

    def byte_count(self):
        _, block, size = TYPES[self.type_name]
        assert self.shape[0] % block == 0, f"{self.name}: {self.shape[0]} is no multiple of {block}"
        count = 1
        for extent in self.shape:
            count *= extent
        return count // block * size


class TextConfig:
    """text_config of a config.json, or the whole of a text-only one, resolved by layer."""

    def __init__(self, config):
        self.text = config.get("text_config", config)
        self.layers = self.text["num_hidden_layers"]
        self.shared = self.text.get("num_kv_shared_layers") or 0

    def is_sliding(self, layer):
        return self.text["layer_types"][layer] == "sliding_attention"

    def has_own_kv(self, layer):
        return layer < self.layers - self.shared

    def has_values(self, layer):
        """Whether the layer has a value projection besides that of the keys."""
        return self.has_own_kv(layer) and not (self.text.get("attention_k_eq_v") and not self.is_sliding(layer))

    def _own(self, layer, key):
        return self.text.get("per_layer_config", {}).get(str(layer), {}).get(key)

    def head_dim(self, layer):
        wide = not self.is_sliding(layer) and self.text.get("global_head_dim")
        return self._own(layer, "head_dim") or wide or self.text["head_dim"]

    def kv_heads(self, layer):
        few = (not self.is_sliding(layer) and self.text.get("attention_k_eq_v")
               and self.text.get("num_global_key_value_heads"))
        return self._own(layer, "num_key_value_heads") or few or self.text["num_key_value_heads"]

    def feed_forward_length(self, layer):
        wide = self.text.get("use_double_wide_mlp") and not self.has_own_kv(layer)
        return self._own(layer, "intermediate_size") or self.text["intermediate_size"] * (2 if wide else 1)

    def head_dim_of_kind(self, sliding):
        return next((self.head_dim(i) for i in range(self.layers) if self.is_sliding(i) == sliding),
                    self.text["head_dim"])

    def rope_divisors(self):
        """Of a full-attention head, llama.cpp rotates the first pairs only: the others
        get a frequency divisor that stops them."""
        half = self.head_dim_of_kind(False) // 2
        rotated = int(half * self.text["rope_parameters"]["full_attention"]["partial_rotary_factor"])
        return [1.0] * rotated + [1e30] * (half - rotated)


def same_or_list(values):
    return values[0] if len(set(values)) == 1 else values


def metadata(config, name="random weights"):
    """Key, GGUF type and value of everything about the model but its vocabulary."""
    resolved = TextConfig(config)
    text, layers = resolved.text, range(resolved.layers)
    rope = text["rope_parameters"]
    wide, narrow = resolved.head_dim_of_kind(False), resolved.head_dim_of_kind(True)
    fields = [
        ("vocab_size", UINT32, text["vocab_size"]),
        ("context_length", UINT32, text["max_position_embeddings"]),
        ("embedding_length", UINT32, text["hidden_size"]),
        ("embedding_length_per_layer_input", UINT32, text["hidden_size_per_layer_input"]),
        ("block_count", UINT32, resolved.layers),
        ("feed_forward_length", INT32, [resolved.feed_forward_length(i) for i in layers]),
        ("attention.head_count", UINT32, text["num_attention_heads"]),
        ("attention.head_count_kv", UINT32, same_or_list([resolved.kv_heads(i) for i in layers])),
        ("attention.key_length", UINT32, wide),
        ("attention.value_length", UINT32, wide),
        ("attention.key_length_swa", UINT32, narrow),
        ("attention.value_length_swa", UINT32, narrow),
        ("attention.layer_norm_rms_epsilon", FLOAT32, text["rms_norm_eps"]),
        ("attention.sliding_window", UINT32, text["sliding_window"]),
        ("attention.sliding_window_pattern", BOOL, [resolved.is_sliding(i) for i in layers]),
        ("attention.shared_kv_layers", UINT32, resolved.shared),
        ("final_logit_softcapping", FLOAT32, text["final_logit_softcapping"]),
        ("rope.dimension_count", UINT32, wide),
        ("rope.dimension_count_swa", UINT32, narrow),
        ("rope.freq_base", FLOAT32, rope["full_attention"]["rope_theta"]),
        ("rope.freq_base_swa", FLOAT32, rope["sliding_attention"]["rope_theta"]),
    ]
    if text.get("enable_moe_block"):
        fields += [
            ("expert_count", UINT32, text["num_experts"]),
            ("expert_used_count", UINT32, text["top_k_experts"]),
            ("expert_feed_forward_length", UINT32, text["moe_intermediate_size"]),
        ]
    return [
        ("general.architecture", STRING, "gemma4"),
        ("general.name", STRING, name),
    ] + [("gemma4." + key, kind, value) for key, kind, value in fields]


def encode(kind, value):
    if isinstance(value, list):
        return struct.pack("<IQ", kind, len(value)) + b"".join(encode(kind, element) for element in value)
    if kind == STRING:
        return struct.pack("<Q", len(value.encode())) + value.encode()
    formats = {UINT16: "<H", UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}
    return struct.pack(formats[kind], value)


def header(fields, all_tensors):
    """The file up to the tensor data, padded."""
    parts = [MAGIC, struct.pack("<IQQ", VERSION, len(all_tensors), len(fields))]
    for key, kind, value in fields:
        tag = ARRAY if isinstance(value, list) else kind
        parts += [encode(STRING, key), struct.pack("<I", tag), encode(kind, value)]
    offset = 0
    for tensor in all_tensors:
        parts += [encode(STRING, tensor.name), struct.pack("<I", len(tensor.shape))]
        parts += [struct.pack("<Q", extent) for extent in tensor.shape]
        parts.append(struct.pack("<IQ", TYPES[tensor.type_name][0], offset))
        offset += padded(tensor.byte_count())
    data = b"".join(parts)
    return data + bytes(padded(len(data)) - len(data))


def padded(size):
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def write(path, fields, tensors_with_bytes):
    """Writes a file of (Tensor, bytes) pairs."""
    with open(path, "wb") as file:
        file.write(header(fields, [tensor for tensor, _ in tensors_with_bytes]))
        for tensor, data in tensors_with_bytes:
            assert len(data) == tensor.byte_count(), tensor.name
            file.write(data)
            file.write(bytes(padded(len(data)) - len(data)))


def store(type_name, values):
    """float32 values (an array) in a ggml type, as ggml-quants.c (quantize_row_*_ref) rounds."""
    if type_name == "F32":
        return values.tobytes()
    if type_name == "F16":
        return struct.pack(f"<{len(values)}e", *values)
    if type_name == "BF16":
        raw = values.tobytes()
        assert not any(raw[0::4]) and not any(raw[1::4]), "not bfloat16 values: rounding is not implemented"
        out = bytearray(len(raw) // 2)
        out[0::2], out[1::2] = raw[2::4], raw[3::4]
        return bytes(out)
    quantize = {"Q4_0": _q4_0_block, "Q8_0": _q8_0_block}[type_name]
    return b"".join(quantize(values[i : i + 32]) for i in range(0, len(values), 32))


def random_blocks(type_name, count, seed):
    """`count` blocks of random levels under small scales."""
    source = random.Random(seed)
    size, blocks = TYPES[type_name][2], []
    for _ in range(count):
        # No level of -128, which ggml does not write.
        block = bytearray(source.choice([i for i in range(256) if i != 128]) for _ in range(size))
        for at in _HALVES.get(type_name, ()):
            struct.pack_into("<e", block, at, source.uniform(1e-4, 2e-3))
        if type_name == "MXFP4":
            block[0] = source.randint(114, 120)  # 2^-13 and more, which f16 holds
        blocks.append(bytes(block))
    return b"".join(blocks)


def _float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def _q4_0_block(block):
    largest = max(block, key=abs)
    scale = _float32(largest / -8)
    inverse = _float32(1 / scale) if scale else 0.0
    levels = [min(15, int(_float32(_float32(value * inverse) + 8.5))) for value in block]
    return struct.pack("<e16B", scale, *(levels[i] | levels[i + 16] << 4 for i in range(16)))


def _q8_0_block(block):
    scale = _float32(max(map(abs, block)) / 127)
    inverse = _float32(1 / scale) if scale else 0.0
    return struct.pack("<e32b", scale, *(_round_away(_float32(value * inverse)) for value in block))


def _round_away(value):
    """C's roundf: halves away from zero."""
    return int(value + 0.5) if value >= 0 else -int(0.5 - value)


def load(type_name, data):
    """The float32 values of stored bytes."""
    if type_name == "F32":
        return array.array("f", data)
    if type_name == "F16":
        return array.array("f", struct.unpack(f"<{len(data) // 2}e", data))
    if type_name == "BF16":
        out = bytearray(2 * len(data))
        out[2::4], out[3::4] = data[0::2], data[1::2]
        return array.array("f", bytes(out))
    values = array.array("f")
    size = TYPES[type_name][2]
    for at in range(0, len(data), size):
        (scale,) = struct.unpack_from("<e", data, at)
        quants = data[at + 2 : at + size]
        if type_name == "Q4_0":
            levels = [byte % 16 - 8 for byte in quants] + [byte // 16 - 8 for byte in quants]
        else:
            levels = struct.unpack("<32b", quants)
        values.extend(scale * level for level in levels)
    return values
