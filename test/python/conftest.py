"""What the tests of the Python package share. The package is that of the build
tree: PYTHONPATH=build/python."""
import threading
from pathlib import Path

import pytest

import gemcut

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "examples" / "tiny-gemma4"
EDGE = ROOT / "test" / "data" / "goldens" / "edge"
OPTIONS = gemcut.CompileOptions(cpu="avx2", context=256)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return tmp_path_factory.mktemp("built")


@pytest.fixture(scope="session")
def told():
    """What was reported while `tiny` was compiled: (Progress, thread)."""
    return []


@pytest.fixture(scope="session")
def tiny(built, told):
    """tiny-gemma4 as an executable, one level."""
    return gemcut.compile(
        TINY, built / "tiny", options=OPTIONS,
        progress=lambda p: told.append((p, threading.current_thread())))


@pytest.fixture(scope="session")
def library(built):
    """tiny-gemma4 as a shared library, one level."""
    return gemcut.compile(TINY, built / "libtiny.so", options=OPTIONS,
                          emit="shared-lib")


@pytest.fixture(scope="session")
def engine(library):
    with gemcut.load(library) as loaded:
        yield loaded
