#!/usr/bin/env python3
"""Builds the documentation's site.

    build.py BUILD OUT

Pages are those of compiler/Docs, and what is generated from the built tools of the
build tree BUILD: passes and ops (mlir-tblgen), help of commands, Python's docstrings.
OUT receives `source` and `html`. Exits 1 with the first warning of Sphinx.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "compiler" / "Docs"
PASSES = {"Gemma": "gemma", "GemmaToKernel": "gemma-to-kernel", "Kernel": "kernel"}
DIALECTS = ("Gemma", "Kernel")


def say(*command):
    return subprocess.run([*map(str, command)], check=True, capture_output=True,
                          text=True, cwd=ROOT).stdout


def tblgen(build, *arguments):
    cache = (build / "CMakeCache.txt").read_text()
    llvm = Path(re.search(r"^LLVM_DIR:PATH=(.*)$", cache, re.M)[1]).parents[2]
    text = say(llvm / "bin" / "mlir-tblgen", "-I", llvm / "include", "-I", ROOT,
               *arguments)
    return re.sub(r"^(<!--.*-->|\[TOC\])$", "", text, flags=re.M)


def passes(build):
    pages = ["# Passes\n\nIn the order of `compiler/Pipeline`; `gemcut-opt` and "
             "`gemcut.passes.run` run any of them.\n"]
    for folder in PASSES:
        text = tblgen(build, "-gen-pass-doc", f"passes/{folder}/Passes.td")
        pages.append(f"## {folder}\n{text}")
    return "\n".join(pages)


def dialect(build, name):
    text = tblgen(build, "-gen-dialect-doc", f"-dialect={name.lower()}",
                  f"dialects/{name}/{name}Ops.td")
    # Formulas are indented by two, which Markdown takes for text.
    return "\n".join("  " + line if re.match(r"  \S", line) and not line.startswith("  ::")
                     and "```" not in line and not in_fence else line
                     for line, in_fence in fenced(text))


def fenced(text):
    """Lines, and whether they are inside a code block."""
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        yield line, inside


def helps(title, tool, shown, subcommands):
    pages = [f"# {title}\n"]
    for arguments in ([], *([name] for name in subcommands)):
        text = say(tool, *arguments, "--help").replace(str(tool), shown)
        name = " ".join([shown, *arguments])
        pages.append(f"## {name}\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(pages)


def commands(build):
    tool = build / "bin" / "gemcut"
    listed = say(tool, "--help").split("Subcommands:")[1]
    names = re.findall(r"^  (\S+)$", listed, re.M)
    page = helps("Commands of gemcut", tool, "gemcut", names)
    return page + f"\n## Targets\n\n```text\n{say(tool, 'targets').rstrip()}\n```\n"


def produced(build, folder):
    tool = folder / "OUT"
    say(build / "bin" / "gemcut", "compile", "test/data/goldens/edge", "--cpu", "avx2",
        "--quant", "bf16", "-o", tool)
    listed = say(tool, "--help")
    names = re.findall(r"^  OUT ([a-z]+)  ", listed, re.M)
    page = helps("Commands of a compiled model", tool, "OUT", names)
    chat = say(tool, "--help-chat").rstrip()
    page += f"\n## Conversations\n\n```text\n{chat}\n```\n"
    tool.unlink()
    return page


def main():
    build, out = (Path(argument).resolve() for argument in sys.argv[1:])
    source = out / "source"
    if source.exists():
        shutil.rmtree(source)
    shutil.copytree(DOCS / "site", source,
                    ignore=shutil.ignore_patterns("build.py", "__pycache__"))
    for page in DOCS.glob("*.md"):
        shutil.copy(page, source)
    shutil.copytree(DOCS / "decisions", source / "decisions")
    reference = source / "reference"
    shutil.copy(ROOT / "runtime" / "abi" / "gemcut.h", reference)
    (reference / "commands.md").write_text(commands(build))
    (reference / "executable.md").write_text(produced(build, out))
    (reference / "passes.md").write_text(passes(build))
    for name in DIALECTS:
        (reference / f"dialect-{name.lower()}.md").write_text(dialect(build, name))
    environment = {**os.environ, "PYTHONPATH": str(build / "python")}
    code = subprocess.run(
        ["/usr/bin/python3", "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going",
         "-d", out / "doctrees", source, out / "html"], env=environment).returncode
    sys.exit(code)


main()
