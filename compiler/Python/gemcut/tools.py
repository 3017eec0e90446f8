"""Functions that models may call."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Mapping, Optional, Union

from . import arguments, schemas
from .errors import UsageError


class ToolError(Exception):
    """Raised by a tool: the model is told its message, and goes on."""


@dataclass(frozen=True)
class Tool:
    """A function that a model may call.

    Attributes:
        name: what the model calls it.
        description: what it does, for the model.
        parameters: JSON schema of its arguments, an object.
        function: called with the arguments as keywords; None: the caller of the
            conversation answers calls itself, with Chat.respond.
        strict: the model's arguments always fit `parameters`, or these are an error
            where they have keywords that are not supported.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}})
    function: Optional[Callable[..., Any]] = None
    strict: bool = False

    @property
    def declaration(self) -> dict[str, Any]:
        """As chat-completion requests have it."""
        function: dict[str, Any] = {"name": self.name}
        if self.description:
            function["description"] = self.description
        function["parameters"] = dict(self.parameters)
        if self.strict:
            function["strict"] = True
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class ToolCall:
    """A call that the model wrote.

    Attributes:
        id: names the call in the messages of a conversation.
        name: of the function.
        arguments: by parameter.
    """

    id: str
    name: str
    arguments: dict[str, Any]


AnyTool = Union[Tool, Mapping[str, Any], Callable[..., Any]]


def tool(function: Callable[..., Any], *, name: Optional[str] = None) -> Tool:
    """The declaration of a Python function: parameters and their types from its type
    hints, which parameters are required from its defaults, and descriptions from its
    docstring, whose section "Args:" (or lines ":param NAME:") describes parameters.

    Raises UsageError for parameters without type hints, of types that have no JSON
    form, or that cannot be given by name.
    """
    if not callable(function):
        arguments.refuse("a tool", function, "a function")
    called = name or str(getattr(function, "__name__", ""))
    if not re.fullmatch(r"\w+", called):
        raise UsageError(f"tool: a function is called '{called}', expected a name")
    if inspect.iscoroutinefunction(function):
        raise UsageError(f"tool: {called} is a coroutine function, expected an "
                         "ordinary one")
    description, described = _read_docstring(inspect.getdoc(function) or "")
    hints = schemas.hints_of(function)
    properties: dict[str, Any] = {}
    required: list[str] = []
    writer = schemas.Writer()
    for parameter in inspect.signature(function).parameters.values():
        where = f"parameter '{parameter.name}' of {called}"
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD,
                                  parameter.KEYWORD_ONLY):
            raise UsageError(f"tool: {where} cannot be given by its name")
        if parameter.name not in hints:
            raise UsageError(f"tool: {where} has no type hint")
        schema = writer.schema_of(hints[parameter.name], where)
        if parameter.name in described:
            schema["description"] = described[parameter.name]
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        properties[parameter.name] = schema
    parameters: dict[str, Any] = {"type": "object", "properties": properties,
                                  **writer.definitions()}
    if required:
        parameters["required"] = required
    return Tool(called, description, parameters, function)


def collect(tools: Iterable[AnyTool]) -> dict[str, Tool]:
    """Tools by name, from functions, Tools and declarations as chat-completion
    requests have them."""
    if isinstance(tools, (str, bytes, Mapping)) or not isinstance(tools, Iterable):
        arguments.refuse("tools", tools, "a list of functions or declarations")
    found: dict[str, Tool] = {}
    for entry in tools:
        if isinstance(entry, Tool):
            made = entry
        elif isinstance(entry, Mapping):
            made = _from_declaration(entry)
        else:
            made = tool(entry)
        if made.name in found:
            raise UsageError(f"chat: two tools are called '{made.name}'")
        found[made.name] = made
    return found


def _from_declaration(entry: Mapping[str, Any]) -> Tool:
    function = entry.get("function", entry)
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UsageError('chat: a tool must be a function, a gemcut.Tool or {"type": '
                         '"function", "function": {"name": ...}}')
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return Tool(function["name"], function.get("description", ""), parameters,
                strict=bool(function.get("strict", False)))


def call(chosen: Tool, arguments: Mapping[str, Any]) -> Any:
    """What the function returns, as the content of a message: a text or an object.
    Arguments that do not fit its parameters, and ToolError, are an object with the
    member "error"."""
    assert chosen.function is not None
    try:
        bound = inspect.signature(chosen.function).bind(**arguments)
        hints = schemas.hints_of(chosen.function)
        for name, value in bound.arguments.items():
            if name in hints:
                bound.arguments[name] = schemas.convert(value, hints[name])
    except (TypeError, ValueError) as error:
        return {"error": str(error)}
    try:
        return content_of(chosen.function(*bound.args, **bound.kwargs), chosen.name)
    except ToolError as error:
        return {"error": str(error)}


def content_of(result: Any, name: str) -> Any:
    """A result as the content of a message."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        result = dataclasses.asdict(result)
    if not isinstance(result, (str, Mapping)):
        result = {"value": result}
    try:
        return json.loads(json.dumps(result))
    except (TypeError, ValueError):
        raise UsageError(f"chat: {name} returned what has no JSON form: "
                         f"{result!r}") from None


_SECTION = re.compile(r"\s*(Args|Arguments|Parameters|Returns?|Raises|Yields|Examples?"
                      r"|Notes?):\s*")
_ENTRY = re.compile(r"(\w+)\s*(?:\([^)]*\))?:\s*(.*)")
_PARAM = re.compile(r":(param|returns?|raises)(?:\s+\w+)*?\s*(\w*):\s*(.*)")


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The description, and those of parameters."""
    description: list[str] = []
    described: dict[str, list[str]] = {}
    section, indent = "", -1
    current: Optional[list[str]] = None
    for line in text.splitlines():
        begin = _SECTION.fullmatch(line)
        param = _PARAM.match(line.strip())
        if begin:
            section, indent, current = begin[1], -1, None
        elif param:
            section = "Fields"
            current = described.setdefault(param[2], []) if param[1] == "param" else None
            if current is not None:
                current.append(param[3])
        elif not section:
            description.append(line)
        elif section in ("Args", "Arguments", "Parameters") and line.strip():
            depth = len(line) - len(line.lstrip())
            indent = depth if indent < 0 else indent
            entry = _ENTRY.match(line.strip())
            if entry and depth <= indent:
                current = described.setdefault(entry[1], [])
                current.append(entry[2])
            elif current is not None:
                current.append(line.strip())
        elif section == "Fields" and current is not None and line.strip():
            current.append(line.strip())
    paragraphs = "\n".join(description).strip()
    return (re.sub(r"(?<!\n)\n(?!\n)", " ", paragraphs),
            {name: " ".join(lines).strip() for name, lines in described.items()})
