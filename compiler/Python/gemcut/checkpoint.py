"""What a checkpoint holds."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Optional

from . import _compiler, arguments, recipes
from .options import CompileOptions, StrPath
from .compilation import MemoryPlan, merge
from .errors import CheckpointError
from .progress import ProgressCallback


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the checkpoint stores it. `shape`: row-major, the last dimension
    is the row."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Checkpoint:
    """A checkpoint folder, a .safetensors or .gguf file, or a config.json, checked
    as compile does. Headers are read, weights are not.

    Raises CheckpointError or UnsupportedError when its facts are first asked for.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = arguments.path("path", path)

    def _inspect(self, options: CompileOptions) -> dict[str, Any]:
        flags = [self.path, *options.arguments("inspect"), "--json"]
        facts: dict[str, Any] = json.loads(_compiler.native().inspect(
            flags, _compiler.listener(None)))
        if "tensors" not in facts:
            raise CheckpointError(f"{self.path}: is a compiled model, expected a "
                                  "checkpoint; gemcut.load takes this one", file=self.path)
        return facts

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return self._inspect(CompileOptions())

    @property
    def config(self) -> dict[str, Any]:
        """The model's derived configuration: "hidden_size", "layers" (kind,
        head_dim, kv_heads, intermediate_size, kv_source of each), ..."""
        return {key: value for key, value in self._facts.items()
                if key not in ("tensors", "plan")}

    def tensors(self) -> list[StoredTensor]:
        """All tensors, sorted by name; for a config.json those that a checkpoint
        would hold."""
        return [StoredTensor(entry["name"], entry["dtype"], tuple(entry["shape"]))
                for entry in self._facts["tensors"]]

    def statistics(self, *, progress: Optional[ProgressCallback] = None
                   ) -> list[recipes.TensorInfo]:
        """The matrices with statistics of their values. Reads all weights once."""
        return recipes.tensors(self.path, progress=progress)

    def plan(self, options: Optional[CompileOptions] = None,
             **changes: Any) -> MemoryPlan:
        """The memory that a compiled model needs, without compiling it."""
        wanted = merge(options, changes)
        with recipes.as_argument(wanted.quant, self.path) as quant:
            facts = self._inspect(dataclasses.replace(wanted, quant=quant))["plan"]
        names = {entry.name for entry in dataclasses.fields(MemoryPlan)}
        return MemoryPlan(**{key: value for key, value in facts.items()
                             if key in names})

    def __repr__(self) -> str:
        return f"gemcut.Checkpoint({self.path!r})"
