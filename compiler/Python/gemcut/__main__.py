"""`python -m gemcut`, and the console script `gemcut`: the same tool as the
executable of this name."""

from __future__ import annotations

import signal
import sys

from . import _compiler


def main() -> int:
    # As a program of its own: Ctrl-C ends it, and LLVM removes temporary files.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code: int = _compiler.native().main(sys.argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main())
