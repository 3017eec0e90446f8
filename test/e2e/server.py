"""A running `OUT serve`, and what tests of it share."""
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from support import TINY, compile_model, run

CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
STORY = [{"role": "user", "content": "Tell me a story about a fox and a lantern."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Returns the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Server:
    """A running `OUT serve` on a free port."""

    def __init__(self, executable, *flags):
        self.process = subprocess.Popen(
            [executable, "serve", "--port", "0", *map(str, flags)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:(\d+), (\d+) slots", line)
        assert match, line + self.process.stderr.read()
        self.port, self.slots = int(match[1]), int(match[2])
        self.memory = self.process.stdout.readline()

    def stop(self, number=signal.SIGTERM, timeout=30):
        self.process.send_signal(number)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        with self.process.stderr as errors:
            if code:  # a sanitizer may have had something to say
                print(errors.read(), file=sys.stderr)
        return code

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})} if body is not None else headers or {}
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, path, body, **options):
        status, _, data = self.request("POST", path, body, **options)
        return status, json.loads(data)

    def stream(self, path, body):
        """The events of a stream: pairs of an event name (or None) and its data."""
        status, headers, data = self.request("POST", path, {**body, "stream": True})
        assert status == 200 and headers["Content-Type"].startswith("text/event-stream"), (status, data)
        events = []
        for block in data.decode("utf-8", "strict").split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines())
            if lines:
                events.append((lines.get("event"), lines["data"]))
        return events

    def raw(self, data, timeout=10):
        """What the server answers to bytes, until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            received = b""
            while part := client.recv(65536):
                received += part
            return received

    def metrics(self):
        text = self.request("GET", "/metrics")[2].decode()
        return {m[1]: float(m[2]) for m in re.finditer(r"^(\w+) (\S+)$", text, re.MULTILINE)}

    def wait_idle(self, seconds=20):
        """Waits until no slot and no place in the queue is taken."""
        names = ("gemcut_slots_reading_prompts", "gemcut_slots_generating", "gemcut_queue_length")
        for _ in range(int(seconds * 50)):
            metrics = self.metrics()
            if not any(metrics[name] for name in names):
                return metrics
            time.sleep(0.02)
        raise AssertionError(f"slots are still taken: {metrics}")


def compile_tiny(folder):
    return compile_model(TINY, Path(folder, "tiny"), "--slots", "4", "--cpu", "avx2")


class ServerCase(unittest.TestCase):
    """Tests against one server of tiny-gemma4; after each one every slot must be free."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        level = json.loads(run(compile_tiny(cls.folder.name), "info", "--json").stdout)
        cls.executable = Path(cls.folder.name, "tiny")
        cls.server = Server(cls.executable)
        assert level["slots"] == 4

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.folder.cleanup()

    def tearDown(self):
        self.server.wait_idle()

    def chat(self, **members):
        status, answer = self.server.post(CHAT, {"messages": STORY, "temperature": 0, "max_tokens": 30, **members})
        self.assertEqual(status, 200, answer)
        return answer

    def expect_error(self, path, body, status, param=None, code=None, fragment=""):
        got, answer = self.server.post(path, body)
        self.assertEqual(got, status, answer)
        error = answer["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        if param is not None:
            self.assertEqual(error["param"], param)
        if code is not None:
            self.assertEqual(error["code"], code)
        self.assertIn(fragment, error["message"])
