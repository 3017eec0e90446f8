"""How far a command is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Progress:
    """A step of a command: the begin of a phase, or a part of a long activity.

    Attributes:
        phase: "load", "import", "gemma passes", "kernel passes", "code", "pack",
            "link", ...
        activity: what is being done, such as "packing weights"; empty at the begin
            of a phase.
        unit: what `done` and `total` count: "bytes" or "tokens".
        done, total: amounts; 0 at the begin of a phase.
    """

    phase: str
    activity: str = ""
    unit: str = ""
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        if not self.activity:
            return self.phase
        percent = 100 * self.done // self.total if self.total else 100
        return f"{self.phase}: {self.activity}, {percent} %"


ProgressCallback = Callable[[Progress], object]
"""Called on the thread that called the command, without any lock held. An
exception that it raises stops the command, which leaves no files."""
