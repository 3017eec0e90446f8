"""Which tensor is stored in which format."""

from __future__ import annotations

import contextlib
import json
import os
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Union

from . import _compiler, arguments
from .errors import UsageError
from .progress import ProgressCallback

FORMATS = ("f32", "bf16", "int8", "int4", "q4_0", "int2_row", "int4_row", "int8_row")
"""What a matrix can be stored in."""


@dataclass(frozen=True)
class TensorInfo:
    """A matrix of a checkpoint, with statistics in float64 over all of its values.

    Attributes:
        name, dtype: as the checkpoint has them.
        shape: rows, then columns; experts in front.
        mean, rms: mean, and root of the mean square.
        abs_max: largest magnitude.
        kurtosis: fourth moment over the squared second one: 3 for normal values,
            more the heavier the tails; 0 if all values are 0.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    mean: float
    rms: float
    abs_max: float
    kurtosis: float


Chooser = Callable[[TensorInfo], Optional[str]]
"""Says in which of FORMATS a tensor is stored; None: in the recipe's default."""


class Recipe:
    """An ordered list of rules; the first whose pattern matches a tensor's name
    decides. `document` is the JSON form that `gemcut compile --quant` reads."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document: dict[str, Any] = dict(document)

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the recipe for the command line; `path` has to end in .json."""
        file = arguments.path("path", path)
        if not file.endswith(".json"):
            arguments.refuse("path", file, "a name that ends in .json, by which --quant "
                             "knows a recipe")
        Path(file).write_text(json.dumps(self.document, indent=2) + "\n")

    def __repr__(self) -> str:
        name = self.document.get("name", "unnamed")
        return f"<gemcut.Recipe {name}: {len(self.document.get('rules', []))} rules>"


def tensors(model: Union[str, "os.PathLike[str]"], *,
            progress: Optional[ProgressCallback] = None) -> list[TensorInfo]:
    """The matrices of a checkpoint with statistics. Reads all weights once.

    Raises CheckpointError for a damaged checkpoint.
    """
    path = arguments.path("model", model)
    arguments.function("progress", progress)
    found = _compiler.native().measure_tensors(path, _compiler.listener(progress))
    return [TensorInfo(**entry) for entry in found]


def recipe(rules: Union[Mapping[str, Any], Chooser], *,
           model: Union[str, "os.PathLike[str]", None] = None,
           default: str = "int4", name: str = "recipe",
           progress: Optional[ProgressCallback] = None) -> Recipe:
    """Makes a recipe.

    `rules` is one of

    * the JSON form, {"default": "int4", "rules": [{"match": "*.mlp.*",
      "format": "int8"}]},
    * formats by pattern, {"*.mlp.*": "int8", "*": "int4"}, of which the first that
      matches decides, and `default` where none does,
    * a function from TensorInfo to a format or None, called for every matrix of the
      checkpoint `model`, which is read for that.

    Raises UsageError for a format that does not exist, or a missing `model`.
    """
    if callable(rules):
        if model is None:
            raise UsageError("recipe: a function needs model, the checkpoint whose "
                             "tensors it chooses for")
        made = []
        for tensor in tensors(model, progress=progress):
            chosen = rules(tensor)
            if chosen is not None:
                made.append({"match": tensor.name,
                             "format": _check(chosen, tensor.name)})
        return Recipe({"name": name, "default": _check(default, "default"),
                       "rules": made})
    if not isinstance(rules, Mapping):
        arguments.refuse("rules", rules, "formats by pattern, a recipe's JSON form or a "
                         "function from gemcut.TensorInfo to a format")
    if "default" in rules:
        return Recipe(rules)
    return Recipe({"name": name, "default": _check(default, "default"),
                   "rules": [{"match": pattern, "format": _check(chosen, pattern)}
                             for pattern, chosen in rules.items()]})


def _check(format: Any, where: str) -> str:
    if not isinstance(format, str) or format not in FORMATS:
        raise UsageError(f"recipe: found {reprlib.repr(format)} for {where}, expected one "
                         f"of {', '.join(FORMATS)}")
    return format


@contextlib.contextmanager
def as_argument(quant: Any, model: str,
                progress: Optional[ProgressCallback] = None) -> Iterator[Any]:
    """`quant` as --quant takes it, while the context lasts."""
    if quant is None or isinstance(quant, str) or hasattr(quant, "__fspath__"):
        yield quant
        return
    made = quant if isinstance(quant, Recipe) else recipe(quant, model=model,
                                                          progress=progress)
    import tempfile
    with tempfile.TemporaryDirectory(prefix="gemcut-") as folder:
        name = str(made.document.get("name", "recipe")).replace("/", "_")
        path = os.path.join(folder, name + ".json")
        made.save(path)
        yield path
