"""Pieces of text as they come, on threads and in asyncio."""

from __future__ import annotations

import threading
from typing import AsyncIterator, Callable, Iterator, Optional, Union

from . import arguments

Run = Callable[[Callable[[str], Optional[bool]]], None]
"""Makes pieces and hands them to its argument, which returns True to stop. Empty ones
only ask whether to."""


def limit_of(max_tokens: Optional[int]) -> int:
    """The runtime's limit: -1 for none. Raises UsageError below 0."""
    if max_tokens is None:
        return -1
    return arguments.whole("max_tokens", max_tokens, 0, (1 << 63) - 1,
                           "a whole number, at least 0, or None")


def collect(run: Run) -> Iterator[str]:
    """All pieces, once they are made on this thread."""
    pieces: list[str] = []
    run(pieces.append)
    return iter(pieces)


def follow(run: Run) -> Iterator[str]:
    """Pieces while a thread of its own makes them; closing the iterator stops it."""
    import queue
    made: "queue.Queue[Union[str, BaseException, None]]" = queue.Queue()
    stopped = threading.Event()

    def on_text(piece: str) -> bool:
        if piece:
            made.put(piece)
        return stopped.is_set()

    def work() -> None:
        try:
            run(on_text)
            made.put(None)
        except BaseException as error:  # handed to whoever reads
            made.put(error)

    def read() -> Iterator[str]:
        thread = threading.Thread(target=work, name="gemcut-generate", daemon=True)
        thread.start()
        try:
            while True:
                piece = made.get()
                if piece is None:
                    return
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            stopped.set()
            thread.join()

    return read()


async def follow_async(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Pieces without blocking the event loop. Cancelling the task closes `pieces`."""
    import asyncio  # a third of the time to import this package
    loop = asyncio.get_running_loop()
    try:
        while True:
            piece = await loop.run_in_executor(None, _next, pieces)
            if piece is None:
                return
            yield piece
    finally:
        # On a thread: the iterator may be waiting for its next piece there.
        threading.Thread(target=_close, args=(pieces,), daemon=True).start()


def _next(pieces: Iterator[str]) -> Optional[str]:
    return next(pieces, None)


def _close(pieces: Iterator[str]) -> None:
    # "generator already executing": the thread that runs it sees `next` end first.
    close = getattr(pieces, "close")
    while True:
        try:
            return close()  # type: ignore[no-any-return]
        except ValueError:
            threading.Event().wait(0.01)
