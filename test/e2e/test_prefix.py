#!/usr/bin/env python3
"""--bake-prefix: the bits of cold runs, in every command; what cannot be baked; damage."""
import json
import os
import platform
import re
import struct
import tempfile
import unittest
from pathlib import Path

from support import GEMCUT, TINY, compile_model, run
from server import CHAT, Server

SYSTEM = "You know everything about foxes and lanterns. " * 25
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Returns the weather in a city.",
                                            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": "A fox."}]
ASK = ["-p", "What is a lantern?", "--temp", "0", "-n", "20"]
MAGIC = b"GEMCUTPX"


class BakedPrefix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="gemcut-prefix-")
        cls.folder = Path(cls.temporary.name)
        cls.file = cls.folder / "prefix.json"
        cls.file.write_text(json.dumps({"messages": MESSAGES, "tools": TOOLS}))
        cls.executable = cls.folder / "baked"
        cls.compiled = run(GEMCUT, "compile", TINY, "-o", cls.executable, "--cpu", "host", "--slots", "2", "--context", "1024",
                           "--bake-prefix", cls.file)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_chat_begins_with_it(self):
        self.assertRegex(self.compiled.stdout, r"baked a prefix of \d+ tokens")
        self.assertEqual([path.name for path in self.folder.iterdir() if "prefix-" in path.name], [])
        baked = run(self.executable, *ASK, "--stats")
        self.assertRegex(baked.stderr, r"prompt: 1\d tokens,")
        other = run(self.executable, *ASK, "--system", "Be brief.", "--stats")
        self.assertRegex(other.stderr, r"prompt: 2\d tokens,")  # instructions of one's own replace it
        self.assertIn("section", run(self.executable, "info", "--verify").stdout)
        tokens = int(re.search(r"baked a prefix of (\d+) tokens", self.compiled.stdout)[1])
        info = json.loads(run(self.executable, "info", "--json").stdout)
        level, = (level["name"] for level in info["levels"])
        self.assertEqual(info["prefix"], {"messages": 3, "tools": 1, "tokens": tokens, "levels": [level]})
        self.assertRegex(run(self.executable, "info").stdout,
                         rf"(?m)^prefix +3 messages, 1 tool: {tokens} tokens, computed for {level}$")
        self.assertIn("prefix", run(GEMCUT, "inspect", self.executable).stdout)

    def test_bits_of_cold_runs(self):
        servers = [Server(self.executable, "--cache-bytes", 0), Server(self.executable, "--cache-bytes", 0, "--no-baked-prefix")]
        try:
            cached = []
            for question in ("What is a lantern?", "\nWhy?", "Where do foxes live? " * 20):
                body = {"messages": MESSAGES + [{"role": "user", "content": question}], "tools": TOOLS, "temperature": 0,
                        "max_tokens": 20, "logprobs": True, "top_logprobs": 5}
                answer, expected = (server.post(CHAT, body)[1] for server in servers)
                self.assertEqual(answer["choices"], expected["choices"])
                self.assertEqual(expected["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
                cached.append(answer["usage"]["prompt_tokens_details"]["cached_tokens"])
            self.assertEqual(len(set(cached)), 1, cached)
            self.assertGreater(cached[0], 280)
            # Another prompt finds nothing, and takes nothing away.
            body["messages"] = [{"role": "user", "content": question}]
            answer = servers[0].post(CHAT, body)[1]
            self.assertEqual(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
        finally:
            for server in servers:
                server.stop()

    def test_generate_takes_it(self):
        """Ids that begin with it: as many rows as are new, and the same answer."""
        state = self.folder / "state"
        count = int(run(self.executable, "prefix", self.file, "--save-session", state).stdout.split()[0])
        ids = struct.unpack(f"<{count}i", state.read_bytes()[72:72 + 4 * count])
        for more, prompt in (([5, 6, 7], 3), ([], count)):
            flags = ["--ids", ",".join(map(str, [*ids, *more])), "-n", "20", "--temp", "0", "--print-ids", "--stats"]
            baked = run(self.executable, "generate", *flags)
            cold = run(self.executable, "generate", *flags, "--no-baked-prefix")
            self.assertEqual(baked.stdout, cold.stdout)
            self.assertIn(f"prompt: {prompt} tokens", baked.stderr)
            self.assertIn(f"prompt: {count + len(more)} tokens", cold.stderr)
        server = Server(self.executable, "--no-baked-prefix", "--load-session", state)
        try:
            body = {"messages": MESSAGES + [{"role": "user", "content": "Why?"}], "tools": TOOLS, "max_tokens": 1}
            self.assertEqual(server.post(CHAT, body)[1]["usage"]["prompt_tokens_details"]["cached_tokens"], count)
        finally:
            server.stop()

    def test_levels_and_adapters_without_a_state(self):
        """A level that this was not computed for runs the prompt, and says so."""
        data = bytearray(self.executable.read_bytes())
        at = data.rfind(MAGIC)
        level = data[at + 32:at + 48].split(b"\0")[0]
        data[at + 32:at + 32 + len(level)] = b"x" * len(level)
        result = run(self.write(data), *ASK)
        self.assertIn("note: the baked prefix was computed for the levels xxx", result.stderr)
        self.assertEqual(result.stdout, run(self.executable, *ASK).stdout)

    def write(self, data):
        path = self.folder / "changed"
        path.write_bytes(data)
        path.chmod(0o755)
        return path

    def test_damage(self):
        whole = self.executable.read_bytes()
        at = whole.rfind(MAGIC)
        state = whole.find(b"GEMCUTKV", at)
        for offset, value, message in ((at, b"X", "is damaged"), (at + 8, b"\x02", "has version 2"), (at + 12, b"\xff", "points outside"),
                                       (at + 48, b"\xff" * 8, "points outside"), (at + 56, b"\xff" * 8, "points outside"),
                                       (state + 300, b"\xfe", "is damaged"), (state + 8, b"\x09", "has version 9"),
                                       (state + 16, b"\0\1", "is damaged")):
            data = bytearray(whole)
            data[offset:offset + len(value)] = value
            result = run(self.write(data), *ASK, check=False)
            with self.subTest(offset=offset - at):
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertRegex(result.stderr, f"error: .*the baked prefix.*{message}")

    def test_what_cannot_be_baked(self):
        out = self.folder / "out"
        for name, text, message in (
            ("long.txt", SYSTEM * 10, r"long.txt: has \d+ tokens, which leave no room in a context of 512"),
            ("empty.txt", "\n", "empty.txt: is empty"),
            ("broken.json", '{"messages": [', "broken.json: .*line 1"),
            ("none.json", "{}", "none.json: holds no list of at least one message"),
            ("other.json", '{"messages": [{"role": "system", "content": "x"}], "tool": []}', "has a member 'tool'"),
            ("role.json", '[{"content": "x"}]', r"messages\[0\] must be an object with a role"),
            ("king.json", '[{"role": "king", "content": "x"}]', r"messages\[0\].role is 'king'"),
            ("image.json", '[{"role": "user", "content": [{"type": "image_url"}]}]', "takes text only"),
            ("tool.json", '{"messages": [{"role": "system", "content": "x"}], "tools": [{}]}', r"tools\[0\] must be"),
            ("latin.txt", b"h\xf6flich", "is no UTF-8 text"),
        ):
            path = self.folder / name
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            result = run(GEMCUT, "compile", TINY, "-o", out, "--cpu", "host", "--context", "512", "--bake-prefix", path, check=False)
            with self.subTest(name):
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertRegex(result.stderr, f"error: .*{message}")
                self.assertFalse(out.exists())
                self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("out.prefix")], [])

    def test_other_machines(self):
        foreign = "x86_64-linux" if platform.machine() == "aarch64" else "aarch64-linux"
        result = run(GEMCUT, "compile", TINY, "-o", self.folder / "out", "--target", foreign, "--bake-prefix", self.file, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"this machine runs none for {foreign}", result.stderr)

    def test_weights_in_a_sidecar(self):
        out = self.folder / "sub" / "apart"
        out.parent.mkdir()
        instructions = self.folder / "system.txt"
        instructions.write_text(SYSTEM + "\n")
        run(GEMCUT.resolve(), "compile", TINY, "-o", "sub/apart", "--cpu", "host", "--weights", "sidecar", "--bake-prefix",
            instructions, cwd=self.folder)
        self.assertEqual({path.name for path in out.parent.iterdir()}, {"apart", "apart.gemw"})
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        result = run(out, "prefix", instructions, "--save-session", pipe, check=False)
        self.assertEqual((result.returncode, result.stderr),
                         (1, f"error: {pipe} is a device, a pipe or a socket; name a regular file\n"))
        self.assertTrue(pipe.is_fifo())
        answer = run(out, *ASK, "--stats")
        self.assertRegex(answer.stderr, r"prompt: 1\d tokens,")
        self.assertEqual(answer.stdout, run(out, *ASK, "--no-baked-prefix", "--system", SYSTEM).stdout)
        run(out, "info", "--verify")


if __name__ == "__main__":
    unittest.main()
