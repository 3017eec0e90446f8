#!/usr/bin/env python3
"""Libraries for Android: what they need of its C library, their pages and TLS; and the code, run with glibc behind
names of bionic, as neither Android nor its NDK is at hand."""
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import GEMCUT, ROOT, TINY, compile_model, run

C_EMBED = ROOT / "examples" / "c-embed"
QUESTION = "What is 38 + 57?"
PAGE = 16384

# What bionic has and glibc has not, or has with other constants.
BIONIC = r"""
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
long __sysconf(int);
int *__errno(void) { return &errno; }
long sysconf(int name) {
  switch (name) {
  case 0x27: return __sysconf(_SC_PAGESIZE);
  case 0x62: return __sysconf(_SC_PHYS_PAGES);
  default: abort();
  }
}
"""


def bionic_functions():
    lines = (ROOT / "runtime" / "android" / "functions.txt").read_text().splitlines()
    return {name for line in lines if line.startswith("lib") for name in line.split()[1:]}


def undefined(*arguments):
    return {line.split()[-1] for line in run("llvm-nm-22", "-u", *arguments).stdout.splitlines() if " U " in line}


class Android(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-android-"))
        flags = ("--target", "aarch64-android", "--cpu", "neon")
        cls.so = compile_model(TINY, cls.folder / "libtiny.so", *flags, "--emit", "shared-lib")
        cls.a = compile_model(TINY, cls.folder / "libtiny.a", *flags, "--emit", "static-lib")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def link(self, *arguments):
        """A shared library of nothing but the arguments, as the NDK's linker makes it."""
        run("clang-22", "--target=aarch64-linux-android29", "-fuse-ld=lld", "-nostdlib", "-shared", *arguments)

    def test_a_shared_library_suits_bionic(self):
        self.assertIn("__errno", undefined("-D", self.so))
        self.assertLessEqual(undefined("-D", self.so), bionic_functions())
        dynamic = run("readelf", "-d", self.so).stdout
        self.assertEqual(set(re.findall(r"NEEDED.*\[(.*)\]", dynamic)), {"libc.so", "libm.so"})
        self.assertNotIn("STATIC_TLS", dynamic)  # dlopen has no room for it
        self.assertNotIn("RELR", dynamic)  # since API level 30
        self.assertNotIn("GLIBC", run("readelf", "-V", self.so).stdout)
        relocations = set(re.findall(r"R_AARCH64_\w+", run("readelf", "-rW", self.so).stdout))
        self.assertLessEqual(relocations, {"R_AARCH64_RELATIVE", "R_AARCH64_GLOB_DAT", "R_AARCH64_JUMP_SLOT",
                                           "R_AARCH64_JUMP_SL", "R_AARCH64_ABS64", "R_AARCH64_TLSDESC"})

    def test_segments_suit_pages_of_16_kib(self):
        segments = re.findall(r"^ +(LOAD|GNU_RELRO) +(0x\w+) (0x\w+) 0x\w+ 0x\w+ (0x\w+) .* (0x\w+)$",
                              run("readelf", "-lW", self.so).stdout, re.M)
        loads = [tuple(int(field, 16) for field in fields) for kind, *fields in segments if kind == "LOAD"]
        self.assertGreaterEqual(len(loads), 4)
        for offset, address, _, alignment in loads:
            self.assertEqual(alignment % PAGE, 0)
            self.assertEqual(offset % alignment, address % alignment)
        pages = [page for _, address, size, _ in loads for page in {address // PAGE, (address + size - 1) // PAGE}]
        self.assertEqual(len(pages), len({*pages}), "two segments share a page")
        (address, size), = [(int(f[1], 16), int(f[2], 16)) for kind, *f in segments if kind == "GNU_RELRO"]
        self.assertEqual((address + size) % PAGE, 0)

    def test_a_static_library_links_with_nothing_but_bionic(self):
        self.assertLessEqual(undefined(self.a) - {"gemcut_team_claim", "gemcut_team_barrier"}, bionic_functions())
        stubs = GEMCUT.parents[1] / "lib" / "runtime" / "aarch64-android"
        self.link("-Wl,-z,defs", "-Wl,--undefined=gemcut_bundle_tiny", "-Wl,--undefined=gemcut_load", self.a,
                  stubs / "libc.so", stubs / "libm.so", "-o", self.folder / "libapp.so")

    def test_objects_call_the_team_alone(self):
        out = self.folder / "tiny.o"
        run(GEMCUT, "compile", TINY, "--target", "aarch64-android", "--cpu", "pixel-6", "--emit", "obj", "-o", out)
        self.assertEqual(undefined(out), {"gemcut_team_claim", "gemcut_team_barrier"})
        self.assertIn("gemcut_decode_dotprod", run("llvm-nm-22", "--defined-only", out).stdout)

    def test_the_code_answers_like_that_of_linux(self):
        executable = compile_model(TINY, self.folder / "tiny", "--target", "aarch64-linux", "--cpu", "neon")
        qemu = ("qemu-aarch64", "-cpu", "cortex-a72")
        expected = run(*qemu, executable, "-p", QUESTION, "--temp", 0).stdout
        self.assertIn("95", expected)
        source = self.folder / "bionic.c"
        source.write_text(BIONIC)
        libraries = self.folder / "bionic"
        libraries.mkdir()
        gnu = ("clang-22", "--target=aarch64-linux-gnu", "-fuse-ld=lld")
        run(*gnu, "-shared", source, "-o", libraries / "libc.so", "-Wl,-soname,libc.so")
        run(*gnu, "-shared", "-x", "c", "/dev/null", "-o", libraries / "libm.so", "-Wl,-soname,libm.so",
            "-Wl,--no-as-needed", "-lm")
        for kind, library in (("shared", self.so), ("static", self.a)):
            program = self.folder / kind
            run(*gnu, "-pthread", C_EMBED / "main.c", "-o", program, f"-I{self.folder}", library, libraries / "libc.so",
                "-lm", f"-Wl,-rpath,{self.folder}:{libraries}", "-Wl,--allow-shlib-undefined")
            for page in (4096, PAGE):
                with self.subTest(kind=kind, page=page):
                    self.assertEqual(run(*qemu, "-p", page, "-L", "/usr/aarch64-linux-gnu", program, QUESTION).stdout,
                                     expected)

    def test_executables_are_refused(self):
        result = run(GEMCUT, "compile", TINY, "--target", "aarch64-android", "-o", self.folder / "exe", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr, "gemcut: error: --target aarch64-android: found --emit exe, but Android's "
                         "applications load libraries; use --emit shared-lib, static-lib or obj\n")
        self.assertFalse((self.folder / "exe").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
