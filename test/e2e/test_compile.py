#!/usr/bin/env python3
"""What `gemcut compile` promises about its output: complete or absent, reproducible, bounded in memory."""
import ctypes
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import (BUILD, GEMCUT, GOLDENS, ROOT, TINY, compile_model, ids_argument, integers, levels, memory_peak,
                     private_peak, run)

E2B = ROOT / "test" / "data" / "configs" / "e2b" / "config.json"


class Compile(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="gemcut-compile-"))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def test_killed_compile_leaves_nothing(self):
        for sent in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=sent.name):
                process = subprocess.Popen(
                    [GEMCUT, "compile", E2B, "-o", self.folder / "out", "--weights", "random", "--cpu", "avx2",
                     "--time-phases"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for line in process.stderr:  # until the weights are being written
                    if "phase link" in line:
                        break
                time.sleep(0.3)
                self.assertIsNone(process.poll())
                process.send_signal(sent)
                process.wait()
                process.stderr.close()
                self.assertNotEqual(process.returncode, 0)
                self.assertEqual(os.listdir(self.folder), [])

    def test_interrupted_measurement_leaves_nothing(self):
        text = TINY / "eval.txt"
        for sent in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=sent.name):
                process = subprocess.Popen([GEMCUT, "compile", TINY, "-o", self.folder / "out", "--cpu", "avx2",
                                            "--certify", text], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                deadline = time.monotonic() + 30
                while not list(self.folder.glob("out.certify-*")):
                    self.assertIsNone(process.poll())
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
                time.sleep(0.1)
                process.send_signal(sent)
                self.assertEqual(process.wait(), -sent)
                self.assertEqual(os.listdir(self.folder), [])

    def test_failed_compile_keeps_the_older_file(self):
        out = self.folder / "out"
        out.write_text("older")
        result = run(GEMCUT, "compile", GOLDENS / "edge", "-o", out, "--max-ram", "100K", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("--max-ram", result.stderr)
        self.assertEqual(out.read_text(), "older")
        self.assertEqual(os.listdir(self.folder), ["out"])

    def test_a_summary_that_cannot_be_written_leaves_no_file(self):
        command = [GEMCUT, "compile", TINY, "-o", self.folder / "out", "--cpu", "avx2"]
        with open("/dev/full", "w") as full:
            result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("error: cannot write the result: No space left on device\n", result.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_unwritable_outputs(self):
        for out, fragment in ((self.folder, "is a directory"), (self.folder / "missing" / "out", "does not exist")):
            result = run(GEMCUT, "compile", GOLDENS / "edge", "-o", out, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn(fragment, result.stderr)

    def test_threads_do_not_change_the_bytes(self):
        outputs = [compile_model(TINY, self.folder / f"t{n}", "--cpu", "avx2", "--threads", n).read_bytes()
                   for n in (1, 2, 5)]
        self.assertEqual(outputs[0], outputs[1])
        self.assertEqual(outputs[0], outputs[2])

    def test_progress_is_a_line_on_a_terminal_and_nothing_else_elsewhere(self):
        command = [GEMCUT, "compile", TINY, "-o", self.folder / "out", "--cpu", "avx2"]
        self.assertNotIn("\r", run(*command).stderr)
        ours, theirs = os.openpty()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how a terminal says that its other end is closed
                break
            if not piece:
                break
            text += piece
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        self.assertRegex(text.decode(), r"\rpacking weights \[=+\] [0-9.]+ MiB of [0-9.]+ MiB, \d+ s left")
        # The line is gone in the end.
        self.assertTrue(text.endswith(b"\r\x1b[K"), text[-80:])

    def load_library(self, path):
        """Loads the engine of lib<name>.so and reads its weights."""
        library = ctypes.CDLL(str(path))
        bundle = getattr(library, "gemcut_bundle_" + path.stem[3:])
        bundle.restype, library.gemcut_last_error.restype = ctypes.c_void_p, ctypes.c_char_p
        engine = ctypes.c_void_p()
        status = library.gemcut_load(ctypes.c_void_p(bundle()), None, ctypes.byref(engine))
        self.assertEqual(status, 0, library.gemcut_last_error())
        self.assertEqual(library.gemcut_verify(engine), 0)
        library.gemcut_unload(engine)

    def test_the_process_stays_within_its_plan(self):
        out = compile_model(TINY, self.folder / "out", "--cpu", "avx2", "--max-ram", "12M")
        info = json.loads(run(out, "info", "--json").stdout)
        private = info["private_bytes"]
        self.assertLessEqual(private + info["resident_weight_bytes"], 12 << 20)
        weights = sum(section["bytes"] + 65536 for section in info["sections"])

        def limit():
            # Of a thread's stack a MiB is mapped, little of which is touched.
            data = private + (1 << 20)
            resource.setrlimit(resource.RLIMIT_DATA, (data, data))
            # The code is mapped, too.
            whole = private + weights + (4 << 20)
            resource.setrlimit(resource.RLIMIT_AS, (whole, whole))
        result = run(out, "generate", "--ids", "2", "-n", info["context"] - 1, "--temp", "1", "--seed", "1",
                     "--ignore-stop", "--print-ids", "-t", 2, "--stats", preexec_fn=limit)
        self.assertEqual(len(integers(result.stdout)), info["context"] - 1)
        # Of what is mapped, the KV cache is touched to its end; with weights and code all is below the limit.
        command = (out, "generate", "--ids", "2", "-n", info["context"] - 1, "--temp", "1", "--seed", "1",
                   "--ignore-stop", "--print-ids", "-t", 2)
        touched = private_peak(*command)
        self.assertLess(touched, private)
        self.assertGreater(touched, info["kv_slot_bytes"])
        self.assertLess(memory_peak("VmHWM", *command), 12 << 20)
        refused = run(GEMCUT, "compile", TINY, "-o", self.folder / "refused", "--max-ram", "6M", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"needs at least .* positions .*weights .*KV .*arena .*other .*6\.0 MiB")

    def test_sidecar_holds_the_same_model(self):
        ids = json.loads((GOLDENS / "edge" / "golden.json").read_text())["runs"]["main"]["ids"]
        command = ["generate", "--ids", ids_argument(ids), "-n", 12, "--temp", "0", "--print-ids", "--no-repeat",
                   "--ignore-stop"]
        inside = compile_model(GOLDENS / "edge", self.folder / "inside", "--cpu", "avx2")
        beside = compile_model(GOLDENS / "edge", self.folder / "beside", "--cpu", "avx2", "--weights", "sidecar")
        self.assertTrue((self.folder / "beside.gemw").exists())
        self.assertEqual(run(inside, *command).stdout, run(beside, *command).stdout)
        # Weights of equal size, but of another compilation.
        compile_model(GOLDENS / "edge", self.folder / "other", "--cpu", "avx2", "--weights", "sidecar", "--quant", "bf16")
        compile_model(GOLDENS / "edge", self.folder / "same", "--cpu", "avx2", "--weights", "sidecar")
        shutil.copy(self.folder / "same.gemw", self.folder / "beside.gemw")
        self.assertEqual(run(inside, *command).stdout, run(beside, *command).stdout)
        (self.folder / "other.gemw").rename(self.folder / "beside.gemw")
        result = run(beside, *command, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("another compilation", result.stderr)
        # What strip leaves has no footer, but still knows its weights.
        shutil.copy(beside, self.folder / "stripped")
        run("strip", self.folder / "stripped")
        shutil.copy(self.folder / "beside.gemw", self.folder / "stripped.gemw")
        result = run(self.folder / "stripped", *command, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("another compilation", result.stderr)
        (self.folder / "same.gemw").rename(self.folder / "stripped.gemw")
        self.assertEqual(run(inside, *command).stdout, run(self.folder / "stripped", *command).stdout)
        # Programs with the same weights, a library among them, find them by their checksum.
        shared = self.folder / "shared"
        shared.mkdir()
        for name, flags in (("a", ["--context", 64]), ("libb.so", ["--emit", "shared-lib"])):
            compile_model(GOLDENS / "edge", shared / name, "--cpu", "avx2", "--weights", "shared-sidecar", *flags)
        sidecars = list(shared.glob("*.gemw"))
        self.assertEqual(len(sidecars), 1, sidecars)
        checksum = json.loads(run(shared / "a", "info", "--verify", "--json").stdout)["sections"]
        self.assertEqual([s["xxh64"] for s in checksum if s["name"] == "weights"], [sidecars[0].stem])
        self.assertEqual(run(shared / "a", *command).stdout, run(inside, *command).stdout)
        self.load_library(shared / "libb.so")
        damaged = bytearray(sidecars[0].read_bytes())
        damaged[100] ^= 1
        sidecars[0].write_bytes(damaged)
        result = run(shared / "a", "info", "--verify", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, rf"{sidecars[0]}: section 'weights' at byte 0 of \d+ bytes has checksum")
        sidecars[0].unlink()
        result = run(shared / "a", *command, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, rf"neither a\.gemw nor {sidecars[0].name} beside it; copy .* under either name")
        (self.folder / "beside.gemw").unlink()
        result = run(beside, *command, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("beside.gemw", result.stderr)

    def test_damaged_files_are_named(self):
        """By `info --verify` or, where a section cannot be used at all, by whatever runs."""
        whole = compile_model(TINY, self.folder / "whole", "--cpu", "avx2").read_bytes()
        beside = compile_model(GOLDENS / "edge", self.folder / "beside", "--cpu", "avx2", "--weights", "sidecar")
        damaged = self.folder / "damaged"

        def fails(data, message, *command, path=damaged):
            path.unlink()
            path.write_bytes(data)
            path.chmod(0o755)
            result = run(damaged if path == damaged else beside, *command, check=False)
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertRegex(result.stderr, rf"^error: .*{path.name}.*{message}")
            self.assertEqual((result.stderr.count("\n"), result.stdout), (1, ""))

        def flipped(data, at):
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

        damaged.touch()
        sections = {s["kind"]: (s["offset"], s["length"])
                    for s in json.loads(run(GEMCUT, "inspect", self.folder / "whole", "--json").stdout)["sections"]}
        self.assertEqual(len(sections), 4)
        verify = ("info", "--verify")
        for kind, (offset, length) in sections.items():
            for at in (0, length // 2, length - 1):
                fails(flipped(whole, offset + at), f": section '{kind}' at byte {offset} of {length} bytes has checksum",
                      *verify)
        # The table of the ELF sections, which nothing needs that runs.
        code = struct.unpack_from("<Q", whole, 40)[0]
        fails(flipped(whole, code + 64), r": the code, its first \d+ bytes, has checksum", *verify)
        fails(flipped(whole, len(whole) - 100), ": the footer's checksum is", "info")
        # What cannot be read is found at once.
        for kind, command in (("tokenizer", ("tokenize", "a")), ("chat template", ("-p", "a"))):
            offset, _ = sections[kind]
            fails(flipped(whole, offset), f": section '{kind}' at byte {offset}: ", *command)
        begin = min(offset for offset, _ in sections.values())
        for size in (begin, begin + 1000, len(whole) // 2, len(whole) - 1):
            fails(whole[:size], "is truncated", "info")
        weights = (self.folder / "beside.gemw").read_bytes()
        for size in (0, 100, len(weights) // 2, len(weights) - 1):
            fails(weights[:size], "is truncated", "info", path=self.folder / "beside.gemw")
        fails(weights + weights[-400:], "", "info", path=self.folder / "beside.gemw")

    def test_dtypes_may_differ_within_a_product(self):
        """One weight of each product stored as the same values in float32 changes nothing."""
        model = self.folder / "mixed"
        shutil.copytree(GOLDENS / "edge-bf16", model)
        data = (model / "model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header, tensors = json.loads(data[8 : 8 + length]), bytearray()
        widened = 0
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            begin, end = (8 + length + offset for offset in tensor["data_offsets"])
            stored = data[begin:end]
            if tensor["dtype"] == "BF16" and ("k_proj" in name or "up_proj" in name):
                stored = b"".join(b"\0\0" + stored[i : i + 2] for i in range(0, len(stored), 2))
                tensor["dtype"] = "F32"
                widened += 1
            tensor["data_offsets"] = [len(tensors), len(tensors) + len(stored)]
            tensors += stored
        self.assertGreater(widened, 2)
        text = json.dumps(header).encode()
        (model / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + tensors)
        for quant in ("int8", "bf16"):
            weights = []
            for checkpoint in (GOLDENS / "edge-bf16", model):
                out = self.folder / f"{checkpoint.name}-{quant}"
                compile_model(checkpoint, out, "--cpu", "avx2", "--quant", quant, "--weights", "sidecar")
                weights.append(out.with_name(out.name + ".gemw").read_bytes())
            self.assertEqual(*weights)

    def test_missing_chat_templates_are_told(self):
        model = self.folder / "chatless"
        shutil.copytree(TINY, model, ignore=shutil.ignore_patterns("goldens"))
        compile_command = (GEMCUT, "compile", model, "--emit", "gemma", "-o", self.folder / "chatless.mlir")
        self.assertNotIn("template", run(*compile_command).stderr)
        (model / "chat_template.jinja").write_text(" \n")
        result = run(*compile_command, check=False)
        self.assertEqual((result.returncode, result.stderr.count("\n")), (1, 1), result.stderr)
        self.assertIn("chat_template.jinja: is empty, expected a chat template", result.stderr)
        (model / "chat_template.jinja").unlink()
        self.assertRegex(run(*compile_command).stderr, r"chatless.*: holds no chat template; the builtin one")
        self.assertNotIn("holds no", run(*compile_command, "--chat-template", "builtin").stderr)

    def test_neither_folders_nor_the_cpu_change_the_bytes(self):
        """gemcut installed elsewhere, run elsewhere, on an older CPU; --cpu host alone asks the machine."""
        here = compile_model(GOLDENS / "edge", self.folder / "here", "--cpu", "avx2").read_bytes()
        for name in (str(BUILD.resolve()), str(ROOT), str(self.folder)):
            self.assertNotIn(name.encode(), here)
        install = self.folder / "other" / "place"
        (install / "bin").mkdir(parents=True)
        shutil.copy(GEMCUT, install / "bin" / "gemcut")
        shutil.copytree(GEMCUT.parents[1] / "lib" / "runtime", install / "lib" / "runtime")
        shutil.copytree(GOLDENS / "edge", self.folder / "model" / "edge")
        qemu = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
        run(qemu, "-cpu", "Haswell", install / "bin" / "gemcut", "compile", "model/edge", "--cpu", "avx2", "-o", "there",
            cwd=self.folder, env={"PATH": "/nowhere", "TMPDIR": str(install), "TZ": "Asia/Tokyo"})
        self.assertEqual((self.folder / "there").read_bytes(), here)

    def test_a_level_that_the_cpu_lacks_is_refused(self):
        out = compile_model(GOLDENS / "edge", self.folder / "out")
        result = run(out, "generate", "--ids", "2", "-n", 1, "--level", "avx1024", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("avx1024", result.stderr)
        # A CPU without AVX, emulated: a message, never SIGILL.
        qemu = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
        self.assertTrue(qemu, "qemu-user is needed")
        for cpu in ("core2duo", "Nehalem"):
            for command in (["generate", "--ids", "2", "-n", 1], ["score", "--ids", "2,3"]):
                result = run(qemu, "-cpu", cpu, out, *command, check=False)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertEqual(result.stderr, "error: this CPU lacks features that even the lowest level, 'avx2', needs: "
                                 "avx2,fma,f16c,bmi2; compile the model for this CPU\n")
        result = run(qemu, "-cpu", "Nehalem", out, "generate", "--ids", "2", "-n", 1, "--level", "amx", check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("level 'amx' needs CPU features that this CPU lacks: avx2,", result.stderr)
        self.assertIn("amxtile", result.stderr)

    def test_a_full_temporary_folder_is_an_error(self):
        """Of the link, whose output lies there; never a signal, and nothing is left."""
        full, out = self.folder / "full", self.folder / "out-full"
        full.mkdir()
        command = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && TMPDIR="$0" "$@"; status=$?; '
                   'ls -A "$0"; exit $status', full]
        if run(*command, "true", check=False).returncode != 0:
            self.skipTest("this machine mounts nothing")
        for emit in ("exe", "static-lib"):
            with self.subTest(emit=emit):
                target = out if emit == "exe" else self.folder / "libfull.a"
                result = run(*command, GEMCUT, "compile", GOLDENS / "edge", "--cpu", "avx2", "--emit", emit, "-o", target,
                             check=False)
                self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
                self.assertRegex(result.stderr, r"error: linking needs \d+ MiB in '.*full', whose filesystem has \d MiB "
                                 r"left; free space or name another folder with TMPDIR\n$")
                self.assertFalse(target.exists())

    def test_the_best_level_of_the_cpu_runs(self):
        """An emulated CPU with AVX2 and no AVX-512 takes the lowest of all levels."""
        out = compile_model(GOLDENS / "edge", self.folder / "out")
        qemu = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
        command = ["generate", "--ids", "2,3", "-n", 3, "--temp", "0", "--print-ids", "--ignore-stop"]
        info = json.loads(run(qemu, "-cpu", "max", out, "info", "--json").stdout)
        self.assertEqual([level["name"] for level in info["levels"]],
                         ["amx", "avx512bf16", "avx512vnni", "avxvnni", "avx2"])
        self.assertEqual([level["name"] for level in info["levels"] if level["supported"]], ["avx2"])
        self.assertEqual(run(qemu, "-cpu", "max", out, *command).stdout,
                         run(out, *command, "--level", "avx2").stdout)

    def test_random_weights_at_e2b_shapes(self):
        """The real shapes: memory while compiling, size of the code, rows run per layer."""
        out = self.folder / "e2b"
        usage = subprocess.run(
            [sys.executable, "-c",
             "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, "
             "stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
             GEMCUT, "compile", E2B, "-o", out, "--weights", "random", "--context", "2048"],
            capture_output=True, text=True, check=True)
        self.assertLess(int(usage.stdout), 1.5 * 1024 * 1024, "kB of resident memory")
        info = json.loads(run(out, "info", "--json").stdout)
        weights = next(s["bytes"] for s in info["sections"] if s["name"] == "weights")
        # 2,918,000 bytes on 26 November 2026: five levels, and the runtime with its server.
        self.assertLessEqual(out.stat().st_size - weights, 3_000_000)
        ids = [2] + [(7919 * i) % 262144 for i in range(1, 512)]
        list_file = self.folder / "ids.txt"
        list_file.write_text(ids_argument(ids))
        # Random weights of 35 layers amplify the last bits of a sum to other tokens. Neither a level without bf16
        # dot products nor one thread, which shares no keys out, adds up in another order in larger blocks.
        command = [out, "generate", "--level", "avx2", "-t", 1, "--ids", f"@{list_file}", "-n", 4, "--temp", "0",
                   "--print-ids", "--ignore-stop"]
        quick = run(*command, "--stats")
        self.assertIn("layers 0-14: 515 rows, layers 15-34: 4 rows", quick.stderr)
        self.assertEqual(len(integers(quick.stdout)), 4)
        self.assertEqual(run(*command, "--full-prefill").stdout, quick.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
