"""torch and triton, which bring an LLVM of their own, in the process of the compiler:
imported before and behind it, and compiling, too."""
import subprocess
import sys

import pytest

from conftest import EDGE

PARTS = {
    "gemcut": """
import gemcut
art = gemcut.compile(EDGE, FOLDER + "/edge", cpu="avx2", context=64)
with gemcut.load(art) as engine:
    ids = engine.generate_ids([2, 5], max_tokens=4, temperature=0)
    assert len(ids) == 4
    print("gemcut", ids)
""",
    "torch": """
import torch
assert float((torch.ones(64, 64) @ torch.ones(64, 64)).sum()) == 64 ** 3
print("torch", torch.__version__)
""",
    "triton": """
import triton
from triton._C import libtriton
from triton._C.libtriton import ir, llvm
llvm.init_targets()
context = ir.context()
ir.load_dialects(context)
print("triton", triton.__version__)
""",
}


@pytest.mark.parametrize("order", [("torch", "triton", "gemcut", "torch", "triton"),
                                   ("gemcut", "triton", "torch", "gemcut")])
def test_one_process(order, tmp_path):
    for name in ("torch", "triton"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    code = f"EDGE, FOLDER = {str(EDGE)!r}, {str(tmp_path)!r}\n" + "".join(
        PARTS[name] for name in order)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert [line.split()[0] for line in said.stdout.splitlines()] == list(order)
    answers = {line for line in said.stdout.splitlines() if line.startswith("gemcut")}
    assert len(answers) == 1
