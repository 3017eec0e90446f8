"""What the end-to-end tests share: running the tools, reading tensors.

Only the standard library: `make test` needs no Python package.
"""
import array
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import run_as_avxvnni

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("GEMCUT_BUILD", ROOT / "build"))
# A build tree with sanitizers: executables get its runtime (tools/link_sanitized.py).
SANITIZED = os.environ.get("GEMCUT_SANITIZED")
GEMCUT = BUILD / "bin" / "gemcut"
GOLDENS = ROOT / "test" / "data" / "goldens"
TINY = ROOT / "examples" / "tiny-gemma4"


class Tensor:
    """A float32 tensor: shape and flat values."""

    def __init__(self, shape, values):
        self.shape, self.values = tuple(shape), values

    def rows(self, first, last):
        width = self.shape[-1]
        return Tensor((last - first,) + self.shape[1:], self.values[first * width : last * width])


def read_safetensors(path):
    """All F32 tensors of a file, by name."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__" or info["dtype"] != "F32":
            continue
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        tensors[name] = Tensor(info["shape"], array.array("f", data[begin:end]))
    return tensors


def read_npy(path):
    """A little-endian float32 C-order array of version 1 or 2."""
    data = Path(path).read_bytes()
    assert data[:6] == b"\x93NUMPY", path
    size, start = (struct.unpack("<H", data[8:10])[0], 10) if data[6] == 1 else (struct.unpack("<I", data[8:12])[0], 12)
    header = data[start : start + size].decode("latin1")
    assert "'<f4'" in header and "'fortran_order': False" in header, header
    shape = tuple(int(n) for n in re.search(r"'shape': \(([^)]*)\)", header).group(1).split(",") if n.strip())
    return Tensor(shape, array.array("f", data[start + size :]))


def run(*command, check=True, **options):
    """Runs a command; with `check` a failure shows what it printed."""
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if check and result.returncode:
        raise AssertionError(f"{command} exited with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def private_peak(*command):
    """Most resident bytes that no file backs while a command runs."""
    return memory_peak("RssAnon", *command)


def memory_peak(field, *command):
    """The largest value, in bytes, of a field of /proc/PID/status while a command runs."""
    peak = 0
    with subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
            peak = max(peak, int(found[1]) * 1024 if found else 0)
            time.sleep(0.005)
    assert process.returncode == 0, command
    return peak


def compile_model(model, out, *flags):
    if SANITIZED:
        run(ROOT / "test" / "tools" / "link_sanitized.py", SANITIZED, GEMCUT, model, out, *flags)
    else:
        run(GEMCUT, "compile", model, "-o", out, *flags)
    return Path(out)


def ids_argument(ids):
    return ",".join(map(str, ids))


def integers(text):
    return [int(n) for n in re.findall(r"-?\d+", text)]


def levels(executable):
    """The ISA levels that the executable holds and this CPU can run."""
    info = json.loads(run(executable, "info", "--json").stdout)
    return [level["name"] for level in info["levels"] if level["supported"]]


class AvxVnni:
    """Runs an executable as on a CPU with AVX-VNNI and without AVX-512, which need not be the CPU of this machine."""

    def __init__(self, executable):
        if not run_as_avxvnni.is_permitted():
            raise unittest.SkipTest("ptrace is not permitted")
        self.executable, self.translation = executable, run_as_avxvnni.translate(executable)
        assert self.translation.jumps, "the executable holds no dot products of AVX-VNNI"
        # What a CPU has is executed as it is.
        self.is_native = " avx_vnni " in Path("/proc/cpuinfo").read_text()
        self.untouched = self.translation._replace(jumps={})

    def run(self, *command):
        """What the command writes to stdout."""
        translation = self.untouched if self.is_native else self.translation
        with tempfile.TemporaryFile("w+") as out:
            code = run_as_avxvnni.run(translation, [self.executable, *command], out)
            assert code == 0, (command, code)
            out.seek(0)
            return out.read()

    def run_untouched(self, *command):
        """The exit code, or minus the signal that ends the process, with dot products as they are."""
        return run_as_avxvnni.run(self.untouched, [self.executable, *command], subprocess.DEVNULL)


def largest_difference(a, b):
    assert len(a.values) == len(b.values), (a.shape, b.shape)
    worst = 0.0
    for x, y in zip(a.values, b.values):
        difference = abs(x - y)
        if not difference <= worst:  # a NaN is the worst
            worst = difference
    return worst


def relative_error(actual, expected):
    """Sum of differences over sum of magnitudes."""
    return sum(abs(a - b) for a, b in zip(actual.values, expected.values)) / sum(map(abs, expected.values))
