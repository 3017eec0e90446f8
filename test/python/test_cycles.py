"""Memory stays flat over many compilations and loads."""
import ctypes
import os

import pytest

import gemcut
from conftest import EDGE, OPTIONS

FULL = int(os.environ.get("GEMCUT_TEST_CYCLES", "0"))


def resident():
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(cycle, warmups, count):
    for _ in range(warmups):
        cycle()
    before = resident()
    for _ in range(count):
        cycle()
    return resident() - before


def test_planning_and_passes(tmp_path):
    def cycle():
        gemcut.compile(EDGE, tmp_path / "out", emit="kernel", context=64)
        gemcut.passes.run("module {}", "cse")

    assert growth(cycle, warmups=10, count=40) < 16 << 20


def test_few_links(tmp_path):
    """A megabyte a link would be seen; lld once kept 3.7."""
    def cycle():
        art = gemcut.compile(EDGE, tmp_path / "edge", options=OPTIONS, context=64)
        with gemcut.load(art) as engine:
            assert engine.generate_ids([2, 5], max_tokens=2, temperature=0)

    assert growth(cycle, warmups=2, count=4) < 6 << 20


@pytest.mark.skipif(not FULL, reason="takes 5 s a cycle: set GEMCUT_TEST_CYCLES=200")
def test_compile_load_run_unload(tmp_path):
    def cycle():
        for name, emit in (("edge", "exe"), ("libedge.so", "shared-lib")):
            art = gemcut.compile(EDGE, tmp_path / name, options=OPTIONS, emit=emit,
                                 context=64)
            with gemcut.load(art) as engine:
                assert engine.generate_ids([2, 5], max_tokens=2, temperature=0)
            art.path.unlink()

    assert growth(cycle, warmups=3, count=FULL) < 32 << 20
