"""Writes a copy of a checkpoint without the K/V tensors of KV-sharing layers."""
import json
import re
import shutil
import struct
from pathlib import Path


def strip_dead_kv(source, target):
    """Returns how many tensors were left out."""
    source, target = Path(source), Path(target)
    config = json.loads((source / "config.json").read_text())
    text = config.get("text_config", config)
    first = text["num_hidden_layers"] - text["num_kv_shared_layers"]
    target.mkdir(parents=True)
    for name in ("config.json", "generation_config.json"):
        shutil.copyfile(source / name, target / name)
    data = (source / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    kept, blobs, at, removed = {}, [], 0, 0
    for name, info in header.items():
        if name == "__metadata__":
            kept[name] = info
            continue
        match = re.search(r"layers\.(\d+)\.self_attn\.(k_proj|v_proj|k_norm)\.", name)
        if match and int(match.group(1)) >= first:
            removed += 1
            continue
        begin, end = info["data_offsets"]
        blobs.append(data[8 + length + begin : 8 + length + end])
        kept[name] = dict(info, data_offsets=[at, at + end - begin])
        at += end - begin
    text = json.dumps(kept).encode()
    text += b" " * (-len(text) % 8)
    (target / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    return removed
