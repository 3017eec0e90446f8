#!/usr/bin/env python3
"""Models as libraries: what C, C++ with CMake, and Python find, link and run."""
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import GEMCUT, GOLDENS, ROOT, TINY, compile_model, run

C_EMBED = ROOT / "examples" / "c-embed"
CMAKE_APP = ROOT / "examples" / "cmake-app"
QUESTIONS = ["Tell me a story about a fox.", "What is 38 + 57?"]

# Prints the largest logit behind one token for each of two models.
TWO_MODELS = r"""
#include <gemcut.h>
#include <stdio.h>
GEMCUT_DECLARE_BUNDLE(tiny);
GEMCUT_DECLARE_BUNDLE(edge_bf16);
static int show(const gemcut_bundle *bundle) {
  gemcut_engine *engine;
  gemcut_session *session;
  gemcut_info info = GEMCUT_INFO;
  float *logits;
  int32_t best = 0, i, id = 5;
  if (gemcut_load(bundle, NULL, &engine) || gemcut_get_info(engine, &info) ||
      gemcut_session_create(engine, NULL, &session) ||
      gemcut_prefill(session, &id, 1, &logits)) {
    fprintf(stderr, "%s\n", gemcut_last_error());
    return 1;
  }
  for (i = 0; i < info.vocab_size; ++i)
    if (logits[i] > logits[best])
      best = i;
  printf("%s %d %d\n", info.name, info.layers, best);
  gemcut_session_destroy(session);
  gemcut_unload(engine);
  return 0;
}
int main(void) {
  return show(gemcut_bundle_tiny()) || show(gemcut_bundle_edge_bf16());
}
"""

# Catches an exception, so that linking it needs tables of 32-bit distances.
CATCHER = r"""
#include <gemcut.h>
#include <cstdio>
#include <stdexcept>
GEMCUT_DECLARE_BUNDLE(tiny);
int main(int argc, char **) {
  try {
    gemcut_engine *engine;
    if (gemcut_load(gemcut_bundle_tiny(), nullptr, &engine))
      throw std::runtime_error(gemcut_last_error());
    std::puts("loaded");
    throw std::runtime_error("caught");
  } catch (const std::exception &e) {
    std::puts(e.what());
  }
}
"""


def declared_functions(header):
    return set(re.findall(r"GEMCUT_API[^;(]*?(gemcut_[a-z_]+)\(", header.read_text()))


def symbols(*arguments):
    """Names in nm's output, without versions."""
    lines = run("nm", *arguments).stdout.splitlines()
    return {line.split()[-1].split("@")[0] for line in lines if re.search(r" [A-Za-z] ", line)}


class Embed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut embed-"))
        cls.shared, cls.static = cls.folder / "shared", cls.folder / "static"
        cls.shared.mkdir()
        cls.static.mkdir()
        cls.executable = compile_model(TINY, cls.folder / "tiny", "--cpu", "avx2")
        cls.so = compile_model(TINY, cls.shared / "libtiny.so", "--cpu", "avx2", "--emit", "shared-lib")
        cls.a = compile_model(TINY, cls.static / "libtiny.a", "--cpu", "avx2", "--emit", "static-lib")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def make(self, libraries, name, *variables):
        """The C example with the library of that folder."""
        shutil.copytree(C_EMBED, self.folder / name, dirs_exist_ok=True)
        run("make", "-C", self.folder / name, f"LIB={libraries}", *variables)
        return self.folder / name / "c-embed"

    def expected(self):
        answers = [run(self.executable, "-p", q, "--temp", 0, "-n", 200).stdout for q in QUESTIONS]
        self.assertIn("95", answers[1])
        return "".join(answers)

    def test_two_sessions_on_two_threads_answer_like_the_executable(self):
        for libraries in (self.shared, self.static):
            with self.subTest(libraries.name):
                program = self.make(libraries, f"c-{libraries.name}")
                self.assertEqual(run(program, *QUESTIONS).stdout, self.expected())

    def test_the_header_suits_old_compilers_too(self):
        source = self.folder / "header.c"
        source.write_text("#include <gemcut.h>\nGEMCUT_DECLARE_BUNDLE(tiny);\n"
                          "gemcut_info info = GEMCUT_INFO; gemcut_generate_result result = GEMCUT_GENERATE_RESULT;\n"
                          "gemcut_load_options load = GEMCUT_LOAD_OPTIONS; gemcut_sampling sampling = GEMCUT_SAMPLING;\n"
                          "gemcut_session_options session = GEMCUT_SESSION_OPTIONS;\n"
                          "gemcut_generate_options generate = GEMCUT_GENERATE_OPTIONS;\n"
                          "gemcut_chat_options chat = GEMCUT_CHAT_OPTIONS;\n"
                          "gemcut_messages_options messages = GEMCUT_MESSAGES_OPTIONS;\n")
        for command in (["cc", "-std=c99"], ["c++", "-x", "c++", "-std=c++11"]):
            run(*command, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", f"-I{self.shared}", source)

    def test_the_model_calls_a_function_of_the_program(self):
        for libraries in (self.shared, self.static):
            tools = self.make(libraries, f"c-tools-{libraries.name}").with_name("tools")
            result = run(tools, "What is the weather in Oslo?")
            self.assertEqual(result.stderr, 'get_weather({"city":"Oslo"})\n')
            self.assertEqual(result.stdout, "In Oslo it is 4 degrees with rain.\n")

    def test_a_program_can_be_all_static(self):
        program = self.make(self.static, "c-all-static", "LDFLAGS=-static -Wl,--gc-sections")
        self.assertIn("no dynamic section", run("readelf", "-d", program).stdout)
        self.assertEqual(run(program, *QUESTIONS).stdout, self.expected())

    def test_failures_are_a_message(self):
        program = self.make(self.static, "c-failures")
        result = run(program, "x", check=False, env={**os.environ, "LEVEL": "avx1024"})
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"^error: .*avx1024.*avx2")
        qemu = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
        self.assertTrue(qemu, "qemu-user is needed")
        result = run(qemu, "-cpu", "Nehalem", program, "x", check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, r"this CPU lacks features.*avx2")

    def test_valgrind_finds_nothing(self):
        self.assertTrue(shutil.which("valgrind"), "valgrind is needed")
        program = self.make(self.static, "c-valgrind")
        result = run("valgrind", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=all", program,
                     "What is 38 + 57?", "What is 2 + 2?")
        self.assertIn("95", result.stdout)
        result = run("valgrind", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=all",
                     program.with_name("tools"), "What is the weather in Oslo?")
        self.assertIn("4 degrees", result.stdout)

    def test_only_the_api_is_visible(self):
        api = declared_functions(self.shared / "gemcut.h")
        self.assertIn("gemcut_chat", api)
        self.assertEqual(symbols("-D", "--defined-only", self.so) - {"GEMCUT_1"}, api | {"gemcut_bundle_tiny"})
        # The model's code calls two functions of the runtime.
        self.assertEqual(symbols("-g", "--defined-only", self.a),
                         api | {"gemcut_bundle_tiny", "gemcut_team_claim", "gemcut_team_barrier"})
        needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", self.so).stdout)
        self.assertLessEqual(set(needed), {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"})

    def test_a_stripped_shared_library_keeps_its_weights(self):
        stripped = self.folder / "stripped"
        shutil.copytree(self.shared, stripped)
        run("strip", stripped / "libtiny.so")
        self.assertEqual(run(self.make(stripped, "c-stripped"), QUESTIONS[1]).stdout,
                         run(self.executable, "-p", QUESTIONS[1], "--temp", 0).stdout)

    def test_tokens_allocate_nothing(self):
        program = self.folder / "count"
        run("cc", "-Wall", "-Wextra", "-Werror", "-O1", "-fno-builtin-malloc", ROOT / "test" / "e2e" / "count_allocations.c",
            "-o", program, f"-I{self.static}", f"-L{self.static}", "-ltiny", "-lm")
        self.assertEqual(run(program).stdout, "0 300\n" * 4)

    def test_two_models_in_one_program(self):
        source = self.folder / "two.c"
        source.write_text(TWO_MODELS)
        outputs = set()
        for folder, name, emit in ((self.static, "libedge-bf16.a", "static-lib"),
                                   (self.shared, "libedge-bf16.so", "shared-lib")):
            compile_model(GOLDENS / "edge", folder / name, "--cpu", "avx2", "--emit", emit, "--quant", "bf16")
            for order in (["-ltiny", "-ledge-bf16"], ["-ledge-bf16", "-ltiny"]):
                program = self.folder / "two"
                run("cc", "-Wall", "-Wextra", "-Werror", source, "-o", program, f"-I{folder}", f"-L{folder}", *order,
                    "-lm", f"-Wl,-rpath,{folder}")
                outputs.add(run(program).stdout)
        self.assertEqual(len(outputs), 1, outputs)
        self.assertRegex(outputs.pop(), r"^tiny-gemma4 8 \d+\nedge 6 \d+\n$")

    def test_inspect_reads_what_is_in_a_library(self):
        for library in (self.so, self.a):
            described = json.loads(run(GEMCUT, "inspect", library, "--json").stdout)
            self.assertEqual([s["kind"] for s in described["sections"]], ["tokenizer", "chat template", "weights", "report"])
            self.assertEqual(described["report"]["target"], "x86_64-linux")
            self.assertEqual(list(described["report"]["levels"]), ["avx2"])
        self.assertIn("| rope.full |", run(GEMCUT, "explain", self.so).stdout)

    def test_libraries_for_another_machine(self):
        for emit, name in (("shared-lib", "libtiny.so"), ("static-lib", "libtiny.a")):
            folder = self.folder / f"aarch64-{emit}"
            folder.mkdir()
            compile_model(TINY, folder / name, "--target", "aarch64-linux", "--cpu", "neon", "--emit", emit)
            program = folder / "c-embed"
            run("clang-22", "--target=aarch64-linux-gnu", "-fuse-ld=lld", "-pthread", C_EMBED / "main.c", "-o", program,
                f"-I{folder}", f"-L{folder}", "-ltiny", "-lm", f"-Wl,-rpath,{folder}")
            emulate = ("qemu-aarch64", "-cpu", "cortex-a72", "-L", "/usr/aarch64-linux-gnu")
            self.assertEqual(run(*emulate, program, *QUESTIONS).stdout, self.expected())
            if emit == "static-lib":
                for linker in ("-fuse-ld=lld", "--ld-path=aarch64-linux-gnu-ld"):
                    self.link_far_weights(folder, ("clang-22", "--target=aarch64-linux-gnu", linker), emulate)

    def link_far_weights(self, folder, compiler, emulate=()):
        """Links a C++ program with a static library; what reaches each other by 32 bits must be on one side of the
        weights, which are 2 MB here and gigabytes elsewhere."""
        source, program = self.folder / "catcher.cpp", folder / "catcher"
        source.write_text(CATCHER)
        for mode in ("-pie", "-static"):
            run(*compiler, mode, "-pthread", source, "-o", program, f"-I{folder}", f"-L{folder}", "-ltiny", "-lstdc++",
                "-lm")
            self.assertEqual(run(*emulate, program).stdout, "loaded\ncaught\n")
            sections = {}
            for line in run("readelf", "-SW", program).stdout.splitlines():
                if found := re.match(r"\s*\[ *\d+\] (\.\S+) +[A-Z_0-9]+ +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) ", line):
                    sections[found[1]] = (int(found[2], 16), int(found[3], 16))
            weights, (begin, size) = max(sections.items(), key=lambda section: section[1][1])
            self.assertIn(weights, (".lrodata", ".lrodata.gemcut", ".data1"))
            self.assertGreater(size, 1 << 20)
            near = [".text", ".rodata", ".eh_frame", ".gcc_except_table", ".data"]
            if weights != ".data1":  # code reaches 2 GiB there, and 4 GiB on ARM
                near.append(".bss")
            sides = {name: sections[name][0] < begin for name in near}
            self.assertEqual(len(set(sides.values())), 1, (compiler, mode, weights, sides))

    def test_linkers_place_the_weights_where_they_part_nothing(self):
        for linker in ("-fuse-ld=bfd", "-fuse-ld=lld"):
            self.link_far_weights(self.static, ("clang-22", linker))


    def test_cmake_finds_the_package(self):
        config = (self.shared / "tinyConfig.cmake").read_text()
        self.assertIn("IMPORTED_SONAME libtiny.so\n", config)
        self.assertNotIn("@", config)
        for libraries in (self.shared, self.static):
            with self.subTest(libraries.name):
                build = self.folder / f"cmake-{libraries.name}"
                run("cmake", "-S", CMAKE_APP, "-B", build, f"-DCMAKE_PREFIX_PATH={libraries}")
                run("cmake", "--build", build)
                text = run(build / "app", "Once upon a time").stdout
                self.assertTrue(text.startswith("Once upon a time "), text)

    def test_python_calls_the_shared_library(self):
        tiny = ctypes.CDLL(str(self.so))
        tiny.gemcut_last_error.restype = ctypes.c_char_p
        tiny.gemcut_bundle_tiny.restype = ctypes.c_void_p
        engine = ctypes.c_void_p()

        def check(status):
            self.assertEqual(status, 0, tiny.gemcut_last_error())

        check(tiny.gemcut_load(ctypes.c_void_p(tiny.gemcut_bundle_tiny()), None, ctypes.byref(engine)))
        check(tiny.gemcut_verify(engine))
        text = "A fox, 38 + 57 \N{LATIN SMALL LETTER E WITH ACUTE} \N{GRINNING FACE}".encode()
        ids, count = (ctypes.c_int32 * 64)(), ctypes.c_size_t()
        check(tiny.gemcut_tokenize(engine, text, ctypes.c_size_t(len(text)), 0, ids, ctypes.c_size_t(64),
                                   ctypes.byref(count)))
        back, length = ctypes.create_string_buffer(100), ctypes.c_size_t()
        check(tiny.gemcut_detokenize(engine, ids, count, 0, back, ctypes.c_size_t(100), ctypes.byref(length)))
        self.assertEqual(back.raw[:length.value], text)
        status = tiny.gemcut_detokenize(engine, ids, count, 0, back, ctypes.c_size_t(3), ctypes.byref(length))
        self.assertEqual((status, length.value), (7, len(text)))
        self.assertIn(b"room for 3", tiny.gemcut_last_error())

        on_text = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_char),
                                   ctypes.c_size_t)

        class Sampling(ctypes.Structure):
            _fields_ = [("struct_size", ctypes.c_size_t), ("temperature", ctypes.c_float), ("top_k", ctypes.c_int32),
                        ("top_p", ctypes.c_float), ("min_p", ctypes.c_float), ("seed", ctypes.c_uint64)]

        class Options(ctypes.Structure):
            _fields_ = [("struct_size", ctypes.c_size_t), ("sampling", ctypes.POINTER(Sampling)),
                        ("limit", ctypes.c_int64), ("ignore_stop", ctypes.c_int32), ("on_token", ctypes.c_void_p),
                        ("on_text", on_text), ("user", ctypes.c_void_p)]

        answers = {}

        def ask(question):
            pieces = []

            def take(user, kind, piece, size):
                pieces.append(piece[:size])
                return 0
            session = ctypes.c_void_p()
            check(tiny.gemcut_session_create(engine, None, ctypes.byref(session)))
            sampling = Sampling(ctypes.sizeof(Sampling), 0, 0, 1, 0, 0)
            options = Options(ctypes.sizeof(Options), ctypes.pointer(sampling), 200, 0, None, on_text(take), None)
            check(tiny.gemcut_chat(session, question.encode(), ctypes.byref(options), None))
            tiny.gemcut_session_destroy(session)
            answers[question] = b"".join(pieces).decode()

        threads = [threading.Thread(target=ask, args=(q,)) for q in QUESTIONS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual("".join(answers[q] + "\n" for q in QUESTIONS), self.expected())
        tiny.gemcut_unload(engine)

    def test_names_that_are_no_library(self):
        for emit, name in (("shared-lib", "tiny.so"), ("static-lib", "libtiny.so"), ("shared-lib", "lib.so"),
                           ("static-lib", "libti ny.a")):
            result = subprocess.run([GEMCUT, "compile", TINY, "--emit", emit, "-o", self.folder / name],
                                    capture_output=True, text=True)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertRegex(result.stderr, r"a library is called libNAME\.(so|a)")


if __name__ == "__main__":
    unittest.main(verbosity=2)
