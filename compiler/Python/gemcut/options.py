"""Options of commands. Each field is the flag of the command line of the same
name, with the same values and default; `gemcut compile --help` explains them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, fields
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from . import arguments

StrPath = Union[str, "os.PathLike[str]"]


def _flag(name: str, read: Callable[[str, Any], Any], *, report: bool = False,
          plan: bool = False) -> Any:
    """A field that is passed as `name`; `read` checks values. `report`:
    quantize-report has it, too; `plan`: so has inspect."""
    return field(default=None, metadata={"flag": name, "read": read,
                                         "report": report or plan, "plan": plan})


def _levels(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return arguments.text(name, value)
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        arguments.refuse(name, value, "a str, or a list of them")
    return tuple(arguments.text(f"{name}[{index}]", level)
                 for index, level in enumerate(value))


def _quant(name: str, value: Any) -> Any:
    if not (isinstance(value, (str, os.PathLike, Mapping)) or callable(value)
            or hasattr(value, "document")):
        arguments.refuse(name, value, "a format, the path of a recipe that ends in "
                         ".json, a gemcut.Recipe or what gemcut.recipe takes")
    return value


def _size(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return arguments.text(name, value)
    return arguments.whole(name, value, 1, None, "bytes, or a text such as '2G'")


def _merged(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {arguments.path(name, folder): arguments.real(
                    f"{name}[{folder!r}]", strength, -math.inf, math.inf, "a number")
                for folder, strength in value.items()}
    if isinstance(value, (str, os.PathLike)):
        return (arguments.path(name, value),)
    if isinstance(value, bytes) or not isinstance(value, Sequence):
        arguments.refuse(name, value, "a folder, a list of them, or strengths by folder")
    return tuple(arguments.path(f"{name}[{index}]", folder)
                 for index, folder in enumerate(value))


def _named(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        arguments.refuse(name, value, "folders by name")
    return {arguments.text(name, key): arguments.path(f"{name}[{key!r}]", folder)
            for key, folder in value.items()}


def _count(name: str, value: Any) -> int:
    return arguments.whole(name, value, 0, (1 << 63) - 1)


def _nats(name: str, value: Any) -> float:
    return arguments.real(name, value, 0, math.inf, "a number, at least 0")


@dataclass(frozen=True)
class CompileOptions:
    """What `gemcut compile` is asked for; None: the default of the command line.

    Sizes in tokens unless said otherwise. `quant` may also be a recipe, see
    gemcut.recipe. Raises UsageError for values of other types; whether their values
    can be is checked where they are used.
    """

    target: Optional[str] = _flag("--target", arguments.text)
    """"x86_64-linux", "aarch64-linux" or (libraries only) "aarch64-android"."""
    cpu: Union[str, Sequence[str], None] = _flag("--cpu", _levels)
    """ISA levels or devices; "host" is the best level of this machine."""
    quant: Any = _flag("--quant", _quant, plan=True)
    """"int4", "q4_0", "mobile", "int8", "bf16", "f32", "keep", the path of a recipe
    that ends in .json, a gemcut.Recipe or what gemcut.recipe takes."""
    kv: Optional[str] = _flag("--kv", arguments.text, plan=True)
    """"bf16", "f32" or "int8"."""
    head: Optional[str] = _flag("--head", arguments.text, plan=True)
    """"full" or "two-stage"."""
    context: Optional[int] = _flag("--context", _count, plan=True)
    """Positions of a sequence."""
    slots: Optional[int] = _flag("--slots", _count, plan=True)
    """Sequences at a time."""
    prefill_chunk: Optional[int] = _flag("--prefill-chunk", _count, plan=True)
    """Most prompt tokens of one step."""
    calibrate: Optional[StrPath] = _flag("--calibrate", arguments.path, report=True)
    """A text that int4 is rounded for."""
    calibrate_tokens: Optional[int] = _flag("--calibrate-tokens", _count, report=True)
    certify: Optional[StrPath] = _flag("--certify", arguments.path)
    """A text on which the build is compared with its bf16 form."""
    certify_kl: Optional[float] = _flag("--certify-kl", _nats)
    """Most mean KL divergence, in nats."""
    max_ram: Union[int, str, None] = _flag("--max-ram", _size)
    """Bytes, or a text such as "2G"."""
    weights: Optional[str] = _flag("--weights", arguments.text)
    """"embed", "sidecar", "shared-sidecar", "random" or "random:SEED", or
    "random,sidecar"."""
    lora: Union[Mapping[str, float], Sequence[StrPath], StrPath, None] = _flag(
        "--lora", _merged, report=True)
    """A folder of an adapter to merge, several, or their strengths by folder."""
    lora_runtime: Optional[Mapping[str, StrPath]] = _flag("--lora-runtime", _named)
    """Folders of adapters that stay beside the weights, by name."""
    bake_prefix: Optional[StrPath] = _flag("--bake-prefix", arguments.path)
    """A file with what conversations begin with, whose state the executable keeps.
    Engine.chat does not add it: messages and tools that are the same are not run again."""
    chat_template: Optional[StrPath] = _flag("--chat-template", arguments.path)
    """A Jinja file, or "builtin" for the template of the model's family."""
    emit: Optional[str] = _flag("--emit", arguments.text)
    """"exe", "static-lib", "shared-lib", "obj", "asm", "llvm", "kernel", "gemma"."""
    dump_ir_after: Optional[str] = _flag("--dump-ir-after", arguments.text)
    dump_dir: Optional[StrPath] = _flag("--dump-dir", arguments.path)
    time_phases: Optional[bool] = _flag("--time-phases", arguments.switch)
    threads: Optional[int] = _flag("--threads", _count, report=True)
    runtime_dir: Optional[StrPath] = _flag("--runtime-dir", arguments.path)
    sysroot: Optional[StrPath] = _flag("--sysroot", arguments.path)

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is not None:
                object.__setattr__(self, entry.name,
                                   entry.metadata["read"](entry.name, value))

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
