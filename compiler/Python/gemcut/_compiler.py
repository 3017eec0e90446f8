"""The module with the compiler, loaded when it is first needed, and what all of
its commands share."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Optional

from .progress import Progress, ProgressCallback

logger = logging.getLogger("gemcut")

_OnEvent = Callable[[str, str, str, int, int], None]


@lru_cache(maxsize=None)
def native() -> Any:
    """The module `_gemcut`. ImportError where the package was built without."""
    module: ModuleType
    from . import _gemcut as module  # type: ignore[attr-defined,no-redef]
    module.set_installation(str(Path(__file__).parent))
    return module


def listener(progress: Optional[ProgressCallback]) -> _OnEvent:
    """What the compiler reports to: notes become warnings and phases debug
    messages of the logger "gemcut"; `progress` gets a Progress each time."""
    phase = ""

    def on_event(kind: str, text: str, unit: str, done: int, total: int) -> None:
        nonlocal phase
        if kind == "note":
            logger.warning("%s", text)
            return
        if kind == "phase":
            phase = text
            logger.debug("phase %s", text)
            if progress is not None:
                progress(Progress(phase))
        elif progress is not None:
            progress(Progress(phase, text, unit or "bytes", done, total))

    return on_event
