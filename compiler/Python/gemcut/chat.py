"""Conversations, with tools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import (TYPE_CHECKING, Any, AsyncIterator, Callable, Iterable, Iterator,
                    Literal, Mapping, Optional, Sequence, Union, overload)

from . import arguments, schemas, streams, tools as _tools
from .errors import EngineError, UsageError
from .options import StrPath
from .tools import AnyTool, Tool, ToolCall

if TYPE_CHECKING:
    from .engine import Engine

_THOUGHT = 1  # GEMCUT_TEXT_THOUGHT
_CHOICES = {"auto": 0, "none": 1, "required": 2}  # gemcut_tool_choice
_REASONS = ("stop", "length", "closed", "context")  # gemcut_stop_reason


@dataclass
class _Turn:
    """How the answers of one turn are made."""

    limit: int
    sampling: Any
    answer: Any  # of _engine: AnswerText
    choice: int
    only: Optional[str]
    rounds: int


class Chat(arguments.NotPicklable):
    """A conversation. One thread at a time; what was said stays in its session, so
    that a turn runs only what is new.

    >>> def get_weather(city: str) -> str:
    ...     "Get the weather in a city"
    ...     return "4 degrees, rain"
    >>> chat = engine.chat(tools=[get_weather])
    >>> chat.send("What is the weather in Oslo?")
    'In Oslo it is 4 degrees with rain.'

    Attributes:
        messages: the conversation so far, as in chat-completion requests; may be saved,
            and given to Engine.chat.
        tools: by name.
        thought: what the model thought before its last answer.
        calls: what the model called in its last turn.
        stop_reason: why the last answer ended: "stop" (the model ended it), "length"
            (max_tokens), "closed" (its iterator was) or "context" (which is full).
        pending: those of `calls` that no function answered; they are for `respond`.
    """

    _INSTEAD = "give its messages to Engine.chat in the other process"

    def __init__(self, engine: Engine, *, system: Optional[str] = None,
                 think: bool = False, tools: Iterable[AnyTool] = (),
                 messages: Optional[Sequence[Mapping[str, Any]]] = None,
                 state: Optional[StrPath] = None) -> None:
        if not engine.info.has_chat:
            raise EngineError("this model has no chat format; use Engine.generate")
        self.tools = _tools.collect(tools)
        self.messages: list[dict[str, Any]] = _read_messages(messages)
        if system is not None:
            self.messages.insert(0, {"role": "system",
                                     "content": arguments.text("system", system)})
        self.thought = ""
        self.stop_reason = "stop"
        self.calls: tuple[ToolCall, ...] = ()
        self.pending: tuple[ToolCall, ...] = ()
        self._results: dict[str, Any] = {}  # of calls that were answered, by id
        self._is_answering = False
        self._think = arguments.switch("think", think)
        self._declarations = (json.dumps([tool.declaration for tool
                                          in self.tools.values()])
                              if self.tools else None)
        self._engine = engine
        self._lease = engine._pool.take()
        self._session: Any = self._lease.__enter__()
        if state is not None:
            self._session.load(arguments.path("state", state))

    # ---- turns

    @overload
    def send(self, text: str, *, max_tokens: Optional[int] = None,
             stream: Literal[False] = False, tool_choice: str = "auto",
             max_rounds: int = 8, json_schema: Optional[schemas.AnySchema] = None,
             regex: Optional[str] = None, temperature: Optional[float] = None,
             top_k: Optional[int] = None, top_p: Optional[float] = None,
             min_p: Optional[float] = None, seed: Optional[int] = None) -> str: ...

    @overload
    def send(self, text: str, *, max_tokens: Optional[int] = None,
             stream: Literal[True], tool_choice: str = "auto",
             max_rounds: int = 8, json_schema: Optional[schemas.AnySchema] = None,
             regex: Optional[str] = None, temperature: Optional[float] = None,
             top_k: Optional[int] = None, top_p: Optional[float] = None,
             min_p: Optional[float] = None, seed: Optional[int] = None
             ) -> Iterator[str]: ...

    def send(self, text: str, *, max_tokens: Optional[int] = None, stream: bool = False,
             tool_choice: str = "auto", max_rounds: int = 8,
             json_schema: Optional[schemas.AnySchema] = None,
             regex: Optional[str] = None, temperature: Optional[float] = None,
             top_k: Optional[int] = None, top_p: Optional[float] = None,
             min_p: Optional[float] = None, seed: Optional[int] = None
             ) -> Union[str, Iterator[str]]:
        """The answer to the user's text; options as for Engine.generate, `max_tokens`
        of each answer.

        Where the model calls tools with functions, they are called on this thread, and
        it goes on with what they return, at most `max_rounds` times; then it has to
        answer. Calls of tools without functions end the turn: see `pending`.
        tool_choice: "auto": the model decides; "none": it sees no tools; "required" or
        the name of a tool: its first answer is a call. json_schema, regex: of the
        answer; calls are free beside a schema.

        A turn that fails, or a function of which raises an exception that is no
        ToolError, changes nothing; one whose iterator is closed early counts as said.

        Raises UsageError, ContextFullError, EngineError.
        """
        if self.pending:
            raise UsageError("send: the model waits for the results of its calls; give "
                             "them to respond")
        arguments.text("text", text)
        arguments.text("tool_choice", tool_choice)
        if tool_choice not in _CHOICES and tool_choice not in self.tools:
            arguments.refuse("tool_choice", tool_choice,
                             " or ".join([*_CHOICES, *self.tools]))
        only = tool_choice if tool_choice in self.tools else None
        turn = self._turn(max_tokens, max_rounds, json_schema, regex, temperature, top_k,
                          top_p, min_p, seed)
        turn.choice, turn.only = 2 if only else _CHOICES[tool_choice], only
        return self._answer([{"role": "user", "content": text}], turn, stream)

    @overload
    def respond(self, results: Union[Sequence[Any], Mapping[str, Any]], *,
                max_tokens: Optional[int] = None, stream: Literal[False] = False,
                max_rounds: int = 8, json_schema: Optional[schemas.AnySchema] = None,
                regex: Optional[str] = None, temperature: Optional[float] = None,
                top_k: Optional[int] = None, top_p: Optional[float] = None,
                min_p: Optional[float] = None, seed: Optional[int] = None) -> str: ...

    @overload
    def respond(self, results: Union[Sequence[Any], Mapping[str, Any]], *,
                max_tokens: Optional[int] = None, stream: Literal[True],
                max_rounds: int = 8, json_schema: Optional[schemas.AnySchema] = None,
                regex: Optional[str] = None, temperature: Optional[float] = None,
                top_k: Optional[int] = None, top_p: Optional[float] = None,
                min_p: Optional[float] = None, seed: Optional[int] = None
                ) -> Iterator[str]: ...

    def respond(self, results: Union[Sequence[Any], Mapping[str, Any]], *,
                max_tokens: Optional[int] = None, stream: bool = False,
                max_rounds: int = 8, json_schema: Optional[schemas.AnySchema] = None,
                regex: Optional[str] = None, temperature: Optional[float] = None,
                top_k: Optional[int] = None, top_p: Optional[float] = None,
                min_p: Optional[float] = None, seed: Optional[int] = None
                ) -> Union[str, Iterator[str]]:
        """The answer to the results of `pending`, in their order or by id: texts, or
        what has a JSON form. Otherwise as send."""
        if isinstance(results, Mapping):
            given = dict(results)
        elif isinstance(results, (str, bytes)) or not isinstance(results, Sequence):
            arguments.refuse("results", results, "a list, or a dictionary by id")
        else:
            given = dict(zip((call.id for call in self.pending), results))
        wanted = {call.id for call in self.pending}
        if set(given) != wanted or len(results) != len(wanted):
            raise UsageError(f"respond: found {len(results)} results, expected one for "
                             f"each of {len(wanted)} pending calls")
        turn = self._turn(max_tokens, max_rounds, json_schema, regex, temperature, top_k,
                          top_p, min_p, seed)
        names = {call.id: call.name for call in self.pending}
        made = {id: _tools.content_of(result, names[id])
                for id, result in given.items()}
        return self._answer(self._respond(self.calls, {**self._results, **made}), turn,
                            stream)

    async def asend(self, text: str, **options: Any) -> str:
        """send without blocking the event loop; tools are called on threads of it.
        Cancelling the task stops the model."""
        return "".join([piece async for piece in self.astream(text, **options)])

    def astream(self, text: str, **options: Any) -> AsyncIterator[str]:
        """send(stream=True) without blocking the event loop."""
        return streams.follow_async(self.send(text, stream=True, **options))

    def save_state(self, path: StrPath) -> None:
        """Writes what the model has computed of this conversation to a file, for
        Engine.chat(messages=..., state=path) of the same compiled model, here or in
        another process: that runs only what is new. `messages` are not part of it.

        Raises EngineError if the file cannot be written, UsageError while an answer is
        being read.
        """
        if self._session is None:
            raise EngineError("the conversation is closed")
        if self._is_answering:
            raise UsageError("save_state: an answer of this conversation is still being "
                             "read")
        self._engine._open()
        self._session.save(arguments.path("path", path))

    # ---- how

    def _turn(self, max_tokens: Optional[int], rounds: int,
              schema: Optional[schemas.AnySchema], regex: Optional[str],
              temperature: Optional[float], top_k: Optional[int],
              top_p: Optional[float], min_p: Optional[float],
              seed: Optional[int]) -> _Turn:
        if self._session is None:
            raise EngineError("the conversation is closed")
        self._engine._open()
        rounds = arguments.whole("max_rounds", rounds, 0)
        return _Turn(streams.limit_of(max_tokens),
                     self._engine._sampling(temperature, top_k, top_p, min_p, seed),
                     self._engine._answer(schema, regex), 0, None, rounds)

    def _answer(self, more: list[dict[str, Any]], turn: _Turn,
                stream: bool) -> Union[str, Iterator[str]]:
        if stream:
            return self._rounds(more, turn, streams.follow)
        return "".join(self._rounds(more, turn, streams.collect))

    def _rounds(self, more: list[dict[str, Any]], turn: _Turn,
                make: Callable[[streams.Run], Iterator[str]]) -> Iterator[str]:
        """One turn; two at once would share what the session holds."""
        if self._is_answering:
            raise UsageError("an answer of this conversation is still being read; read it "
                             "to its end or close its iterator first")
        self._is_answering = True
        try:
            yield from self._answers(more, turn, make)
        finally:
            self._is_answering = False

    def _answers(self, more: list[dict[str, Any]], turn: _Turn,
                 make: Callable[[streams.Run], Iterator[str]]) -> Iterator[str]:
        """Answers and calls in turn, until nothing is called any more."""
        messages = [*self.messages, *more]
        pending: tuple[ToolCall, ...] = ()
        calls: tuple[ToolCall, ...] = ()
        made: list[ToolCall] = []
        results: dict[str, Any] = {}
        answer: dict[str, Any] = {}
        self.thought = ""
        for left in range(turn.rounds, -1, -1):
            if left == 0:
                turn.choice = 1
            answer = {}
            pieces = make(lambda on_text: self._run(messages, turn, on_text, answer))
            try:
                yield from pieces
            except GeneratorExit:
                answer.pop("tool_calls", None)
                answer.setdefault("role", "assistant")
                answer.setdefault("content", "")
                self.messages = [*messages, answer]
                raise
            messages.append(answer)
            calls = tuple(_read_call(entry) for entry in answer.get("tool_calls", ()))
            made += calls
            if not calls:
                break
            results = {call.id: self._call(call) for call in calls
                       if not self._is_open(call)}
            pending = tuple(call for call in calls if call.id not in results)
            if pending:
                break
            messages += self._respond(calls, results)
            turn.choice, turn.only = 0, None
        self.messages, self.pending, self._results = messages, pending, results
        # What `respond` adds to the conversation are results of the last calls.
        self.calls = calls if pending else tuple(made)

    def _run(self, messages: list[dict[str, Any]], turn: _Turn,
             on_text: Callable[[str], Optional[bool]], answer: dict[str, Any]) -> None:
        thought: list[bytes] = []

        def split(kind: int, piece: bytes) -> Optional[bool]:
            if kind != _THOUGHT:
                return on_text(piece.decode(errors="replace"))
            thought.append(piece)
            self.thought = b"".join(thought).decode(errors="replace")
            return None

        use = self._engine._native.ToolUse(self._declarations, turn.choice, turn.only,
                                           True)
        result, message = self._session.chat(json.dumps(messages), turn.limit, self._think,
                                        turn.sampling, turn.answer, use, split,
                                        lambda name, arguments: None)
        self.stop_reason = _REASONS[result.reason]
        answer.update(json.loads(message))

    def _is_open(self, call: ToolCall) -> bool:
        """Whether the caller has to answer it."""
        return call.name in self.tools and self.tools[call.name].function is None

    def _call(self, call: ToolCall) -> Any:
        chosen = self.tools.get(call.name)
        if chosen is None:
            return {"error": f"there is no function {call.name}"}
        return _tools.call(chosen, call.arguments)

    @staticmethod
    def _respond(calls: Iterable[ToolCall],
                 results: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"role": "tool", "tool_call_id": call.id, "name": call.name,
                 "content": results[call.id]} for call in calls]

    # ---- life

    def close(self) -> None:
        """Gives the session back. May be called twice."""
        if self._session is not None:
            self._session = None
            self._lease.__exit__(None, None, None)

    def __enter__(self) -> "Chat":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_session", None) is not None:
            self.close()


def _read_messages(messages: Any) -> list[dict[str, Any]]:
    """A copy of messages, which have a JSON form."""
    if messages is None:
        return []
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Iterable):
        arguments.refuse("messages", messages, "a list of messages")
    result = []
    for index, entry in enumerate(messages):
        if not isinstance(entry, Mapping):
            arguments.refuse(f"messages[{index}]", entry, "a dictionary with a role")
        try:
            json.dumps(entry, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"messages[{index}] has no JSON form: {error}") from None
        result.append(dict(entry))
    return result


def _read_call(entry: Mapping[str, Any]) -> ToolCall:
    function = entry["function"]
    return ToolCall(entry["id"], function["name"], json.loads(function["arguments"]))
