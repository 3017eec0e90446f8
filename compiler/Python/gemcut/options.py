"""Options of commands. Each field is the flag of the command line of the same
name, with the same values and default; `gemcut compile --help` explains them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import Any, Mapping, Optional, Sequence, Union

StrPath = Union[str, "os.PathLike[str]"]


def _flag(name: str, *, report: bool = False, plan: bool = False) -> Any:
    """A field that is passed as `name`. `report`: quantize-report has it, too;
    `plan`: so has inspect."""
    return field(default=None, metadata={"flag": name, "report": report or plan,
                                         "plan": plan})


@dataclass(frozen=True)
class CompileOptions:
    """What `gemcut compile` is asked for; None: the default of the command line.

    Sizes in tokens unless said otherwise. `quant` may also be a recipe, see
    gemcut.recipe.
    """

    target: Optional[str] = _flag("--target")
    """"x86_64-linux", "aarch64-linux" or (libraries only) "aarch64-android"."""
    cpu: Union[str, Sequence[str], None] = _flag("--cpu")
    """ISA levels or devices; "host" is the best level of this machine."""
    quant: Any = _flag("--quant", plan=True)
    """"int4", "q4_0", "mobile", "int8", "bf16", "f32", "keep", the path of a recipe
    that ends in .json, a gemcut.Recipe or what gemcut.recipe takes."""
    kv: Optional[str] = _flag("--kv", plan=True)
    """"bf16", "f32" or "int8"."""
    head: Optional[str] = _flag("--head", plan=True)
    """"full" or "two-stage"."""
    context: Optional[int] = _flag("--context", plan=True)
    """Positions of a sequence."""
    slots: Optional[int] = _flag("--slots", plan=True)
    """Sequences at a time."""
    prefill_chunk: Optional[int] = _flag("--prefill-chunk", plan=True)
    """Most prompt tokens of one step."""
    calibrate: Optional[StrPath] = _flag("--calibrate", report=True)
    """A text that int4 is rounded for."""
    calibrate_tokens: Optional[int] = _flag("--calibrate-tokens", report=True)
    certify: Optional[StrPath] = _flag("--certify")
    """A text on which the build is compared with its bf16 form."""
    certify_kl: Optional[float] = _flag("--certify-kl")
    """Most mean KL divergence, in nats."""
    max_ram: Union[int, str, None] = _flag("--max-ram")
    """Bytes, or a text such as "2G"."""
    weights: Optional[str] = _flag("--weights")
    """"embed", "sidecar", "shared-sidecar", "random" or "random:SEED"."""
    lora: Union[Mapping[str, float], Sequence[StrPath], None] = _flag("--lora",
                                                                      report=True)
    """Folders of adapters to merge, or their strengths by folder."""
    lora_runtime: Optional[Mapping[str, StrPath]] = _flag("--lora-runtime")
    """Folders of adapters that stay beside the weights, by name."""
    bake_prefix: Optional[StrPath] = _flag("--bake-prefix")
    """A file with what conversations begin with, whose state the executable keeps.
    Engine.chat does not add it: messages and tools that are the same are not run again."""
    chat_template: Optional[StrPath] = _flag("--chat-template")
    """A Jinja file, or "builtin" for the template of the model's family."""
    emit: Optional[str] = _flag("--emit")
    """"exe", "static-lib", "shared-lib", "obj", "asm", "llvm", "kernel", "gemma"."""
    dump_ir_after: Optional[str] = _flag("--dump-ir-after")
    dump_dir: Optional[StrPath] = _flag("--dump-dir")
    time_phases: Optional[bool] = _flag("--time-phases")
    threads: Optional[int] = _flag("--threads", report=True)
    runtime_dir: Optional[StrPath] = _flag("--runtime-dir")
    sysroot: Optional[StrPath] = _flag("--sysroot")

    def arguments(self, command: str = "compile") -> list[str]:
        """The flags for a command: "compile", "quantize-report" or "inspect", which
        have fewer of them."""
        needed = {"compile": None, "quantize-report": "report", "inspect": "plan"}
        wanted = needed[command]
        result: list[str] = []
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is None or (wanted and not entry.metadata[wanted]):
                continue
            result += _render(entry.metadata["flag"], value)
        return result


def _render(flag: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [flag] if value else []
    if isinstance(value, Mapping):
        return [part for key, inner in value.items()
                for part in (flag, f"{os.fspath(key)}={_text(inner)}")]
    if isinstance(value, Sequence) and not isinstance(value, str):
        if flag == "--cpu":
            return [flag, ",".join(value)]
        return [part for inner in value for part in (flag, _text(inner))]
    return [flag, _text(value)]


def _text(value: Any) -> str:
    return str(os.fspath(value)) if isinstance(value, os.PathLike) else str(value)
