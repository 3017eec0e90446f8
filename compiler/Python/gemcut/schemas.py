"""JSON schemas of Python types."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import json
import types
import typing
from typing import Any, Callable, Literal, Mapping, Union

from . import arguments
from .errors import UsageError

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean",
          type(None): "null"}
_LISTS = (list, tuple, set, frozenset, collections.abc.Sequence,
          collections.abc.Iterable)
_MAPS = (dict, collections.abc.Mapping)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Type hints of parameters, by name."""
    hints = _resolve(function, "tool")
    hints.pop("return", None)
    return hints


def schema_of(hint: Any, where: str) -> dict[str, Any]:
    """The schema of values of a type: str, int, float, bool, None, Literal, Enum,
    Optional, Union, list[T], dict[str, T], Any, and dataclasses of these, which may
    contain themselves.

    Raises UsageError for others; `where` says of what they are the type.
    """
    writer = Writer()
    schema = writer.schema_of(hint, where)
    return {**schema, **writer.definitions()}


class Writer:
    """Writes the parts of one schema. Dataclasses that contain themselves are
    definitions; all others are written where they are used."""

    def __init__(self) -> None:
        self._open: list[type] = []
        self._recursive: dict[type, dict[str, Any]] = {}

    def definitions(self) -> dict[str, Any]:
        """The member "$defs" of the whole, if it needs one."""
        if not self._recursive:
            return {}
        return {"$defs": {kind.__name__: schema
                          for kind, schema in self._recursive.items()}}

    def schema_of(self, hint: Any, where: str) -> dict[str, Any]:
        origin, inner_types = typing.get_origin(hint), typing.get_args(hint)
        for kind, name in _PLAIN.items():
            if hint is kind or hint is None and kind is type(None):
                return {"type": name}
        if hint is Any:
            return {}
        if origin is Literal:
            return {"enum": list(inner_types)}
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return {"enum": [member.value for member in hint]}
        if origin in (Union, types.UnionType):
            return _union([self.schema_of(inner, where) for inner in inner_types])
        if (origin or hint) in _LISTS and (not inner_types or len(inner_types) == 1
                                           or inner_types[1:] == (...,)):
            items = self.schema_of(inner_types[0], where) if inner_types else {}
            return {"type": "array", "items": items}
        if (origin or hint) in _MAPS and (not inner_types or inner_types[0] is str):
            values = self.schema_of(inner_types[1], where) if inner_types else {}
            return {"type": "object", "additionalProperties": values}
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self._dataclass(hint, where)
        raise UsageError(
            f"the type of {where} is {hint!r}, expected str, int, float, bool, None, "
            "Literal, Enum, Optional, Union, list, dict with str keys, or a dataclass "
            "of these")

    def _dataclass(self, kind: type, where: str) -> dict[str, Any]:
        reference = {"$ref": f"#/$defs/{kind.__name__}"}
        if kind in self._recursive:
            return reference
        if kind in self._open:
            if any(other.__name__ == kind.__name__ for other in self._recursive):
                raise UsageError(f"{where} has two recursive dataclasses that are called "
                                 f"{kind.__name__}; rename one")
            self._recursive[kind] = {}  # filled below, by the call that is open
            return reference
        self._open.append(kind)
        hints = _resolve(kind, where)
        missing = dataclasses.MISSING
        fields = dataclasses.fields(kind)
        schema = {"type": "object",
                  "properties": {entry.name: self.schema_of(hints[entry.name], where)
                                 for entry in fields},
                  "required": [entry.name for entry in fields
                               if entry.default is missing
                               and entry.default_factory is missing],
                  "additionalProperties": False}
        self._open.pop()
        if kind not in self._recursive:
            return schema
        self._recursive[kind] = schema
        return reference


def _resolve(kind: Any, where: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind)
    except NameError as error:
        raise UsageError(f"{where}: a type hint cannot be resolved: {error}") from None


def _union(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    plain = [entry["type"] for entry in schemas if set(entry) == {"type"}]
    if len(plain) == len(schemas):
        return {"type": plain[0] if len(plain) == 1 else plain}
    return {"anyOf": schemas}


def convert(value: Any, hint: Any) -> Any:
    """A JSON value as a value of the type: members of Enums, objects of dataclasses,
    float for whole numbers. ValueError, TypeError: it is none."""
    origin, inner_types = typing.get_origin(hint), typing.get_args(hint)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _make(hint, value)
    if (origin or hint) in _LISTS and isinstance(value, list):
        made = [convert(inner, inner_types[0]) for inner in value] if inner_types else value
        kind: Any = origin or hint
        return kind(made) if kind in (tuple, set, frozenset) else made
    if (origin or hint) in _MAPS and isinstance(value, dict) and inner_types:
        return {name: convert(inner, inner_types[1]) for name, inner in value.items()}
    if origin in (Union, types.UnionType):
        return _convert_union(value, inner_types)
    return value


def _make(kind: Any, value: Mapping[str, Any]) -> Any:
    """An object of the dataclass `kind`."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an object for {kind.__name__}, found {value!r}")
    hints = typing.get_type_hints(kind)
    return kind(**{name: convert(inner, hints.get(name, Any))
                   for name, inner in value.items()})


def _convert_union(value: Any, inner_types: tuple[Any, ...]) -> Any:
    if any(type(value) is inner for inner in inner_types):
        return value
    for inner in inner_types:
        if inner not in _PLAIN or (inner is float and isinstance(value, int)):
            try:
                return convert(value, inner)
            except (TypeError, ValueError, AttributeError):
                continue
    return value


AnySchema = Union[str, Mapping[str, Any], type]
"""A JSON schema: its text, a dictionary, or a type that schema_of takes."""


def text_of(schema: Any) -> str:
    """The JSON text of AnySchema."""
    if isinstance(schema, str):
        return arguments.c_text("json_schema", schema)
    if not isinstance(schema, Mapping):
        return json.dumps(schema_of(schema, "json_schema"))
    try:
        return json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"json_schema has no JSON form: {error}") from None
