#!/usr/bin/env python3
"""Writes the BPE vocabulary of a GGUF file as a tokenizer.json.

    gguf_to_tokenizer_json.py VOCAB.gguf OUT.json

For tests against a published vocabulary: the settings written are those that Gemma
tokenizers have, pieces and merges are the file's. Needs nothing but Python.
"""
import json
import struct
import sys

# GGUF value types: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?",
           10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
# Token types of tokenizer.ggml.token_type.
CONTROL, USER_DEFINED = 3, 4


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def scalar(self, code):
        value, = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def string(self):
        length = self.scalar("Q")
        self.at += length
        return self.data[self.at - length:self.at].decode("utf-8")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            kind, count = self.scalar("I"), self.scalar("Q")
            return [self.value(kind) for _ in range(count)]
        return self.scalar(SCALARS[kind])


def metadata(path):
    with open(path, "rb") as file:
        reader = Reader(file.read())
    if reader.data[:4] != b"GGUF":
        sys.exit(f"{path}: not a GGUF file")
    reader.at = 4
    version, _tensors, count = reader.scalar("I"), reader.scalar("Q"), reader.scalar("Q")
    if version not in (2, 3):
        sys.exit(f"{path}: GGUF version {version}, expected 2 or 3")
    values = {}
    for _ in range(count):
        key = reader.string()
        values[key] = reader.value(reader.scalar("I"))
    return values


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    values = metadata(sys.argv[1])
    tokens = values["tokenizer.ggml.tokens"]
    types = values["tokenizer.ggml.token_type"]
    # A GGUF vocabulary marks more pieces as control or user-defined than
    # tokenizer.json lists as added: those of the form <|x>, <x|>, <|x|>, and the
    # first five control tokens.
    added = [i for i, (piece, kind) in enumerate(zip(tokens, types))
             if kind in (CONTROL, USER_DEFINED)
             and (i < 5 or piece.startswith("<|") or piece.endswith("|>"))]
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    document = {
        "version": "1.0",
        "added_tokens": [
            {"id": i, "content": tokens[i], "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True} for i in added],
        "normalizer": replace,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>",
            "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
            "vocab": {piece: i for i, piece in enumerate(tokens)},
            "merges": values["tokenizer.ggml.merges"]},
    }
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)
    print(f"{len(tokens)} pieces, {len(document['model']['merges'])} merges, "
          f"{len(added)} added tokens")


if __name__ == "__main__":
    main()
