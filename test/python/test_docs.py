"""The documentation is true: its code runs, its links lead somewhere, and the site is
built without a warning."""
import contextlib
import io
import os
import re
import socket
import subprocess
import sys
from html.parser import HTMLParser

from conftest import ROOT, TINY

DOCS = ROOT / "compiler" / "Docs"
BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.M | re.S)


def shell(text, folder):
    tools = ROOT / "build" / "bin"
    result = subprocess.run(
        ["bash", "-euc", text], cwd=folder, stdin=subprocess.DEVNULL, text=True,
        capture_output=True, env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    assert result.returncode == 0, f"{text}\n{result.stderr}"
    return result.stdout


def run_blocks(page, folder, words=None):
    """Runs sh and python blocks in turn; a text block is the end of what the one before
    it prints. `words`: replaced in sh blocks."""
    blocks = BLOCK.findall(page.read_text())
    names, said = {"folder": str(folder)}, ""
    for kind, text in blocks:
        if kind == "text":
            assert said.strip().endswith(text.strip()), said
        elif kind == "sh":
            for word, value in (words or {}).items():
                text = re.sub(rf"\b{word}\b", value, text)
            said = shell(text, folder)
        else:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(text, page.name, "exec"), names)
            said = output.getvalue()
    return len(blocks)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_howto_use_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert run_blocks(DOCS / "howto-use-from-python.md", tmp_path) == 6
    assert (tmp_path / "tails.json").exists() and not (tmp_path / "small").exists()


def test_howto_find_slow_stages(tmp_path):
    page = DOCS / "howto-find-slow-stages.md"
    assert run_blocks(page, tmp_path, {"MODEL": f"{TINY} --cpu avx2 --context 8192"}) == 1
    assert (tmp_path / "roofline.svg").read_text().startswith("<svg")


def test_tutorial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny-gemma4").symlink_to(TINY)
    page = DOCS / "site" / "tutorial.md"
    assert run_blocks(page, tmp_path, {"8099": str(free_port())}) >= 16
    assert (tmp_path / "tiny-arm").read_bytes()[18] == 183  # EM_AARCH64


def readme_lines():
    """Commands of README's section "Use", without comments."""
    section = (ROOT / "README.md").read_text().split("\n## Use\n")[1].split("\n## ")[0]
    text = "\n".join(line[4:] for line in section.splitlines()
                     if line.startswith("    ")).replace("\\\n", "")
    return [re.sub(r"\s{2,}#.*", "", line) for line in text.splitlines()]


def test_readme_commands(tmp_path):
    """Those for a compiled model run; e2b is tiny-gemma4."""
    shell(f"gemcut compile {TINY} --cpu avx2 --context 8192 -o e2b", tmp_path)
    (tmp_path / "person.json").write_text('{"type": "boolean"}')
    (tmp_path / "doc.ids").write_text("2,105,2364")
    (tmp_path / "book.txt").write_text("Once upon a time there was a fox.")
    commands = [line for line in readme_lines() if line.startswith("./e2b")]
    assert len(commands) >= 9
    for command in commands:
        if " serve" in command:
            command = command.replace("8080", str(free_port()))
            shell(f"timeout 2 {command} || [ $? = 124 ]", tmp_path)
        else:
            shell(command.replace("-p 512 -n 128", "-p 64 -n 8 -r 1"), tmp_path)
    assert (tmp_path / "doc.kv").exists()


def test_readme_flags():
    """Each flag that README names behind `gemcut COMMAND` is one of that command."""
    helps, command, seen = {}, None, 0
    for line in readme_lines():
        named = re.match(r"(?:build/bin/)?gemcut ([a-z-]+)", line)
        if named:
            command = named[1]
        elif not line.startswith("  "):
            command = None
        if command is None:
            continue
        if command not in helps:
            helps[command] = shell(f"gemcut {command} --help", ROOT)
        synopsis = re.split(r"\s{3,}", line.strip())[0] if named else line.strip()
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", synopsis.split(" && ")[0]):
            if f"OUT {flag}" in line:
                continue  # of the compiled model
            assert re.search(rf"(?<![\w-]){flag}\b", helps[command]), (command, flag)
            seen += 1
    assert seen >= 20


def test_readme_python(tmp_path, monkeypatch):
    section = (ROOT / "README.md").read_text().split("\n## From Python\n")[1]
    code = section[section.index("    import gemcut"):].split("\n\n")[0]
    code = "\n".join(line[4:] for line in code.splitlines())
    assert 'quant="int4"' in code
    code = code.replace('quant="int4"', 'quant="int4", cpu="avx2"')
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gemma-4-E2B-it").symlink_to(TINY)
    from test_chat import Place, get_weather
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, {"get_weather": get_weather, "Person": Place})
    assert "embed_tokens" in output.getvalue()


def test_links_of_the_sources_lead_somewhere():
    """Those of the site's own pages are for `test_the_site`."""
    pages = [ROOT / "README.md", *DOCS.glob("*.md"), *(DOCS / "decisions").glob("*.md"),
             *(ROOT / "examples").rglob("*.md"), *(ROOT / "test").glob("*/README.md")]
    assert len(pages) > 50
    broken = []
    for page in pages:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path = target.split("#")[0]
            if path and ":" not in path and not (page.parent / path).exists():
                broken.append((page.name, target))
    assert not broken


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.names = [], set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names |= {given[key] for key in ("id", "name") if given.get(key)}
        for key in ("href", "src"):
            if given.get(key):
                self.targets.append(given[key])


def test_the_site(tmp_path):
    result = subprocess.run([sys.executable, DOCS / "site" / "build.py", ROOT / "build",
                             tmp_path], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    html = tmp_path / "html"
    pages = {}
    for file in html.rglob("*.html"):
        pages[file] = Links()
        pages[file].feed(file.read_text())
    for name in ("index", "tutorial", "ARCHITECTURE", "howto-use-from-python",
                 "reference/commands", "reference/executable", "reference/python",
                 "reference/c-api", "reference/passes", "reference/dialect-gemma",
                 "reference/dialect-kernel", "decisions/20261125-libraries"):
        assert html / f"{name}.html" in pages
    for text, name in (("gemma-fuse-qkv", "passes"), ("kernel.", "dialect-kernel"),
                       ("gemma.rms_norm", "dialect-gemma"), ("--max-ram", "commands"),
                       ("--json-schema", "executable"), ("gemcut_chat_messages", "c-api"),
                       ("max_ram", "python"), ("respond", "python")):
        assert text in (html / "reference" / f"{name}.html").read_text()
    for file, page in pages.items():
        for target in page.targets:
            path, _, anchor = target.partition("#")
            if ":" in path:
                continue
            other = (file.parent / path).resolve() if path else file
            assert other.exists(), (file, target)
            if anchor and other in pages:
                assert anchor in pages[other].names, (file, target)
