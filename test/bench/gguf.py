"""Writes a GGUF file of a Gemma 4 model with random weights.

The file format is ggml's docs/gguf.md, version 3. Keys and tensor names are those
that llama.cpp reads for the architecture "gemma4" (src/llama-arch.cpp,
src/models/gemma4.cpp); all shapes come from a config.json. Only the standard
library.
"""
import array
import random
import struct

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9

# ggml type -> (number in the file, elements per block, bytes per block)
TYPES = {"F32": (0, 1, 4), "Q4_0": (2, 32, 18), "BF16": (30, 1, 2)}


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


def metadata(config):
    """Key, GGUF type and value of everything that llama.cpp asks for."""
    text = config["text_config"]
    layers, shared = text["num_hidden_layers"], text["num_kv_shared_layers"]
    rope = text["rope_parameters"]
    head, global_head = text["head_dim"], text["global_head_dim"]
    fields = [
        ("vocab_size", UINT32, text["vocab_size"]),
        ("context_length", UINT32, text["max_position_embeddings"]),
        ("embedding_length", UINT32, text["hidden_size"]),
        ("embedding_length_per_layer_input", UINT32, text["hidden_size_per_layer_input"]),
        ("block_count", UINT32, layers),
        ("feed_forward_length", INT32, [feed_forward_length(text, layer) for layer in range(layers)]),
        ("attention.head_count", UINT32, text["num_attention_heads"]),
        ("attention.head_count_kv", UINT32, text["num_key_value_heads"]),
        ("attention.key_length", UINT32, global_head),
        ("attention.value_length", UINT32, global_head),
        ("attention.key_length_swa", UINT32, head),
        ("attention.value_length_swa", UINT32, head),
        ("attention.layer_norm_rms_epsilon", FLOAT32, text["rms_norm_eps"]),
        ("attention.sliding_window", UINT32, text["sliding_window"]),
        ("attention.sliding_window_pattern", BOOL, [is_sliding(text, layer) for layer in range(layers)]),
        ("attention.shared_kv_layers", UINT32, shared),
        ("final_logit_softcapping", FLOAT32, text["final_logit_softcapping"]),
        ("rope.dimension_count", UINT32, global_head),
        ("rope.dimension_count_swa", UINT32, head),
        ("rope.freq_base", FLOAT32, rope["full_attention"]["rope_theta"]),
        ("rope.freq_base_swa", FLOAT32, rope["sliding_attention"]["rope_theta"]),
    ]
    return [
        ("general.architecture", STRING, "gemma4"),
        ("general.name", STRING, "random weights"),
        ("tokenizer.ggml.model", STRING, "no_vocab"),
    ] + [("gemma4." + key, kind, value) for key, kind, value in fields]


def is_sliding(text, layer):
    return text["layer_types"][layer] == "sliding_attention"


def has_own_kv(text, layer):
    return layer < text["num_hidden_layers"] - text["num_kv_shared_layers"]


def feed_forward_length(text, layer):
    wide = text["use_double_wide_mlp"] and not has_own_kv(text, layer)
    return text["intermediate_size"] * (2 if wide else 1)


def tensors(config):
    """All tensors of the model: matrices Q4_0, norms F32. The projection to the
    per-layer embeddings is BF16, as llama.cpp's converter leaves it."""
    text = config["text_config"]
    width, vocab, layers = text["hidden_size"], text["vocab_size"], text["num_hidden_layers"]
    per_layer = text["hidden_size_per_layer_input"]
    # Of a full-attention head, llama.cpp rotates the first quarter: the other
    # dimensions get a frequency divisor that stops them.
    half = text["global_head_dim"] // 2
    rotated = int(half * text["rope_parameters"]["full_attention"]["partial_rotary_factor"])
    result = [
        Tensor("token_embd.weight", "Q4_0", width, vocab),
        Tensor("per_layer_token_embd.weight", "Q4_0", per_layer * layers, vocab),
        Tensor("per_layer_model_proj.weight", "BF16", width, per_layer * layers),
        Tensor("per_layer_proj_norm.weight", "F32", per_layer),
        Tensor("output_norm.weight", "F32", width),
        Tensor("rope_freqs.weight", "F32", half, values=[1.0] * rotated + [1e30] * (half - rotated)),
    ]
    for layer in range(layers):
        head = text["head_dim"] if is_sliding(text, layer) else text["global_head_dim"]
        query, kv = head * text["num_attention_heads"], head * text["num_key_value_heads"]
        feed_forward = feed_forward_length(text, layer)
        parts = [
            ("attn_norm", "F32", width),
            ("attn_q", "Q4_0", width, query),
            ("attn_q_norm", "F32", head),
            ("attn_output", "Q4_0", query, width),
            ("post_attention_norm", "F32", width),
            ("ffn_norm", "F32", width),
            ("ffn_gate", "Q4_0", width, feed_forward),
            ("ffn_up", "Q4_0", width, feed_forward),
            ("ffn_down", "Q4_0", feed_forward, width),
            ("post_ffw_norm", "F32", width),
            ("inp_gate", "Q4_0", width, per_layer),
            ("proj", "Q4_0", per_layer, width),
            ("post_norm", "F32", width),
        ]
        if has_own_kv(text, layer):
            parts += [("attn_k", "Q4_0", width, kv), ("attn_v", "Q4_0", width, kv), ("attn_k_norm", "F32", head)]
        result += [Tensor(f"blk.{layer}.{name}.weight", *rest) for name, *rest in parts]
    return result


def encode(kind, value):
    if isinstance(value, list):
        return struct.pack("<IQ", kind, len(value)) + b"".join(encode(kind, element) for element in value)
    if kind == STRING:
        return struct.pack("<Q", len(value.encode())) + value.encode()
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


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


class RandomBytes:
    """Blocks of each type, of which tensors take pieces at random places: the
    values are arbitrary, and writing gigabytes one by one would take minutes."""

    POOL_BLOCKS = 1 << 16

    def __init__(self, seed):
        self.random = random.Random(seed)
        # Weights of standard deviation 0.02, the initializer_range of the model:
        # uniform nibbles have 4.6.
        scales = [struct.pack("<e", 0.02 / 4.6 * self.random.uniform(0.5, 1.5)) for _ in range(256)]
        quantized = b"".join(self.random.choice(scales) + self.random.randbytes(16) for _ in range(self.POOL_BLOCKS))
        # The upper half of a float32 is a bfloat16.
        floats = array.array("f", (self.random.gauss(0, 0.02) for _ in range(self.POOL_BLOCKS))).tobytes()
        bfloats = b"".join(floats[i + 2 : i + 4] for i in range(0, len(floats), 4))
        norms = array.array("f", (self.random.uniform(0.5, 1.5) for _ in range(self.POOL_BLOCKS))).tobytes()
        self.pools = {"Q4_0": quantized, "BF16": bfloats, "F32": norms}

    def pieces(self, tensor):
        """The bytes of a tensor, in pieces."""
        if tensor.values:
            yield array.array("f", tensor.values).tobytes()
            return
        pool, (_, _, size) = self.pools[tensor.type_name], TYPES[tensor.type_name]
        left = tensor.byte_count()
        while left:
            start = self.random.randrange(self.POOL_BLOCKS) * size
            piece = pool[start : start + left]
            left -= len(piece)
            yield piece


def write(path, config, seed=1):
    """Writes the whole model to `path`, about 2.8 GB for Gemma 4 E2B."""
    all_tensors = tensors(config)
    source = RandomBytes(seed)
    with open(path, "wb") as file:
        file.write(header(metadata(config), all_tensors))
        for tensor in all_tensors:
            size = tensor.byte_count()
            for piece in source.pieces(tensor):
                file.write(piece)
            file.write(bytes(padded(size) - size))
