#!/usr/bin/env python3
"""Runs the official implementation on prompts of text alone and writes what it computes.

    pip install torch transformers==5.24.0
    generate_text_prompt_goldens.py [GOLDENS [CASE...]]

For the models that also take images and audio: GOLDENS/CASE/config.json describes one, whose weights
are those of write_checkpoint.py. Written are golden.safetensors (expected tensors, float32) and
golden.json (ids and tolerances), under the names of the other cases, and the checkpoint where one is
stored. Continuations never choose the ids of images and sound: generation_config.json suppresses
them, as that of the 12B does. Float32, eager attention, one thread.
"""
import copy
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import DynamicCache

import write_checkpoint

CLASSES = {"gemma4": "Gemma4ForConditionalGeneration", "gemma4_unified": "Gemma4UnifiedForConditionalGeneration"}
CASES = ("unified", "vision-large", "vision-moe", "vision-audio")
# The towers are written where a test reads around them.
STORED = ("unified", "vision-audio")
PREFIX = "model.language_model."
RUNS = {"main": 10, "long": 40}
STEPS = 24


def write_weights(config, folder):
    files = [(name, shape, lambda n=write_checkpoint.canonical(name, config["model_type"]), s=shape: write_checkpoint.value(n, s))
             for name, shape in write_checkpoint.tensors(config, PREFIX)]
    write_checkpoint.write_safetensors(folder / "model.safetensors", files, "float32")


def load(folder, config):
    """The official model; every tensor of it is in the file, and the other way round."""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "config.json").write_bytes((folder / "config.json").read_bytes())
        write_weights(config, Path(scratch))
        model, info = getattr(transformers, CLASSES[config["model_type"]]).from_pretrained(
            scratch, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager", output_loading_info=True)
    assert not (info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]), info
    return model.eval()


def placeholders(config):
    """Ids that stand for images and sound, whose embeddings are not those of their rows."""
    return sorted(value for key, value in config.items() if key.endswith(("_token_id", "_token_index")) and isinstance(value, int))


def draw_ids(label, count, config):
    """BOS and ids that stand for text."""
    vocab = config["text_config"]["vocab_size"]
    drawn = (write_checkpoint.uniform("ids." + label, 4 * count).astype(np.float64) + 1) / 2
    ids = [int(3 + x * (vocab - 3)) for x in drawn]
    return [2] + [i for i in ids if i not in placeholders(config)][: count - 1]


def record(model, ids, detail):
    """Golden tensors of one forward pass and the cache it leaves."""
    stack, out, handles = model.model.language_model, {}, []

    def hook(module, *names):
        def keep(_, __, value):
            values = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, tuple) else [value]
            for name, one in zip(names, values):
                out[name] = one.detach().float().numpy().copy()
        handles.append(module.register_forward_hook(keep))

    hook(stack.norm, "final_norm")
    if detail:
        hook(stack.embed_tokens, "embed")
    for i, layer in enumerate(stack.layers):
        hook(layer, f"layers.{i}.out")
        if not detail:
            continue
        hook(layer.self_attn.o_proj, f"layers.{i}.attn")
        hook(layer.mlp, f"layers.{i}.mlp")
        if getattr(layer, "enable_moe_block", False):
            hook(layer.router, *(f"layers.{i}.router.{part}" for part in ("probs", "weights", "experts")))
            hook(layer.experts, f"layers.{i}.experts.out")
    if getattr(stack, "hidden_size_per_layer_input", 0) and detail:
        plain = stack.project_per_layer_inputs

        def spy(*args, **kwargs):
            result = plain(*args, **kwargs)
            out["ple"] = result.detach().numpy().copy()
            return result
        stack.project_per_layer_inputs = spy
    inputs = {"input_ids": torch.tensor([ids])}
    with torch.no_grad():
        out["logits"] = model(use_cache=False, **inputs).logits.numpy()
        for handle in handles:
            handle.remove()
        if "ple" in out:
            del stack.project_per_layer_inputs
        cache = DynamicCache()  # without a config it keeps every position, of sliding layers too
        model(use_cache=True, cache=cache, **inputs)
    out = {name: value[0] if value.shape[0] == 1 and value.ndim > 2 else value for name, value in out.items()}
    if detail:
        text = model.config.get_text_config()
        own = text.num_hidden_layers - getattr(text, "num_kv_shared_layers", 0)
        for kind in ("sliding_attention", "full_attention"):
            last = max(i for i in range(own) if text.layer_types[i] == kind)
            out[f"layers.{last}.k"] = cache.layers[last].keys[0].numpy().copy()
            out[f"layers.{last}.v"] = cache.layers[last].values[0].numpy().copy()
    return out


def continuation(model, ids, no_repeat, suppressed):
    sequence, rows, margins = list(ids), [], []
    for _ in range(STEPS):
        with torch.no_grad():
            row = model(input_ids=torch.tensor([sequence]), use_cache=False).logits[0, -1].numpy()
        rows.append(row)
        pick = row.copy()
        pick[suppressed + (sorted(set(sequence)) if no_repeat else [])] = -np.inf
        top = np.sort(pick)[-2:]
        margins.append(float(top[1] - top[0]))
        sequence.append(int(np.argmax(pick)))
    return sequence[len(ids):], np.stack(rows), min(margins)


def largest_difference(a, b):
    return float(np.max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))))


def generate(case, folder):
    config = json.loads((folder / "config.json").read_text())
    model = load(folder, config)
    exact = copy.deepcopy(model).double()
    tensors, runs = {}, {}
    for run, count in RUNS.items():
        ids = draw_ids(f"{case}.text.{run}", count, config)
        found = record(model, ids, detail=run == "main")
        if run != "main":
            found = {key: found[key] for key in ("logits", "final_norm")}
        with torch.no_grad():
            wide = exact(input_ids=torch.tensor([ids]), use_cache=False).logits[0].numpy()
        runs[run] = {"ids": ids, "first_position": 0,
                     "max_logit_difference_to_float64_run": largest_difference(wide, found["logits"])}
        tensors.update({f"{run}.{key}": value for key, value in found.items()})
        if run != "main":
            continue
        for label, no_repeat in (("greedy", False), ("greedy_no_repeat", True)):
            chosen, rows, margin = continuation(model, ids, no_repeat, placeholders(config))
            runs[run][label] = {"ids": chosen, "smallest_top1_margin": margin}
            if no_repeat:
                tensors[f"{run}.{label}.step_logits"] = rows
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, folder / "golden.safetensors")
    distance = max(run["max_logit_difference_to_float64_run"] for run in runs.values())
    golden = {
        "case": case, "class": CLASSES[config["model_type"]],
        "computed_by": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0],
                        "dtype": "float32", "attention": "eager", "threads": 1},
        "checkpoint": {"prefix": PREFIX, "dtype": "float32"},
        "tolerance": {"logits_abs": float(np.float32(max(5 * distance, 1e-4))), "tensors_rel": 2e-4},
        "runs": runs,
    }
    settings = {"bos_token_id": 2, "eos_token_id": [1, 106, 50], "pad_token_id": 0, "suppress_tokens": placeholders(config)}
    (folder / "generation_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    (folder / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    if case in STORED:
        write_weights(config, folder)
    print(case, golden["tolerance"], {key: runs["main"][key]["smallest_top1_margin"] for key in ("greedy", "greedy_no_repeat")})


def main():
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    goldens = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "data" / "goldens"
    for case in sys.argv[2:] or CASES:
        generate(case, goldens / case)


if __name__ == "__main__":
    main()
