#!/usr/bin/env python3
"""Many clients, of which a part misbehaves, against one `OUT serve`.

    server_stress.py [--requests 10000] [--clients 32] [--executable OUT]

Answers of proper requests are compared with lone ones; at the end all slots must be free, and
the server's memory must not have grown since a tenth of the requests. Takes minutes, so it is
not part of `make test`.
"""
import argparse
import collections
import json
import random
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

from support import TINY, compile_model
from test_server import CHAT, COMPLETIONS, Server

BODIES = [
    {"prompt": prompt, "temperature": 0, "max_tokens": 4 + 3 * i, "ignore_eos": True}
    for i, prompt in enumerate(["Once upon", "The fox", "A lantern", "2 + 2 =", "Rosa", "One morning", "Ivy and the"])
]


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
        alone = [server.post(COMPLETIONS, body)[1]["choices"][0]["text"] for body in BODIES]
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
                        index = random_.randrange(len(BODIES))
                        status, answer = server.post(COMPLETIONS, BODIES[index])
                        kind = f"proper, {status}"
                        if status == 200 and answer["choices"][0]["text"] != alone[index]:
                            failures.append(("differs", BODIES[index], answer))
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
        print("failures:", failures[:5], "exit code", code)
        growth = resident[-1] - resident[1]
        assert not failures and code == 0 and growth < 8e6, growth


if __name__ == "__main__":
    main()
