"""Checks that the JSON of `gemcut inspect` on stdin agrees with itself."""
import json
import math
import sys

model = json.load(sys.stdin)
text = [t for t in model["tensors"] if t["name"].startswith("model.language_model.")]
assert len(text) == model["text_tensors"] + model["unused_kv_tensors"], len(text)
assert sum(math.prod(t["shape"]) for t in text) == model["parameters"]
towers = len(model["tensors"]) - len(text)
assert towers == model["tower_tensors"], towers
plan = model["plan"]
assert plan["total_bytes"] == plan["resident_weight_bytes"] + plan["private_bytes"]
# The small table stays mapped as a whole; logits, sampler and process come to 1 MiB and some.
assert plan["resident_weight_bytes"] == plan["weight_bytes"] > plan["table_bytes"] > 0
known = plan["arena_bytes"] + plan["slots"] * plan["kv_slot_bytes"]
assert known + (1 << 20) < plan["private_bytes"] < known + (2 << 20), plan
assert known < plan["generate_bytes"] <= plan["private_bytes"], plan
assert 0 < plan["weight_bytes_per_token"] < plan["weight_bytes"]
assert len(model["layers"]) == 8
