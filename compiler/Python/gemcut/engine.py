"""Running compiled models in this process."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import (TYPE_CHECKING, Any, AsyncIterator, Callable, Iterable, Iterator,
                    Literal, Mapping, Optional, Sequence, Union, overload)

from . import arguments, schemas, streams
from .chat import Chat
from .errors import ContextFullError, EngineError, UsageError
from .options import StrPath
from .pool import Pool
from .stops import Cut
from .tools import AnyTool

if TYPE_CHECKING:
    import numpy
    import numpy.typing


_MOST_THREADS = 64  # of gemcut_session_options
_CONTEXT_FULL = 3  # GEMCUT_CONTEXT_FULL


def _existing(name: str, file: Optional[StrPath]) -> str:
    if file is None:
        return ""
    result = arguments.path(name, file)
    if not os.path.exists(result):
        raise EngineError(f"{name} {result}: no such file")
    return result


@dataclass(frozen=True)
class Info:
    """Facts of a model. Sizes in bytes, `context` and `prefill_chunk` in tokens,
    ids -1 where the vocabulary has no such token.

    Attributes:
        report: what the compiler wrote into the file.
    """

    name: str
    quantization: str
    kv_type: str
    level: str
    report: dict[str, Any]
    vocab_size: int
    layers: int
    hidden_size: int
    context: int
    prefill_chunk: int
    bos_id: int
    eos_id: int
    has_tokenizer: bool
    has_chat: bool
    adapters: tuple[str, ...]
    weight_bytes: int
    weight_bytes_per_token: int
    kv_bytes: int
    session_bytes: int


class Engine(arguments.NotPicklable):
    """A compiled model. All functions may be called from any thread, at the same
    time too: each generation has a session of its own, with `session_bytes` of
    memory and `threads` threads, that is used again afterwards. The GIL is free
    while the model runs.

    >>> with gemcut.load("libe2b.so") as engine:
    ...     print(engine.generate("Once", max_tokens=64, temperature=0))
    """

    _INSTEAD = "load its path in the other process"

    def __init__(self, path: StrPath, *, level: Optional[str] = None,
                 weights_file: Optional[StrPath] = None, threads: int = 0,
                 context: int = 0, adapter: Optional[str] = None) -> None:
        from . import _engine  # type: ignore[attr-defined]
        self.path = arguments.path("path", path)
        self._native: Any = _engine
        workers = arguments.whole("threads", threads, 0, _MOST_THREADS)
        library = self._library = _engine.Library(
            self.path, "" if level is None else arguments.c_text("level", level),
            _existing("weights_file", weights_file))
        facts = library.info()
        report = facts.pop("report")
        self.info = Info(report=json.loads(report) if report else {},
                         adapters=tuple(facts.pop("adapters")), **facts)
        self._context = arguments.whole(
            "context", context, 0, self.info.context,
            f"a whole number, at most {self.info.context}, for which the model was "
            "compiled, or 0 for all of it") or self.info.context
        if adapter is not None and adapter not in self.info.adapters:
            arguments.refuse("adapter", adapter, " or ".join(
                [*map(repr, self.info.adapters), "None"]))
        self._pool = Pool(
            lambda: _engine.Session(library, workers, context, adapter or ""))

    # ---- text and ids

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """The ids of a text. `special`: added tokens such as <bos> in it become their
        ids, otherwise all of it is ordinary text.

        Raises EngineError for a model without a tokenizer.
        """
        ids: list[int] = self._open().tokenize(arguments.text("text", text).encode(),
                                               arguments.switch("special", special))
        return ids

    def detokenize(self, ids: Sequence[int], *, special: bool = False) -> str:
        """The text of ids. `special`: control tokens are shown.

        Raises EngineError for an id outside the vocabulary.
        """
        library = self._open()
        checked = arguments.ids("ids", ids)
        for index, id in enumerate(checked):
            if not 0 <= id < self.info.vocab_size:
                raise EngineError(f"token {index} is {id}, but the vocabulary has ids 0 "
                                  f"to {self.info.vocab_size - 1}")
        text: bytes = library.detokenize(checked, arguments.switch("special", special))
        return text.decode(errors="replace")

    def verify(self) -> None:
        """Reads all weights and compares their checksum. Raises EngineError."""
        self._open().verify()

    # ---- numbers

    def logits(self, ids: Sequence[int]) -> "numpy.typing.NDArray[numpy.float32]":
        """float32 (T, V): the logits behind each of T ids of a new sequence, for each
        of V tokens of the vocabulary. They are those of `score` of an executable with
        the same options, to the bit. Needs numpy.

        Raises ContextFullError, and EngineError for an id outside the vocabulary.
        """
        import numpy
        checked = self._fitting(ids)
        out = numpy.empty((len(checked), self.info.vocab_size), numpy.float32)
        with self._pool.take() as session:
            session.score(checked, out)
        return out

    def logprobs(self, ids: Sequence[int]) -> list[float]:
        """The natural logarithm of the probability of each id but the first one, given
        those before it: T - 1 numbers, computed in float64. Their mean, negated, is the
        cross entropy, of which exp is the perplexity. Unlike logits it takes no memory
        for the vocabulary.

        Raises ContextFullError, and EngineError for an id outside the vocabulary.
        """
        checked = self._fitting(ids)
        with self._pool.take() as session:
            result: list[float] = session.logprobs(checked)
        return result

    # ---- generating

    @overload
    def generate(self, prompt: Union[str, Sequence[int]], *,
                 max_tokens: Optional[int] = None, stream: Literal[False] = False,
                 special: bool = True, ignore_stop: bool = False,
                 no_repeat: bool = False, stop: Union[str, Sequence[str]] = (),
                 json_schema: Optional[schemas.AnySchema] = None,
                 regex: Optional[str] = None,
                 temperature: Optional[float] = None, top_k: Optional[int] = None,
                 top_p: Optional[float] = None, min_p: Optional[float] = None,
                 seed: Optional[int] = None) -> str: ...

    @overload
    def generate(self, prompt: Union[str, Sequence[int]], *,
                 max_tokens: Optional[int] = None, stream: Literal[True],
                 special: bool = True, ignore_stop: bool = False,
                 no_repeat: bool = False, stop: Union[str, Sequence[str]] = (),
                 json_schema: Optional[schemas.AnySchema] = None,
                 regex: Optional[str] = None,
                 temperature: Optional[float] = None, top_k: Optional[int] = None,
                 top_p: Optional[float] = None, min_p: Optional[float] = None,
                 seed: Optional[int] = None) -> Iterator[str]: ...

    def generate(self, prompt: Union[str, Sequence[int]], *,
                 max_tokens: Optional[int] = None, stream: bool = False,
                 special: bool = True, ignore_stop: bool = False,
                 no_repeat: bool = False, stop: Union[str, Sequence[str]] = (),
                 json_schema: Optional[schemas.AnySchema] = None,
                 regex: Optional[str] = None,
                 temperature: Optional[float] = None, top_k: Optional[int] = None,
                 top_p: Optional[float] = None, min_p: Optional[float] = None,
                 seed: Optional[int] = None) -> Union[str, Iterator[str]]:
        """The text that follows a prompt: all of it, or with `stream` an iterator of
        its pieces as they come, which stops the model when it is closed.

        A text begins with <bos> if the vocabulary has one; `special`: tokens such as
        <bos> in it become their ids. Ids are taken as they are. max_tokens None: until
        the model stops or the context is full. ignore_stop: stop tokens are ordinary
        ones. no_repeat: no id comes twice. stop: a text, or several, before which the
        answer ends. json_schema: the text is JSON that is valid for a schema (its text, a
        dictionary, or a type such as list[int] or a dataclass). regex: all of it matches
        this pattern. None of what follows: the model's default.

        temperature: 0: always the most likely token. top_k: the most likely tokens that
        are considered; 0: all. top_p: probability that they have together; 1: all.
        min_p: least probability, as a part of the largest; 0: none. seed: equal seeds
        give equal answers; None: a random one.

        Raises ContextFullError if the prompt does not fit, EngineError, also for a schema
        or pattern that is not supported.
        """
        self._open()
        if isinstance(prompt, str):
            ids = self.tokenize(prompt, special=special)
            bos = self.info.bos_id
            if bos >= 0 and ids[:1] != [bos]:
                ids = [bos, *ids]
        else:
            ids = self._prompt(prompt)
        limit = streams.limit_of(max_tokens)
        stops = arguments.texts("stop", stop)
        sampling = self._sampling(temperature, top_k, top_p, min_p, seed, no_repeat)
        answer = self._answer(json_schema, regex)

        def run(on_text: Callable[[str], Optional[bool]]) -> None:
            cut = Cut(stops, on_text)

            def decode(kind: int, piece: bytes) -> Optional[bool]:
                return cut.add(piece.decode(errors="replace"))

            with self._pool.take() as session:
                session.generate(ids, limit, arguments.switch("ignore_stop", ignore_stop), sampling, answer, decode,
                                 None)
            cut.finish()

        return streams.follow(run) if stream else "".join(streams.collect(run))

    def generate_ids(self, prompt: Sequence[int], *, max_tokens: Optional[int] = None,
                     ignore_stop: bool = False, no_repeat: bool = False,
                     temperature: Optional[float] = None,
                     top_k: Optional[int] = None, top_p: Optional[float] = None,
                     min_p: Optional[float] = None, seed: Optional[int] = None
                     ) -> list[int]:
        """As generate, but from ids to ids: for models without a tokenizer, too."""
        made: list[int] = []
        ids, limit = self._prompt(prompt), streams.limit_of(max_tokens)
        sampling = self._sampling(temperature, top_k, top_p, min_p, seed, no_repeat)
        with self._pool.take() as session:
            session.generate(ids, limit, arguments.switch("ignore_stop", ignore_stop), sampling,
                             self._answer(None, None), None, made.append)
        return made

    def chat(self, *, system: Optional[str] = None, think: bool = False,
             tools: Iterable[AnyTool] = (),
             messages: Optional[Sequence[Mapping[str, Any]]] = None,
             state: Optional[StrPath] = None) -> Chat:
        """Begins a conversation in the model's own format.

        system: instructions for all of it. think: the model thinks before it answers.
        tools: what the model may call: Python functions, see gemcut.tool; gemcut.Tool
        or declarations as chat-completion requests have them, whose calls the caller
        answers itself. messages: a conversation that is to be continued. state: a file of
        Chat.save_state: what the conversation has in common with it is not run again.

        Raises EngineError if the model has no chat format or `state` is not of this
        model and level, UsageError for a function that is no tool.
        """
        return Chat(self, system=system, think=think, tools=tools, messages=messages,
                    state=state)

    # ---- asyncio

    async def agenerate(self, prompt: Union[str, Sequence[int]], **options: Any) -> str:
        """generate without blocking the event loop. Cancelling the task stops the
        model."""
        return "".join([piece async for piece in self.astream(prompt, **options)])

    def astream(self, prompt: Union[str, Sequence[int]],
                **options: Any) -> AsyncIterator[str]:
        """generate(stream=True) without blocking the event loop."""
        return streams.follow_async(self.generate(prompt, stream=True, **options))

    # ---- life

    def close(self) -> None:
        """Frees idle sessions; code and weights leave the process with the last
        session in use. Further calls, those of its conversations, too, raise
        EngineError; answers that have begun may be read to their end. May be called
        twice."""
        self._pool.close()
        self._library = None

    def __enter__(self) -> "Engine":
        self._open()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._library is None:
            return f"<gemcut.Engine {self.info.name}: closed>"
        return (f"<gemcut.Engine {self.info.name}: {self.info.quantization}, "
                f"{self.info.level}, context {self.info.context}>")

    def _open(self) -> Any:
        library = self._library
        if library is None:
            raise EngineError("the engine is closed")
        return library

    def _fitting(self, ids: Any) -> list[int]:
        self._open()
        checked = arguments.ids("ids", ids)
        if len(checked) > self._context:
            raise ContextFullError(f"{len(checked)} tokens do not fit into a context of "
                                   f"{self._context}", status=_CONTEXT_FULL)
        return checked

    def _prompt(self, prompt: Any) -> list[int]:
        self._open()
        if isinstance(prompt, (bytes, bytearray)):
            raise UsageError("a prompt must be a str or token ids, found bytes; decode them")
        return arguments.ids("prompt", prompt)

    def _sampling(self, temperature: Optional[float], top_k: Optional[int],
                  top_p: Optional[float], min_p: Optional[float],
                  seed: Optional[int], no_repeat: bool = False) -> Any:
        def real(name: str, value: Optional[float], least: float, most: float,
                 expected: str) -> Optional[float]:
            return (None if value is None
                    else arguments.real(name, value, least, most, expected))

        def whole(name: str, value: Optional[int], bits: int) -> Optional[int]:
            return (None if value is None
                    else arguments.whole(name, value, 0, (1 << bits) - 1))

        return self._native.Sampling(
            real("temperature", temperature, 0, 3.4e38, "a number, at least 0, or None"),
            real("top_p", top_p, 1e-30, 1, "a number above 0, at most 1, or None"),
            real("min_p", min_p, 0, 1, "a number from 0 to 1, or None"),
            whole("top_k", top_k, 31), whole("seed", seed, 64),
            arguments.switch("no_repeat", no_repeat))

    def _answer(self, schema: Optional[schemas.AnySchema], regex: Optional[str]) -> Any:
        return self._native.AnswerText(
            None if schema is None else schemas.text_of(schema),
            None if regex is None else arguments.c_text("regex", regex))


def load(path: StrPath, *, level: Optional[str] = None,
         weights_file: Optional[StrPath] = None, threads: int = 0, context: int = 0,
         adapter: Optional[str] = None) -> Engine:
    """Loads what compile wrote: an executable, or a library (emit="shared-lib"). Takes
    milliseconds: weights are mapped, not read. Of an executable its generated code and
    its data are used, run by this package.

    `level`: the code to run, such as "avx2"; None: the best that this CPU can run.
    `weights_file`: the sidecar, if it does not lie beside `path`. Of each session:
    `threads`, 0 for one per physical core; `context`, its most tokens, 0 for all that
    were compiled in; `adapter`, the name of a LoRA adapter.

    Raises EngineError for a file that is damaged, no compiled model or of another
    version, UnsupportedError if this CPU can run none of its code, UsageError for a
    number of threads, context or adapter that the model cannot have.
    """
    return Engine(path, level=level, weights_file=weights_file, threads=threads,
                  context=context, adapter=adapter)
