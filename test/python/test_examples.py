"""The examples run, and show what they promise."""
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib

from conftest import EDGE, ROOT, TINY

EXAMPLES = ROOT / "examples"


def run(*command, **options):
    result = subprocess.run([*map(str, command)], capture_output=True, text=True,
                            **options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_build_matrix(tmp_path):
    table = run(sys.executable, EXAMPLES / "python/build_matrix.py", EDGE, tmp_path,
                "--devices", "haswell", "raspberry-pi-3", "--quants", "int4").splitlines()
    assert [line.split()[:2] for line in table[1:]] == [["haswell", "int4"],
                                                        ["raspberry-pi-3", "int4"]]
    machine = (tmp_path / "raspberry-pi-3-int4").read_bytes()[18]
    assert machine == 183  # EM_AARCH64
    assert (tmp_path / "haswell-int4").read_bytes()[18] == 62


def test_evaluate(tmp_path):
    plot = tmp_path / "plot.png"
    table = run(sys.executable, EXAMPLES / "python/evaluate.py", TINY, TINY / "eval.txt",
                plot, "--quants", "int4", "--tokens", "64").splitlines()
    rows = {line.split()[0]: line.split() for line in table[1:]}
    assert float(rows["bf16"][3]) < 10  # of 4096: control tokens are tokens
    assert float(rows["bf16"][-1]) == 0 < float(rows["int4"][-1]) < 0.5
    data = plot.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    if "matplotlib" not in sys.modules and b"IDAT" in data:
        begin = data.index(b"IDAT")
        length = struct.unpack(">I", data[begin - 4:begin])[0]
        pixels = zlib.decompress(data[begin + 4:begin + 4 + length])
        assert bytes((31, 119, 180)) in pixels and bytes((255, 127, 14)) in pixels


def test_notebook(monkeypatch, capsys):
    notebook = json.loads((EXAMPLES / "python/notebook.ipynb").read_text())
    monkeypatch.chdir(EXAMPLES / "python")
    names = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec("".join(cell["source"]), names)
    said = capsys.readouterr().out
    assert "int4" in said and "pack: packing weights, 100 %" in said
    assert names["logits"].shape == (len(names["ids"]) + 1, 4096)
    assert names["fused"].count("gemma.slice") > names["entries"].count("gemma.slice")


def test_cmake_compiles_again_what_has_changed(tmp_path):
    """With spaces in paths, a file of an option, and a model that is named by its file."""
    sources, build = tmp_path / "my sources", tmp_path / "my build"
    model = sources / "a model"
    shutil.copytree(EDGE, model)
    recipe = sources / "a recipe.json"
    recipe.write_text(json.dumps({"default": "int4", "rules": []}))
    (sources / "CMakeLists.txt").write_text("""
        cmake_minimum_required(VERSION 3.25)
        project(test LANGUAGES NONE)
        find_package(gemcut REQUIRED CONFIG)
        gemcut_add_model(one MODEL "a model" OPTIONS --cpu avx2 --quant "a recipe.json"
                         DEPENDS "a recipe.json")
        gemcut_add_model(two MODEL "a model/model.safetensors" OPTIONS --cpu avx2)
    """)
    run("cmake", "-G", "Ninja", "-S", sources, "-B", build,
        f"-Dgemcut_DIR={ROOT / 'build/lib/cmake/gemcut'}")

    def compiled():
        said = run("cmake", "--build", build)
        return [name for name in ("one", "two") if f"Compiling the model {name}" in said]

    assert compiled() == ["one", "two"]
    assert compiled() == []
    recipe.write_text(json.dumps({"default": "int8", "rules": []}))
    assert compiled() == ["one"]
    (model / "config.json").touch()
    assert compiled() == ["one", "two"]


def test_cmake_and_make_compile_the_model(tmp_path):
    sources = EXAMPLES / "build-systems"
    package = ROOT / "build/lib/cmake/gemcut"
    run("cmake", "-S", sources, "-B", tmp_path / "cmake", f"-Dgemcut_DIR={package}")
    built = run("cmake", "--build", tmp_path / "cmake")
    assert "Compiling the model tiny" in built
    assert "Compiling" not in run("cmake", "--build", tmp_path / "cmake")
    said = run(tmp_path / "cmake/app", "Once upon a time")
    assert said.startswith("Once upon a time")
    # make uses the library that is there: it is newer than the checkpoint.
    (tmp_path / "make").mkdir()
    for name in ("Makefile",):
        (tmp_path / "make" / name).write_text((sources / name).read_text().replace(
            "../cmake-app", str(EXAMPLES / "cmake-app")))
    (tmp_path / "make/build").mkdir()
    for name in ("libtiny.so", "gemcut.h"):
        os.link(tmp_path / "cmake" / name, tmp_path / "make/build" / name)
    run("make", "-C", tmp_path / "make", f"MODEL={TINY}", "GEMCUT=false")
    assert run(tmp_path / "make/build/app", "Once upon a time") == said
