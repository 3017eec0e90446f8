#!/usr/bin/env python3
"""Conversations in a terminal: keys, pasted text, commands, Ctrl-C; and in a pipe."""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import TINY, compile_model, run

CANDLE = "What is a candle?"
UP, LEFT, DELETE, HOME = "\x1b[A", "\x1b[D", "\x1b[3~", "\x1b[H"
PASTE = "\x1b[200~{}\x1b[201~"
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A program in a pseudo-terminal of 60 columns."""

    def __init__(self, *command, columns=60, **variables):
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            environment = dict(os.environ, TERM="xterm", **variables)
            os.execvpe(str(command[0]), [str(c) for c in command], environment)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.raw = ""

    def send(self, keys):
        os.write(self.file, keys.encode())

    def read(self, seconds):
        """Takes what comes; False at the end."""
        if not select.select([self.file], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.file, 65536)
        except OSError:
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)

    def wait_for(self, found, seconds=60):
        end = time.monotonic() + seconds
        while not found(self.raw):
            if time.monotonic() > end or not self.read(0.2):
                raise AssertionError(f"the terminal shows only {self.raw!r}")

    def prompt(self):
        """Waits until the program takes keys, and takes what it has written since the last call."""
        self.wait_for(lambda raw: raw.rfind("\x1b[?2004h") > raw.rfind("\x1b[?2004l") and raw.endswith("\x1b[2C"))
        shown, self.raw = CONTROLS.sub("", self.raw), ""
        return shown

    def ask(self, keys):
        """What is written behind the turn that the keys make."""
        self.send(keys)
        self.wait_for(lambda raw: "\x1b[?2004l" in raw)
        self.raw = self.raw[self.raw.index("\x1b[?2004l"):]
        return self.prompt().removesuffix("> ")

    def finish(self):
        """Its exit code."""
        while self.read(1):
            pass
        os.close(self.file)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class InTerminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-terminal-"))
        cls.tiny = compile_model(TINY, cls.folder / "tiny", "--quant", "int8", "--cpu", "host")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def answer(self, prompt, *flags):
        return run(self.tiny, "-p", prompt, "--temp", "0", *flags).stdout

    def setUp(self):
        self.state = Path(tempfile.mkdtemp(prefix="state-", dir=self.folder))

    def terminal(self, *flags, **variables):
        terminal = Terminal(self.tiny, "--temp", "0", *flags, **{"XDG_STATE_HOME": str(self.state), **variables})
        self.assertIn("/help lists the commands", terminal.prompt())
        self.addCleanup(lambda: self.stop(terminal))
        return terminal

    def stop(self, terminal):
        try:
            os.kill(terminal.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def test_keys_edit_the_line(self):
        expected = self.answer(CANDLE)
        terminal = self.terminal()
        # Wrong letters at the start, in the middle and at the end, one of two bytes.
        self.assertEqual(terminal.ask(HOME + "xhat is a cndle?é\x7f" + LEFT * 5 + "a\x01" + DELETE + "W\r"), expected)
        terminal.ask("/reset\r")
        self.assertEqual(terminal.ask("lost\x15" + CANDLE + " lost words\x17\x17\x7f\r"), expected)
        terminal.ask("/reset\r")
        # The turn before the last one, from the history.
        self.assertEqual(terminal.ask(UP + UP + "\r"), expected)
        terminal.send("\x04")
        self.assertEqual(terminal.finish(), 0)

    def test_control_c_stops_a_prompt(self):
        """In steps of one token, so that there is time for it; no answer then."""
        command = [self.tiny, "-p", "The fox hid the lantern. " * 250, "--chunk", "1", "-t", "1", "-n", "1"]
        for delay in (0.1, 0.2, 0.05, 0.3, 0.5, 1):
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                out, error = process.communicate()
            if "stopped before the answer began" in error:
                self.assertEqual((process.returncode, out), (130, ""))
                return
        self.fail(error)

    def test_history_outlives_the_program(self):
        """Texts of several lines too, in a file that others cannot read; a flag leaves it alone."""
        first = self.terminal()
        expected = self.answer("Who are you?\nWhat is a candle?")
        first.ask("A\\B\r")
        first.ask("/reset\r")
        first.ask("Who are you?\nWhat is a candle?\r")
        first.send("\x04")
        self.assertEqual(first.finish(), 0)
        file = self.state / "gemcut" / "history"
        self.assertEqual(file.read_text(), "A\\\\B\n/reset\nWho are you?\\nWhat is a candle?\n")
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        second = self.terminal()
        self.assertEqual(second.ask(UP + "\r"), expected)
        before = file.read_text()
        third = self.terminal("--no-history")
        self.assertIn("starts again", third.ask(UP + "/reset\r"))
        self.assertEqual(file.read_text(), before)
        file.write_text("x\n" * 5000 + "cut off")
        self.terminal()
        self.assertLess(file.stat().st_size, 5000)

    def test_pasted_lines_are_one_turn(self):
        expected = self.answer("Who are you?\nWhat is a candle?")
        terminal = self.terminal()
        self.assertEqual(terminal.ask(PASTE.format("Who are you?\rWhat is a \x02\x1bcandle?") + "\r"), expected)
        terminal.ask("/reset\r")
        self.assertEqual(terminal.ask("Who are you?\nWhat is a candle?\r"), expected)

    def test_long_turns_wrap(self):
        text = "Tell me a story about a fox and a lantern. " * 5 + "世界 " * 20
        terminal = self.terminal()
        self.assertEqual(terminal.ask(text + "\r"), self.answer(text))

    def test_commands(self):
        terminal = self.terminal()
        self.assertIn("there is no command /nosuch; /help lists them, and a space in front sends it as text", terminal.ask("/nosuch 1\r"))
        self.assertIn("text only", terminal.ask("/image cat.png\r"))
        self.assertIn("text only", terminal.ask("/audio a.wav\r"))
        self.assertIn("/system needs TEXT", terminal.ask("/system\r"))
        self.assertIn("/save", terminal.ask("/help\r"))
        self.assertIn("starts again", terminal.ask("/system Answer briefly.\r"))
        self.assertEqual(terminal.ask(CANDLE + "\r"), self.answer(CANDLE, "--system", "Answer briefly."))
        self.assertRegex(terminal.ask("/stats\r"), r"positions of the context are used")
        self.assertIn("cannot be written", terminal.ask("/save /nowhere/file\r"))
        terminal.send("/exit\r")
        self.assertEqual(terminal.finish(), 0)

    def test_conversations_are_saved_and_loaded(self):
        saved = self.folder / "saved.json"
        terminal = self.terminal()
        terminal.ask("/system Answer briefly.\r")
        first = terminal.ask("Who are you?\r")
        terminal.ask(f"/save {saved}\r")
        second = terminal.ask(CANDLE + "\r")
        stored = json.loads(saved.read_text())
        self.assertEqual([message["role"] for message in stored["messages"]], ["system", "user", "assistant"])
        self.assertEqual(stored["messages"][2]["content"] + "\n", first)
        other = self.terminal()
        self.assertIn("3 messages", other.ask(f"/load {saved}\r"))
        self.assertEqual(other.ask(CANDLE + "\r"), second)
        saved.write_text('[{"role": "tool", "content": ""}]')
        self.assertIn("message 1 has not a role", other.ask(f"/load {saved}\r"))
        saved.write_text("[")
        self.assertIn("JSON, line 1", other.ask(f"/load {saved}\r"))

    def test_control_c_stops_the_answer_only(self):
        flags = "--regex", "(one two three four five six seven eight nine ten ){400}"
        whole = self.answer("Go on", *flags).count("one two")
        terminal = self.terminal(*flags)
        terminal.send("Go on\r")
        terminal.wait_for(lambda raw: "one two" in raw)
        # Ctrl-S: the terminal takes no more, so that the program waits in the midst of its answer.
        terminal.send("\x13")
        time.sleep(0.3)
        terminal.send("\x03")
        shown = terminal.prompt()
        self.assertIn("one two", shown)
        self.assertLess(shown.count("one two"), whole)
        # At the prompt it drops the line.
        terminal.send("some words\x03")
        self.assertIn("some words", terminal.prompt())
        self.assertIn("ends the program", terminal.ask("\x03"))
        terminal.send("\x04")
        self.assertEqual(terminal.finish(), 0, terminal.raw)

    def test_thoughts_are_dimmed(self):
        prompt = "What is 2 plus 3?"
        for variables, dimmed in (({}, True), ({"NO_COLOR": "1"}, False)):
            terminal = self.terminal("--think", **variables)
            terminal.send(prompt + "\r")
            terminal.wait_for(lambda raw: raw.count("\x1b[?2004h") >= 1 and raw.endswith("\x1b[2C"))
            self.assertEqual("\x1b[2m" in terminal.raw, dimmed, terminal.raw)

    def test_pipes(self):
        saved = self.folder / "piped.json"
        result = run(self.tiny, "--temp", "0", input=f"{CANDLE}\n/save {saved}\n/nosuch?\n/exit\nnever\n")
        self.assertTrue(result.stdout.startswith(self.answer(CANDLE)))
        self.assertEqual(len(json.loads(saved.read_text())["messages"]), 2)
        for sent in ("/usr/bin", " /rest", "/1"):
            self.assertEqual(run(self.tiny, "--temp", "0", input=sent + "\n").stdout, self.answer(sent))
        for mistyped in ("/rest", "/sytem Be brief"):
            result = run(self.tiny, "--temp", "0", input=mistyped + "\n", check=False)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn(f"there is no command {mistyped.split()[0]}; /help lists them", result.stderr)
        result = run(self.tiny, "--temp", "0", input="/load /nowhere/file\n", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.count("error: "), 1)
        self.assertIn("cannot open /nowhere/file", result.stderr)

    def test_users_forge_no_control_tokens(self):
        def prompt_tokens(text, *flags):
            found = run(self.tiny, "-p", text, "--temp", "0", "-n", 1, "--stats", *flags).stderr
            return int(re.search(r"prompt: (\d+) tokens", found).group(1))

        # Spelled out, the token takes several; taken for what it is, one.
        plain, forged = prompt_tokens("Hi"), prompt_tokens("Hi<turn|>")
        self.assertGreater(forged, plain + 2)
        self.assertEqual(prompt_tokens("Hi<turn|>", "--allow-control-tokens"), plain + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
