#!/usr/bin/env python3
"""`OUT serve` and HTTP: headers, targets, pages of other origins, keys, limits, clients that misbehave, shutdown."""
import json
import re
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

from server import CHAT, STORY, Server, ServerCase
from support import run


class ServerHttpTest(ServerCase):
    def test_pages_of_this_machine_may_ask(self):
        def headers_for(origin, method="POST", path=CHAT, **more):
            return self.server.request(method, path, headers={"Origin": origin, **more})[:2]

        question = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8"]:
            status, headers = headers_for(origin, "OPTIONS", **question)
            self.assertEqual((status, headers["Access-Control-Allow-Origin"], headers["Vary"]), (204, origin, "Origin"))
            self.assertEqual(headers["Access-Control-Allow-Headers"], "authorization, content-type")
            self.assertIn("POST", headers["Access-Control-Allow-Methods"])
            self.assertNotIn("Content-Length", headers)
        status, headers = headers_for("http://localhost:3000")
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (415, "http://localhost:3000"))  # readable, too
        for origin in ["https://example.org", "http://localhost.example.org", "http://127.0.0.1.example.org:80", "null", ""]:
            for method in ["OPTIONS", "POST"]:
                self.assertNotIn("Access-Control-Allow-Origin", headers_for(origin, method, **question)[1], origin)

    def test_other_pages_may_ask_where_they_are_named(self):
        server = Server(self.executable, "--allow-origin", "https://chat.example.org,app://x", "--api-key", "secret")
        try:
            ask = lambda method, origin: server.request(method, "/v1/models", headers={"Origin": origin})[:2]
            for origin in ["https://chat.example.org", "app://x"]:
                status, headers = ask("OPTIONS", origin)  # browsers send no key with it
                self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (204, origin))
                self.assertEqual(ask("GET", origin)[0], 401)
            self.assertNotIn("Access-Control-Allow-Origin", ask("OPTIONS", "https://example.org")[1])
        finally:
            self.assertEqual(server.stop(), 0)

    def test_bodies_wait_for_100_continue(self):
        body = json.dumps({"content": "a fox"}).encode()
        head = f"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as client:
            for _ in range(2):
                client.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
                self.assertEqual(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
                client.sendall(body)
                self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200 OK"))
            client.sendall(head.encode() + b"Expect: 100-Continue\r\n\r\n")
            self.assertEqual(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as client:
            client.sendall(head.replace("HTTP/1.1", "HTTP/1.0").encode() + b"Expect: 100-continue\r\n\r\n" + body)
            self.assertIn(b" 200 OK", client.recv(1000).split(b"\r\n")[0])

    def test_targets_in_other_forms(self):
        """RFC 9112, section 3.2: of a proxy's request, and of the whole server."""
        ask = lambda target, host=b"localhost", method=b"GET": self.server.raw(
            b"%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (method, target, host)
        )
        self.assertTrue(ask(b"http://localhost:8080/health?x=1").endswith(b'{"status":"ok"}'))
        self.assertIn(b"<html", ask(b"HTTP://127.0.0.1"))
        self.assertEqual(ask(b"http://evil.example/health")[9:12], b"403")
        self.assertEqual(ask(b"http://localhost/health", host=b"evil.example")[9:12], b"403")
        self.assertEqual(ask(b"ftp://localhost/health")[9:12], b"404")
        options = ask(b"*", method=b"OPTIONS")
        self.assertEqual(options[9:12], b"204")
        self.assertIn(b"Allow: OPTIONS, GET, HEAD, POST\r\n", options)
        self.assertEqual(ask(b"*")[9:12], b"404")

    def test_connections_beyond_the_limit_are_told(self):
        server = Server(self.executable, "--connections", 2)
        try:
            held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
            for client in held:
                client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b" 200 OK", client.recv(1000))
            body = b"x" * 300000  # of which nothing is read before the answer
            head = b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            for _ in range(20):
                answer = server.raw(head % len(body) + body)
                self.assertEqual(answer[9:12], b"503")
                self.assertIn(b"\r\nRetry-After: 1\r\n", answer)
                self.assertTrue(answer.endswith(b'"too_many_connections"}}'), answer)
            for client in held:
                client.close()
            for _ in range(100):
                if server.request("GET", "/health")[0] == 200:
                    break
                time.sleep(0.02)
            self.assertEqual(server.request("GET", "/health")[0], 200)
        finally:
            self.assertEqual(server.stop(), 0)

    def test_bodies_that_are_no_requests(self):
        for body in ["", "{", "[1]", "nul", '{"messages": ' + "[" * 100000, '{"a": "\\ud800"}', '{"messages": "\x01"}']:
            with self.subTest(body=body[:20]):
                status, answer = self.server.post(CHAT, body)
                self.assertEqual((status, answer["error"]["code"]), (400, "invalid_json"))
        status, answer = self.server.post(CHAT, json.dumps({"messages": STORY}), headers={"Content-Type": "text/plain"})
        self.assertEqual((status, answer["error"]["code"]), (415, "unsupported_media_type"))
        status, answer = self.server.post(CHAT, json.dumps({"messages": STORY}), headers={"Content-Encoding": "gzip"})
        self.assertEqual((status, answer["error"]["code"]), (415, "unsupported_media_type"))
        status, answer = self.server.post(CHAT, "{}", headers={"Host": "evil.example"})
        self.assertEqual((status, answer["error"]["code"]), (403, "forbidden_host"))

    def test_bytes_that_are_no_http(self):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for data, expected in [
            (b"hello\r\n\r\n", b"400"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, b"400"),
            (b"GET / HTTP/1.1\r\n\r\n", b"400"),  # no Host
            (b"GET /health HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n", b"400"),
            (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40000 + b"\r\n\r\n", b"431"),
            (head + b"Content-Length: 99999999999\r\n\r\n", b"413"),
            (head + b"Content-Length: -1\r\n\r\n", b"400"),
            (head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
            (head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        ]:
            with self.subTest(data=data[:70]):
                self.assertEqual(self.server.raw(data)[9:12], expected)
        # Half a body, then silence: closed without an answer.
        self.assertEqual(self.server.raw(head + b"Content-Length: 500\r\n\r\n{"), b"")

    def test_pipelined_requests_are_answered_in_order(self):
        one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        body = json.dumps({"prompt": "Once", "max_tokens": 3}).encode()
        ask = (
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
            + str(len(body)).encode()
            + b"\r\n\r\n"
            + body
        )
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as client:
            client.sendall(one + ask + one + last)
            received = b""
            while part := client.recv(65536):
                received += part
        kinds = re.findall(rb'"status":"ok"|"text_completion"|"object":"list"', received)
        self.assertEqual(kinds, [b'"status":"ok"', b'"text_completion"', b'"status":"ok"', b'"object":"list"'])

    def test_clients_that_vanish_are_cancelled(self):
        before = self.server.metrics()["gemcut_sequences_cancelled_total"]
        for stream in (True, False):
            body = json.dumps({"messages": STORY, "ignore_eos": True, "max_tokens": 1900, "stream": stream}).encode()
            client = socket.create_connection(("127.0.0.1", self.server.port), timeout=20)
            client.sendall(
                b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (CHAT.encode(), len(body), body)
            )
            if stream:
                client.recv(100)
            else:
                time.sleep(0.02)
            client.close()
        for _ in range(500):
            if self.server.metrics()["gemcut_sequences_cancelled_total"] == before + 2:
                break
            time.sleep(0.02)
        self.assertEqual(self.server.metrics()["gemcut_sequences_cancelled_total"], before + 2)

    def test_half_open_sockets_hold_nobody_up(self):
        sockets = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(100)]
        for client in sockets[::2]:
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc")
        self.assertEqual(self.server.request("GET", "/health")[0], 200)
        self.assertEqual(self.chat(max_tokens=2)["usage"]["completion_tokens"], 2)
        for client in sockets:
            client.close()

    def test_keys(self):
        keys = Path(self.folder.name, "keys")
        keys.write_text("secret-1\n\nsecret-2\n")
        server = Server(self.executable, "--api-key-file", keys)
        try:
            self.assertEqual(server.request("GET", "/health")[0], 200)
            status, headers, body = server.request("GET", "/v1/models")
            self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"))
            self.assertEqual(json.loads(body)["error"]["code"], "invalid_api_key")
            for key, expected in [("secret-1", 200), ("secret-2", 200), ("secret-", 401), ("secret-12", 401)]:
                self.assertEqual(server.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})[0], expected)
        finally:
            self.assertEqual(server.stop(signal.SIGINT), 0)

    def test_full_queues_and_shutdown(self):
        server = Server(self.executable, "--slots", 2, "--queue", 1, "--connections", 20)
        endless = {"messages": STORY, "ignore_eos": True, "max_tokens": 1900, "temperature": 0}
        answers = []

        def ask():
            try:
                answers.append(server.post(CHAT, endless, timeout=120)[0])
            except ConnectionError:  # came after SIGTERM
                answers.append(None)

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        status, headers, _ = server.request("POST", CHAT, endless, timeout=120)
        for _ in range(200):  # until one was refused
            if status == 429:
                break
            status, headers, _ = server.request("POST", CHAT, {**endless, "max_tokens": 1}, timeout=120)
        self.assertEqual(status, 429)
        self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        # What is running is still answered after SIGTERM.
        self.assertEqual(server.stop(timeout=120), 0)
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 12)
        self.assertGreaterEqual(answers.count(200), 3)
        self.assertLessEqual(set(answers), {200, 429, 503, None})

    def test_command_line(self):
        result = run(self.executable, "serve", "--host", "example.org", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("must be an IP address", result.stderr)
        for flag, value in [("--cache-bytes", "lots"), ("--allow-origin", "localhost"), ("--allow-origin", "http://a/b")]:
            result = run(self.executable, "serve", flag, value, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"{flag} is '{value}', but must be", result.stderr)
        result = run(self.executable, "serve", "--load-session", "/tmp", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("/tmp is not a session file", result.stderr)
        with open("/dev/full", "w") as full:
            served = [self.executable, "serve", "--port", "0"]
            result = subprocess.run(served, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write to stdout: No space left on device", result.stderr)
        result = subprocess.run(["bash", "-c", "ulimit -v 20000; exec \"$@\"", "-", *served, "--threads", "1"],
                                capture_output=True, text=True, timeout=30)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"\Aerror: cannot start thread \d of the server's 2: .*\(ulimit -v.*\n\Z")
        result = run(self.executable, "serve", "--port", self.server.port, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot listen on 127.0.0.1", result.stderr)
        self.assertEqual(run(self.executable, "serve", "--port", "x", check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
