"""Sessions of one model, used again and again."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from .errors import EngineError


class Pool:
    """Sessions of one model that nobody uses now. A child process after fork()
    begins with an empty one: its parent's sessions have no threads there."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._idle: list[Any] = []
        self._is_closed = False
        _pools.add(self)

    @contextmanager
    def take(self) -> Iterator[Any]:
        with self._lock:
            if self._is_closed:
                raise EngineError("the engine is closed")
            session = self._idle.pop() if self._idle else None
        if session is None:
            session = self._make()
        try:
            session.reset()
            yield session
        finally:
            with self._lock:
                if not self._is_closed:
                    self._idle.append(session)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._idle.clear()

    def forget(self) -> None:
        self._lock = threading.Lock()
        _forgotten.extend(self._idle)
        self._idle = []


_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()
_forgotten: list[Any] = []  # never destroyed: that would wait for their threads


def _after_fork() -> None:
    for pool in list(_pools):
        pool.forget()


os.register_at_fork(after_in_child=_after_fork)
