"""gemcut compiles Gemma 4 and Gemma 3 checkpoints ahead of time, and runs the
result.

>>> import gemcut
>>> art = gemcut.compile("gemma-4-E2B-it", "e2b", quant="int4", progress=print)
>>> engine = gemcut.load(art)
>>> engine.generate("Once", max_tokens=64, temperature=0)
"""

from __future__ import annotations

from pathlib import Path as _Path

from . import passes
from .chat import Chat
from .checkpoint import Checkpoint, StoredTensor
from .compilation import (Artifact, MemoryPlan, TensorReport, compile, ir,
                          quantize_report)
from .engine import Engine, Info, load
from .errors import (CancelledError, CheckpointError, ContextFullError, EngineError,
                     GemcutError, OutOfMemoryPlan, UnsupportedError, UsageError)
from .options import CompileOptions
from .progress import Progress
from .recipes import FORMATS, Recipe, TensorInfo, recipe
from .tools import Tool, ToolCall, ToolError, tool


def cmake_dir() -> str:
    """The folder for `cmake -Dgemcut_DIR=...`: find_package(gemcut) then gives
    gemcut_add_model."""
    return str(_Path(__file__).parent / "lib" / "cmake" / "gemcut")


__all__ = [
    "Artifact", "CancelledError", "Chat", "Checkpoint", "CheckpointError", "CompileOptions",
    "ContextFullError", "Engine", "EngineError", "FORMATS", "GemcutError", "Info",
    "MemoryPlan", "OutOfMemoryPlan", "Progress", "Recipe", "StoredTensor", "TensorInfo",
    "TensorReport", "Tool", "ToolCall", "ToolError", "UnsupportedError", "UsageError",
    "cmake_dir", "compile", "ir", "load", "passes", "quantize_report", "recipe", "tool",
]
