#!/usr/bin/env python3
"""Runs the official implementation of Gemma 3 on small checkpoints and writes test/data/goldens.

    pip install torch transformers==5.24.0
    generate_gemma3_goldens.py [OUT]

The files and names are those of the other cases: config.json, model.safetensors (written by
write_checkpoint.py), golden.safetensors (expected tensors, float32) and golden.json (ids and
tolerances). Float32, eager attention, one thread.
"""
import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file
from transformers import DynamicCache, Gemma3ForCausalLM, Gemma3TextConfig

import write_checkpoint

COMMON = {
    "attention_bias": False, "bos_token_id": 2, "eos_token_id": [1, 106], "hidden_activation": "gelu_pytorch_tanh",
    "max_position_embeddings": 32768, "model_type": "gemma3_text", "pad_token_id": 0, "rms_norm_eps": 1e-6,
    "vocab_size": 256,
}
CASES = {
    # As transformers 5.24.0 writes a text-only model; a pattern that ends with sliding layers.
    "gemma3": {
        "prefix": "model.", "dtype": "float32", "saved": True,
        "text": {**COMMON, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 7, "num_attention_heads": 4,
                 "num_key_value_heads": 1, "head_dim": 32, "query_pre_attn_scalar": 24, "sliding_window": 4,
                 "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e6},
                                     "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    },
    # As Google published 4B and up: the text part of a whole model, older keys, scaled positions.
    "gemma3-scaled": {
        "prefix": "language_model.model.", "dtype": "bfloat16", "saved": False,
        "text": {**COMMON, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
                 "num_key_value_heads": 2, "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 6,
                 "sliding_window_pattern": 3, "rope_theta": 1e6, "rope_local_base_freq": 1e4,
                 "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
    },
}
RUNS = {"main": {"count": 12, "first": 0}, "long": {"count": 40, "first": 0}, "far": {"count": 6, "first": 30000}}
STEPS = 24


def model_of(case, folder):
    """The model with the weights that write_checkpoint.py gives `folder`, which holds config.json."""
    text = copy.deepcopy(case["text"])
    del text["model_type"]
    config = Gemma3TextConfig(**text)
    if case["saved"]:
        config.architectures, config.dtype = ["Gemma3ForCausalLM"], case["dtype"]
        config.save_pretrained(folder)
    else:
        whole = {"architectures": ["Gemma3ForConditionalGeneration"], "eos_token_id": [1, 106], "model_type": "gemma3",
                 "text_config": case["text"], "torch_dtype": case["dtype"]}
        (folder / "config.json").write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n")
    # write_checkpoint reads the kinds of the layers, which older files do not hold.
    written = {**json.loads(json.dumps(config.to_dict())), "model_type": "gemma3_text"}
    files = [(name, shape, lambda n=write_checkpoint.canonical(name, "gemma3_text"), s=shape: write_checkpoint.value(n, s, True))
             for name, shape in write_checkpoint.tensors(written, case["prefix"])]
    write_checkpoint.write_safetensors(folder / "model.safetensors", files, case["dtype"])
    config._attn_implementation = "eager"
    model = Gemma3ForCausalLM(config).eval()
    from safetensors.torch import load_file as load_torch
    state = {"model." + name.removeprefix(case["prefix"]): tensor.float()
             for name, tensor in load_torch(folder / "model.safetensors").items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return model


def draw_ids(label, count, vocab):
    u = (write_checkpoint.uniform("ids." + label, count).astype(np.float64) + 1) / 2
    return [2] + [int(3 + x * (vocab - 3)) for x in u][: count - 1]


def record(model, ids, first, detail):
    """Golden tensors of one forward pass and the cache it leaves."""
    out, handles = {}, []

    def hook(path, name):
        def keep(_, __, value):
            value = value[0] if isinstance(value, tuple) else value
            out[name] = value.detach()[0].contiguous().numpy().copy()
        handles.append(dict(model.named_modules())[path].register_forward_hook(keep))

    hook("model.norm", "final_norm")
    if detail:
        hook("model.embed_tokens", "embed")
    for i in range(len(model.model.layers)):
        hook(f"model.layers.{i}", f"layers.{i}.out")
        if detail:
            hook(f"model.layers.{i}.self_attn.o_proj", f"layers.{i}.attn")
            hook(f"model.layers.{i}.mlp", f"layers.{i}.mlp")
    positions = torch.arange(first, first + len(ids))[None]
    cache = DynamicCache()  # without a config it keeps every position, of sliding layers too
    with torch.no_grad():
        out["logits"] = model(input_ids=torch.tensor([ids]), position_ids=positions, use_cache=False).logits[0].numpy()
        for handle in handles:
            handle.remove()
        model(input_ids=torch.tensor([ids]), position_ids=positions, use_cache=True, past_key_values=cache)
    if detail:
        kinds = model.config.layer_types
        for kind in sorted(set(kinds)):
            last = max(i for i, k in enumerate(kinds) if k == kind)
            out[f"layers.{last}.k"] = cache.layers[last].keys[0].numpy().copy()
            out[f"layers.{last}.v"] = cache.layers[last].values[0].numpy().copy()
    return out


def largest_difference(a, b):
    return float(np.max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))))


def continuation(model, ids, no_repeat):
    sequence, rows, margins = list(ids), [], []
    for _ in range(STEPS):
        with torch.no_grad():
            row = model(input_ids=torch.tensor([sequence]), use_cache=False).logits[0, -1].numpy()
        rows.append(row)
        pick = row.copy()
        if no_repeat:
            pick[sorted(set(sequence))] = -np.inf
        top = np.sort(pick)[-2:]
        margins.append(float(top[1] - top[0]))
        sequence.append(int(np.argmax(pick)))
    return sequence[len(ids):], np.stack(rows), min(margins)


def generate(name, case, out):
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    model = model_of(case, folder)
    tensors, runs = {}, {}
    for run, spec in RUNS.items():
        ids = draw_ids(f"{name}.{run}", spec["count"], model.config.vocab_size)
        found = record(model, ids, spec["first"], detail=run == "main")
        if run == "long":
            found = {key: found[key] for key in ("logits", "final_norm")}
        with torch.no_grad():
            exact = copy.deepcopy(model).double()(
                input_ids=torch.tensor([ids]), use_cache=False,
                position_ids=torch.arange(spec["first"], spec["first"] + len(ids))[None]).logits[0].numpy()
        runs[run] = {"ids": ids, "first_position": spec["first"],
                     "max_logit_difference_to_float64_run": largest_difference(exact, found["logits"])}
        tensors.update({f"{run}.{key}": value for key, value in found.items()})
        if run != "main":
            continue
        for label, no_repeat in (("greedy", False), ("greedy_no_repeat", True)):
            chosen, rows, margin = continuation(model, ids, no_repeat)
            runs[run][label] = {"ids": chosen, "smallest_top1_margin": margin}
            if no_repeat:
                tensors[f"{run}.{label}.step_logits"] = rows
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, folder / "golden.safetensors")
    distance = max(run["max_logit_difference_to_float64_run"] for key, run in runs.items() if key != "far")
    golden = {
        "case": name, "class": "Gemma3ForCausalLM",
        "computed_by": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0],
                        "dtype": "float32", "attention": "eager", "threads": 1},
        "checkpoint": {"prefix": case["prefix"], "dtype": case["dtype"]},
        "tolerance": {"logits_abs": float(np.float32(max(5 * distance, 1e-4))), "tensors_rel": 5e-5},
        "runs": runs,
    }
    (folder / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    print(name, golden["tolerance"], {key: run["max_logit_difference_to_float64_run"] for key, run in runs.items()},
          {key: runs["main"][key]["smallest_top1_margin"] for key in ("greedy", "greedy_no_repeat")})


def main():
    torch.set_num_threads(1)
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "data" / "goldens"
    for name, case in CASES.items():
        generate(name, case, out)


if __name__ == "__main__":
    main()
