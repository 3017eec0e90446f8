"""Compiling a checkpoint."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from . import _compiler, arguments, recipes
from .errors import UsageError
from .options import CompileOptions, StrPath
from .progress import ProgressCallback


@dataclass(frozen=True)
class MemoryPlan:
    """What a compiled model takes; sizes in bytes.

    Attributes:
        context: positions of a sequence, in tokens.
        slots: sequences at a time.
        weight_bytes: all packed weights.
        weight_bytes_per_token: what a step of one token reads.
        kv_slot_bytes: KV cache of one sequence.
        kv_formula: how that follows from the model, for people.
        arena_bytes: activations.
        table_bytes: tables of which a step reads single rows; part of weight_bytes.
        resident_weight_bytes: weights that have to be in memory.
        private_bytes: what no other process shares.
        total_bytes: all of it.
    """

    context: int
    slots: int
    weight_bytes: int
    weight_bytes_per_token: int
    kv_slot_bytes: int
    kv_formula: str
    arena_bytes: int
    table_bytes: int
    resident_weight_bytes: int
    private_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class TensorReport:
    """How far a tensor of the checkpoint is from its packed form.

    Attributes:
        name: the checkpoint's.
        shape: rows and columns.
        format: one of gemcut.FORMATS.
        bytes: packed.
        error: sqrt(sum of squared errors / sum of squares); 0: exact.
        max_error: magnitude of the largest error.
        snr_db: signal over noise in decibels; None: exact.
    """

    name: str
    shape: tuple[int, ...]
    format: str
    bytes: int
    error: float
    max_error: float
    snr_db: Optional[float]


@dataclass(frozen=True)
class Artifact:
    """What a compilation wrote.

    Attributes:
        path: the file.
        sidecar: the file with its weights, if they are in one of their own.
        model: path of the checkpoint.
        options: as they were asked for.
        quantization: name of the recipe that was used.
        kv: storage of the KV cache.
        memory_plan: None for --emit obj, asm, llvm, kernel and gemma.
        summary: lines for people.
    """

    path: Path
    sidecar: Optional[Path]
    model: str
    options: CompileOptions
    quantization: str
    kv: str
    memory_plan: Optional[MemoryPlan]
    summary: str

    def tensors(self, *, progress: Optional[ProgressCallback] = None
                ) -> list[TensorReport]:
        """Every matrix and table, in the order of the file. Rounds all weights once
        more, so it takes about as long as packing them did.

        Raises CheckpointError if the checkpoint has changed or gone.
        """
        return quantize_report(self.model, options=self.options, progress=progress)

    def __fspath__(self) -> str:
        return str(self.path)


def quantize_report(model: StrPath, *, options: Optional[CompileOptions] = None,
                    progress: Optional[ProgressCallback] = None,
                    **changes: Any) -> list[TensorReport]:
    """What a recipe does to every matrix and table of a checkpoint, in the order of
    a compiled file, without compiling it. Reads and rounds all weights.

    Raises what compile raises.
    """
    wanted = merge(options, changes)
    path = arguments.path("model", model)
    arguments.function("progress", progress)
    with recipes.as_argument(wanted.quant, path, progress) as quant:
        flags = dataclasses.replace(wanted, quant=quant).arguments("quantize-report")
        report = json.loads(_compiler.native().quantize_report(
            [path, *flags, "--json"], _compiler.listener(progress)))
    inspected = json.loads(_compiler.native().inspect([path, "--json"],
                                                      _compiler.listener(None)))
    shapes = {entry["name"]: tuple(entry["shape"]) for entry in inspected["tensors"]}
    return [TensorReport(entry["name"], shapes.get(entry["name"], ()),
                         entry["format"], entry["bytes"],
                         entry["relative_rms_error"], entry["max_error"],
                         entry["snr_db"])
            for entry in report["tensors"]]


def merge(options: Optional[CompileOptions],
          changes: dict[str, Any]) -> CompileOptions:
    if options is None:
        options = CompileOptions()
    if not isinstance(options, CompileOptions):
        arguments.refuse("options", options, "gemcut.CompileOptions")
    names = [entry.name for entry in dataclasses.fields(options)]
    for name in changes:
        if name not in names:
            import difflib
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]}?" if close else "see gemcut.CompileOptions"
            raise UsageError(f"there is no option {name}; {hint}")
    return dataclasses.replace(options, **changes)


def compile(model: StrPath, output: StrPath, *,
            options: Optional[CompileOptions] = None,
            progress: Optional[ProgressCallback] = None,
            **changes: Any) -> Artifact:
    """Compiles a checkpoint, as `gemcut compile MODEL -o OUTPUT` does.

    `model` is a checkpoint folder, a .safetensors or .gguf file, or a config.json
    with weights="random". `changes` are fields of CompileOptions, replacing those of
    `options`. `progress` receives gemcut.Progress on the calling thread; notes go to
    the logger "gemcut". The GIL is free meanwhile.

    KeyboardInterrupt, or an exception of `progress`, stops the compilation; then, as
    with every error, no file is left.

    Raises UsageError, CheckpointError, UnsupportedError, OutOfMemoryPlan (`max_ram`)
    and GemcutError.
    """
    wanted = merge(options, changes)
    path, file = arguments.path("model", model), arguments.path("output", output)
    arguments.function("progress", progress)
    with recipes.as_argument(wanted.quant, path, progress) as quant:
        flags = dataclasses.replace(wanted, quant=quant).arguments()
        result = _compiler.native().compile([path, "-o", file, *flags],
                                            _compiler.listener(progress))
    plan = result["plan"]
    return Artifact(
        path=Path(result["output"]),
        sidecar=Path(result["sidecar"]) if result["sidecar"] else None,
        model=path, options=wanted, quantization=_recipe_name(result["quantization"]),
        kv=result["kv"], memory_plan=MemoryPlan(**plan) if plan else None,
        summary=result["summary"])


def _recipe_name(quant: str) -> str:
    return Path(quant).stem if quant.endswith(".json") else quant


_FORMS = ("gemma", "kernel", "llvm", "asm")


def ir(model: StrPath, phase: str = "gemma", *,
       options: Optional[CompileOptions] = None, **changes: Any) -> str:
    """The text of a program in one of its forms: "gemma", "kernel", "llvm" or "asm",
    or behind the pass with the flag `phase`, such as "gemma-fuse-qkv", or "import".
    Passes that run on functions give one module for each, one behind the other.
    llvm, asm and passes of targets need `cpu`, the name of one ISA level.

    Raises UsageError if no such pass runs, and what compile raises.
    """
    wanted = merge(options, changes)
    arguments.text("phase", phase)
    import tempfile
    with tempfile.TemporaryDirectory(prefix="gemcut-") as folder:
        output = os.path.join(folder, "program")
        if phase in _FORMS:
            compile(model, output, options=wanted, emit=phase)
            return Path(output).read_text()
        dumps = Path(folder, "dumps")
        compile(model, output, options=wanted, emit="llvm" if wanted.cpu else "kernel",
                dump_ir_after=phase, dump_dir=dumps)
        texts = [file.read_text() for file in sorted(dumps.glob("*.mlir"))]
        if not texts:
            raise UsageError(
                f"ir: no pass '{phase}' ran, expected {', '.join(_FORMS)}, import or "
                "the flag of a pass; those of targets need cpu")
        return "\n".join(texts)
