"""The code of the how-to page runs, block after block."""
import re

from conftest import ROOT

PAGE = ROOT / "compiler" / "Docs" / "howto-use-from-python.md"


def test_howto(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 6
    names = {"folder": str(tmp_path)}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    assert (tmp_path / "tails.json").exists() and not (tmp_path / "small").exists()
