"""Running passes on the text of a program.

>>> text = gemcut.ir("examples/tiny-gemma4", "import")
>>> fused = gemcut.passes.run(text, "gemma-fuse-qkv")
"""

from __future__ import annotations

from . import _compiler, arguments


def run(module: str, pipeline: str) -> str:
    """Runs passes on `module`, MLIR text as gemcut.ir gives it, and returns the
    changed text. `pipeline` is MLIR's textual form: flags of passes separated by
    commas, with options in braces, as in "gemma-fuse-qkv,cse".

    Raises GemcutError with the first diagnostic if the text or the pipeline cannot
    be read, or a pass fails.
    """
    arguments.text("module", module)
    arguments.text("pipeline", pipeline)
    result: str = _compiler.native().run_passes(module, pipeline,
                                                _compiler.listener(None))
    return result
