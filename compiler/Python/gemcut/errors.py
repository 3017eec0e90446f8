"""What can go wrong. Every error is one sentence: what was found, what was
expected, and what to do."""

from __future__ import annotations


class GemcutError(Exception):
    """Base of all errors of this package."""


class UsageError(GemcutError, ValueError):
    """An option has a value that no input could make right."""


class CancelledError(GemcutError):
    """A command was stopped before its end; it left no files."""


class CheckpointError(GemcutError):
    """A checkpoint is malformed or incomplete.

    Attributes:
        file: path of the file at fault, if one is known.
        tensor: name of the tensor at fault, if the error is about one.
    """

    def __init__(self, message: str, *, file: str | None = None,
                 tensor: str | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.tensor = tensor


class UnsupportedError(GemcutError):
    """The input is valid, but not supported; the message says what is.

    Attributes:
        file, tensor: as in CheckpointError.
    """

    def __init__(self, message: str, *, file: str | None = None,
                 tensor: str | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.tensor = tensor


class OutOfMemoryPlan(GemcutError):
    """Not even the smallest plan fits into `max_ram`.

    Attributes:
        needed: bytes of the smallest plan.
        limit: bytes that were allowed.
    """

    def __init__(self, message: str, *, needed: int = 0, limit: int = 0) -> None:
        super().__init__(message)
        self.needed = needed
        self.limit = limit


class EngineError(GemcutError):
    """A compiled model cannot be loaded or run.

    Attributes:
        status: the number of `gemcut_status` (runtime/abi/status.h).
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ContextFullError(EngineError):
    """A sequence does not fit into the context that was compiled in."""
