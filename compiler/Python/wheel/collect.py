"""Collects the native part of a wheel.

    collect.py BUILD OUT

OUT receives the two modules of the build tree BUILD for this Python, lib/runtime,
lib/cmake and lib/sysroot: the static and shared C and C++ libraries that gemcut links produced files
with, for both architectures, in the folders that it looks for them.
"""
import re
import shutil
import sys
import sysconfig
from pathlib import Path

FILES = {
    "LIBC": ["rcrt1.o", "crti.o", "crtn.o", "libc.a", "libm.a", "libc.so", "libm.so"],
    "GCC": ["crtbeginS.o", "crtendS.o", "libgcc.a", "libgcc_eh.a"],
    "STDCXX": ["libstdc++.a"],
}
IN_SCRIPT = re.compile(r"/[^\s()]+")


def copy(path, sysroot):
    """Copies a library, and what it names if it is a script of the linker."""
    target = sysroot / path.relative_to("/")
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    data = path.read_bytes()
    if data.startswith(b"/* GNU ld script"):
        text = re.sub(r"/\*.*?\*/", "", data.decode(), flags=re.S)
        for name in IN_SCRIPT.findall(text):
            copy(Path(name), sysroot)


def main():
    build, out = map(Path, sys.argv[1:])
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for module in ("_gemcut", "_engine"):
        source = build / "python" / "gemcut" / (module + suffix)
        if not source.exists():
            sys.exit(f"{source}: no such module; {build} was configured for another "
                     "Python: name a build tree of its own in GEMCUT_BUILD")
        shutil.copy(source, out)
    for folder in ("runtime", "cmake"):
        shutil.copytree(build / "lib" / folder, out / "lib" / folder)
    paths = (build / "compiler" / "Artifact" / "ToolchainPaths.h").read_text()
    for architecture in ("X86_64", "AARCH64"):
        if not (build / "lib" / "runtime" / f"{architecture.lower()}-linux").exists():
            continue
        for kind, names in FILES.items():
            folder = re.search(rf'{architecture}_{kind}_DIR "(.*)"', paths)[1]
            for name in names:
                copy(Path(folder, name), out / "lib" / "sysroot")


main()
