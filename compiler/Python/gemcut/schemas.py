"""JSON schemas of Python types."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import json
import types
import typing
from typing import Any, Callable, Literal, Mapping, Union

from .errors import UsageError

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean",
          type(None): "null"}
_LISTS = (list, tuple, set, frozenset, collections.abc.Sequence,
          collections.abc.Iterable)
_MAPS = (dict, collections.abc.Mapping)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Type hints of parameters, by name."""
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise UsageError(f"tool: a type hint cannot be resolved: {error}") from None
    hints.pop("return", None)
    return hints


def schema_of(hint: Any, where: str) -> dict[str, Any]:
    """The schema of values of a type: str, int, float, bool, None, Literal, Enum,
    Optional, Union, list[T], dict[str, T], Any, and dataclasses of these.

    Raises UsageError for others; `where` says of what they are the type.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if hint is Any:
        return {}
    if origin is Literal:
        return {"enum": list(arguments)}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if origin in (Union, types.UnionType):
        return _union([schema_of(inner, where) for inner in arguments])
    if (origin or hint) in _LISTS and (not arguments or len(arguments) == 1
                                       or arguments[1:] == (...,)):
        items = schema_of(arguments[0], where) if arguments else {}
        return {"type": "array", "items": items}
    if (origin or hint) in _MAPS and (not arguments or arguments[0] is str):
        values = schema_of(arguments[1], where) if arguments else {}
        return {"type": "object", "additionalProperties": values}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _dataclass(hint, where)
    raise UsageError(f"the type of {where} is {hint!r}, expected str, int, float, bool, "
                     "None, Literal, Enum, Optional, Union, list, dict with str keys, "
                     "or a dataclass of these")


def _union(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    plain = [entry["type"] for entry in schemas if set(entry) == {"type"}]
    if len(plain) == len(schemas):
        return {"type": plain[0] if len(plain) == 1 else plain}
    return {"anyOf": schemas}


def _dataclass(hint: type, where: str) -> dict[str, Any]:
    hints = typing.get_type_hints(hint)
    missing = dataclasses.MISSING
    fields = dataclasses.fields(hint)
    return {"type": "object",
            "properties": {entry.name: schema_of(hints[entry.name], where)
                           for entry in fields},
            "required": [entry.name for entry in fields
                         if entry.default is missing
                         and entry.default_factory is missing],
            "additionalProperties": False}


def convert(value: Any, hint: Any) -> Any:
    """A JSON value as a value of the type: members of Enums, objects of dataclasses,
    float for whole numbers. ValueError, TypeError: it is none."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _make(hint, value)
    if (origin or hint) in _LISTS and isinstance(value, list):
        made = [convert(inner, arguments[0]) for inner in value] if arguments else value
        kind: Any = origin or hint
        return kind(made) if kind in (tuple, set, frozenset) else made
    if (origin or hint) in _MAPS and isinstance(value, dict) and arguments:
        return {name: convert(inner, arguments[1]) for name, inner in value.items()}
    if origin in (Union, types.UnionType):
        return _convert_union(value, arguments)
    return value


def _make(kind: Any, value: Mapping[str, Any]) -> Any:
    """An object of the dataclass `kind`."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an object for {kind.__name__}, found {value!r}")
    hints = typing.get_type_hints(kind)
    return kind(**{name: convert(inner, hints.get(name, Any))
                   for name, inner in value.items()})


def _convert_union(value: Any, arguments: tuple[Any, ...]) -> Any:
    if any(type(value) is inner for inner in arguments):
        return value
    for inner in arguments:
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
        return schema
    if isinstance(schema, Mapping):
        return json.dumps(schema)
    return json.dumps(schema_of(schema, "json_schema"))
