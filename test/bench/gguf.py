"""Writes a GGUF file of a Gemma 4 model with random weights.

All shapes come from a config.json. Only the standard library.
"""
import array
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from gguf_file import STRING, TYPES, Tensor, TextConfig, header, metadata, padded

def tensors(config):
    """All tensors of the model: matrices Q4_0, norms F32. The projection to the
    per-layer embeddings is BF16, as llama.cpp's converter leaves it."""
    resolved = TextConfig(config)
    text, layers = resolved.text, resolved.layers
    width, vocab = text["hidden_size"], text["vocab_size"]
    per_layer = text["hidden_size_per_layer_input"]
    divisors = resolved.rope_divisors()
    result = [
        Tensor("token_embd.weight", "Q4_0", width, vocab),
        Tensor("per_layer_token_embd.weight", "Q4_0", per_layer * layers, vocab),
        Tensor("per_layer_model_proj.weight", "BF16", width, per_layer * layers),
        Tensor("per_layer_proj_norm.weight", "F32", per_layer),
        Tensor("output_norm.weight", "F32", width),
        Tensor("rope_freqs.weight", "F32", len(divisors), values=divisors),
    ]
    for layer in range(layers):
        head = resolved.head_dim(layer)
        query, kv = head * text["num_attention_heads"], head * resolved.kv_heads(layer)
        feed_forward = resolved.feed_forward_length(layer)
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
        if resolved.has_own_kv(layer):
            parts += [("attn_k", "Q4_0", width, kv), ("attn_v", "Q4_0", width, kv), ("attn_k_norm", "F32", head)]
        result += [Tensor(f"blk.{layer}.{name}.weight", *rest) for name, *rest in parts]
    return result


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
        fields = metadata(config) + [("tokenizer.ggml.model", STRING, "no_vocab")]
        file.write(header(fields, all_tensors))
        for tensor in all_tensors:
            size = tensor.byte_count()
            for piece in source.pieces(tensor):
                file.write(piece)
            file.write(bytes(padded(size) - size))
