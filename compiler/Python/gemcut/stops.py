"""Texts before which an answer ends."""

from __future__ import annotations

from typing import Callable, Optional, Sequence


class Cut:
    """Hands pieces of a text on, up to the first of `stops` in it, to `on_text`, which
    returns True to stop. What may be the begin of one of them waits for what follows."""

    def __init__(self, stops: Sequence[str],
                 on_text: Callable[[str], Optional[bool]]) -> None:
        self._stops = stops
        self._on_text = on_text
        self._waiting = ""
        self._is_over = False

    def add(self, piece: str) -> Optional[bool]:
        """Takes a piece; True: no more are wanted."""
        if self._is_over:
            return True
        text = self._waiting + piece
        found = [at for at in map(text.find, self._stops) if at >= 0]
        if found:
            self._is_over, self._waiting = True, ""
            self._on_text(text[:min(found)])
            return True
        keep = max((length for stop in self._stops
                    for length in range(min(len(stop) - 1, len(text)), 0, -1)
                    if text.endswith(stop[:length])), default=0)
        self._waiting = text[len(text) - keep:]
        return self._on_text(text[:len(text) - keep])

    def finish(self) -> None:
        """Nothing follows."""
        if self._waiting:
            self._on_text(self._waiting)
