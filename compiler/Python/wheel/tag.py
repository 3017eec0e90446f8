"""Gives a wheel the platform tag that is true for it.

    tag.py WHEEL

Replaces linux_ARCH by manylinux_2_N_ARCH (PEP 600), N from the newest versioned symbol
of glibc that its modules need, and prints the new path. Exits 1 where a module needs a
library that the tag does not promise. `lib/` holds what compiled models are linked with;
this process loads nothing of it.
"""
import base64
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# PEP 600's, as auditwheel lists them, that a module of ours may need.
ALLOWED = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "libdl.so.2",
           "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def readelf(flag, data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return subprocess.run(["readelf", "-W", flag, file.name], check=True,
                              capture_output=True, text=True).stdout


def newest_glibc(wheel):
    newest = 0
    for name in wheel.namelist():
        if not re.fullmatch(r"gemcut/_\w+\..*\.so", name):
            continue
        data = wheel.read(name)
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d", data)))
        if needed - ALLOWED:
            sys.exit(f"{name}: needs {', '.join(sorted(needed - ALLOWED))}")
        versions = re.findall(r"GLIBC_2\.(\d+)", readelf("-V", data))
        newest = max(newest, *map(int, versions))
    return newest


def main():
    path = Path(sys.argv[1])
    with zipfile.ZipFile(path) as wheel:
        tag = f"manylinux_2_{newest_glibc(wheel)}"
        renamed = path.with_name(path.name.replace("-linux_", f"-{tag}_"))
        if renamed == path:
            sys.exit(f"{path}: has no tag linux_ARCH")
        facts, = (name for name in wheel.namelist() if name.endswith(".dist-info/WHEEL"))
        text = re.sub(r"(?m)^(Tag: .*-)linux_", rf"\g<1>{tag}_",
                      wheel.read(facts).decode()).encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=")
        with zipfile.ZipFile(renamed, "w", zipfile.ZIP_DEFLATED) as out:
            for entry in wheel.infolist():
                data = wheel.read(entry)
                if entry.filename == facts:
                    data = text
                elif entry.filename.endswith(".dist-info/RECORD"):
                    data = re.sub(rf"(?m)^{re.escape(facts)},.*$",
                                  f"{facts},sha256={digest.decode()},{len(text)}",
                                  data.decode()).encode()
                out.writestr(entry, data)
    path.unlink()
    print(renamed)


main()
