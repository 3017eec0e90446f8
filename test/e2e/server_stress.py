#!/usr/bin/env python3
"""Many clients, of which a part misbehaves, against one `OUT serve`.

    server_stress.py [--requests 10000] [--clients 32] [--executable OUT]

Answers of proper requests are compared with lone ones; at the end all slots must be free, and
the server's memory must not have grown since a tenth of the requests. Takes minutes, so it is
not part of `make test`. With GEMCUT_SANITIZED=build/asan in the environment the server's
sanitizers must find nothing instead, leaks included: they keep freed memory.
"""
import argparse
import collections
import json
import random
import re
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

from support import SANITIZED, TINY, compile_model
from server import CHAT, COMPLETIONS, RESPONSES, WEATHER, Server

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "ages": {"type": "array", "items": {"type": "integer"}, "maxItems": 3}},
    "required": ["name", "ages"],
}
CONSTRAINED = {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}
CITY = [{"role": "user", "content": "What is the weather in Oslo?"}]
# Proper requests: path and body.
REQUESTS = [
    (COMPLETIONS, {"prompt": prompt, "temperature": 0, "max_tokens": 4 + 3 * i, "ignore_eos": True})
    for i, prompt in enumerate(["Once upon", "The fox", "A lantern", "2 + 2 =", "Rosa", "One morning", "Ivy and the"])
] + [
    (COMPLETIONS, {"prompt": ["The fox", "Rosa"], "n": 2, "temperature": 1, "seed": 3, "max_tokens": 6, "logprobs": 2}),
    (CHAT, {"messages": CITY, "tools": [WEATHER], "temperature": 0, "max_tokens": 60}),
    (CHAT, {"messages": CITY, "response_format": CONSTRAINED, "temperature": 1, "seed": 5, "max_tokens": 60}),
    (CHAT, {"messages": CITY, "stop": ["the", "a"], "temperature": 0, "max_tokens": 20, "logprobs": True}),
    (RESPONSES, {"input": "What is 38 + 57?", "temperature": 0, "max_output_tokens": 60, "reasoning": {"effort": "high"}}),
]


def read_answer(data):
    """What two equal requests have alike: all but names, times and in which turn choices come."""
    unlike = re.compile(r'"(id|created|created_at|item_id|response_id|call_id|cached_tokens)":("[^"]*"|\d+),?')
    choice = re.compile(r'"choices":\[\{"text":.*?"index":(\d+)')
    events = [(int(found[1]) if (found := choice.search(event)) else 99, event) for event in unlike.sub("", data.decode()).split("\n\n")]
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def send(server, data, random_, read=0):
    """Sends bytes and closes, politely or by a reset."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(data)
        if read:
            client.recv(read)
        if random_.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def make_post(path, body):
    data = json.dumps(body).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    ).encode() + data


def misbehave(server, random_):
    kind = random_.choice(["vanish", "vanish streaming", "garbage body", "garbage", "large header", "half open"])
    endless = {"messages": [{"role": "user", "content": "Tell me a story"}], "ignore_eos": True, "max_tokens": 1000}
    if kind == "vanish":
        send(server, make_post(CHAT, endless), random_)
    elif kind == "vanish streaming":
        send(server, make_post(CHAT, {**endless, "stream": True}), random_, read=random_.randrange(1, 2000))
    elif kind == "garbage body":
        body = random_.randbytes(random_.randrange(200))
        status = server.request("POST", CHAT, body)[0]
        assert status == 400, status
    elif kind == "garbage":
        send(server, random_.randbytes(random_.randrange(1, 500)), random_, read=100 if random_.random() < 0.2 else 0)
    elif kind == "large header":
        assert server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20000 + b"\r\n\r\n")[9:12] == b"431"
    else:
        data = make_post(CHAT, endless)
        send(server, data[: random_.randrange(len(data))], random_)
    return kind


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--executable")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        executable = options.executable or compile_model(TINY, Path(folder, "tiny"), "--slots", "8", "--cpu", "avx2")
        server = Server(executable, "--cache-bytes", "16M")
        proper = [(path, {**body, "stream": stream}) for path, body in REQUESTS for stream in (False, True)]

        def ask(index):
            status, _, data = server.request("POST", *proper[index])
            return status, read_answer(data)

        alone = [ask(index) for index in range(len(proper))]
        assert all(status == 200 for status, _ in alone), alone
        counts, failures, resident = collections.Counter(), [], []
        lock, left = threading.Lock(), [options.requests]

        def work(seed):
            random_ = random.Random(seed)
            while True:
                with lock:
                    left[0] -= 1
                    if left[0] < 0:
                        return
                    if left[0] % (options.requests // 10) == 0:
                        resident.append(server.metrics()["process_resident_memory_bytes"])
                try:
                    if random_.random() < 0.4:
                        kind = misbehave(server, random_)
                    else:
                        index = random_.randrange(len(proper))
                        status, answer = ask(index)
                        kind = f"proper, {status}"
                        if status == 200 and answer != alone[index][1]:
                            failures.append(("differs", proper[index], answer, alone[index][1]))
                        elif status not in (200, 429, 503):
                            failures.append((status, answer))
                except (ConnectionResetError, BrokenPipeError):
                    kind = "closed by the server"
                except Exception as error:  # noqa: BLE001: reported below
                    failures.append(repr(error))
                    kind = "failed"
                with lock:
                    counts[kind] += 1

        start = time.time()
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(options.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        metrics = server.wait_idle()
        code = server.stop()
        print(f"{options.requests} requests of {options.clients} clients in {time.time() - start:.1f} s")
        for kind, count in sorted(counts.items()):
            print(f"  {count:6} {kind}")
        print("resident MB at each tenth:", " ".join(f"{value / 1e6:.1f}" for value in resident))
        print({name: value for name, value in metrics.items() if "sequences" in name or "slots" in name})
        print(f"{len(failures)} failures, exit code {code}", *(str(failure)[:2000] for failure in failures[:3]), sep="\n")
        growth = resident[-1] - resident[1]
        assert not failures and code == 0
        assert SANITIZED or growth < 8e6, growth


if __name__ == "__main__":
    main()
