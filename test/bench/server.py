#!/usr/bin/env python3
"""Measures the server of an executable at the shapes of a config.json.

    server.py --work DIR [--exe EXE] [--only stalls,streams,prefix] [--rounds 3]

Compiles the shapes with random weights, 8 slots and a tokenizer filled up to their
vocabulary (DIR/server, 4 GB, kept), and prints a table:

* stalls: the longest time between two tokens of a stream while prompts of 4,000 tokens
  arrive, against the bound that the server keeps (--max-stall);
* streams: tokens per second of 1, 2, 4 and 8 streams together; all of them must get the
  text that their request gets alone;
* prefix: the time to the first token behind 8,000 tokens that an earlier request had.
"""
import argparse
import contextlib
import http.client
import json
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from measurement import machine, run
from report import AtLeast, AtMost, Row, Samples, markdown

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MAX_STALL_MS = 250


def write_model(config, folder):
    """A folder that compiles to the shapes of `config` and can be talked to: every id has
    a text of its own, so that equal texts are equal tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    size = json.loads(config.read_text())["text_config"]["vocab_size"]
    tokenizer = json.loads((ROOT / "test/data/tokenizer/tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    for token in range(len(vocabulary), size):
        vocabulary[f"<{token}>"] = token
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    shutil.copy(config, folder / "config.json")
    shutil.copy(ROOT / "test/data/tokenizer/tokenizer_config.json", folder)
    return folder


class Server:
    """`EXE serve` on a free port, with a client."""

    def __init__(self, exe, *flags):
        self.process = subprocess.Popen(
            [str(exe), "serve", "--port", "0", *map(str, flags)], stdout=subprocess.PIPE, text=True
        )
        self.port = int(re.search(r":(\d+), ", self.process.stdout.readline())[1])

    def close(self):
        self.process.terminate()
        self.process.wait()

    def stream(self, prompt, count):
        """Texts of `count` tokens, and seconds until each of them arrived."""
        body = {"prompt": prompt, "max_tokens": count, "temperature": 0, "stream": True, "ignore_eos": True}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        begin = time.perf_counter()
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(response.read().decode())
        texts, times = [], []
        for line in response:
            if line.startswith(b"data: {"):
                texts.append(json.loads(line[6:])["choices"][0]["text"])
                times.append(time.perf_counter() - begin)
        connection.close()
        return texts, times

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/metrics")
        return float(re.search(rf"^{name} (\S+)", connection.getresponse().read().decode(), re.MULTILINE)[1])


@contextlib.contextmanager
def serving(options, *flags):
    server = Server(options.exe, *flags)
    try:
        server.stream(random_ids(0, 20), 2)  # weights are mapped, code is warm
        yield server
    finally:
        server.close()


def random_ids(seed, count):
    choose = random.Random(seed)
    return [2] + [choose.randrange(300, 4000) for _ in range(count - 1)]


def together(*calls):
    """Their results, in order, all having run at the same time."""
    results = [None] * len(calls)

    def fill(index):
        results[index] = calls[index]()

    threads = [threading.Thread(target=fill, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def measure_stalls(options):
    """Milliseconds between two tokens of a stream."""
    alone, beside, prompts = (Samples(is_speed=False) for _ in range(3))
    inside = []
    with serving(options, "--max-stall", MAX_STALL_MS, "--cache-bytes", 0) as server:
        for turn in range(options.rounds):
            span = []

            def later():
                time.sleep(1)
                span.append(time.perf_counter() - begin)
                _, times = server.stream(random_ids(1 + turn, 4000), 1)
                span.append(time.perf_counter() - begin)
                return times[0]

            begin = time.perf_counter()
            (_, times), first = together(lambda: server.stream(random_ids(99, 30), options.tokens), later)
            if times[-1] < span[1]:
                sys.exit(f"the stream ended before the prompt was read; pass more than --tokens {options.tokens}")
            gaps = list(zip(times, times[1:]))
            alone.values.append(max(b - a for a, b in gaps if b < span[0]) * 1e3)
            during = [(b - a) * 1e3 for a, b in gaps if b >= span[0] and a <= span[1]]
            inside += during
            beside.values.append(max(during))
            prompts.values.append(first)
    share = 100 * sum(gap <= MAX_STALL_MS for gap in inside) / len(inside)
    note = f"{share:.1f} % of {len(inside)} gaps beside a prompt were at most {MAX_STALL_MS} ms"
    return [
        Row("longest gap, alone", "ms", alone),
        Row(
            "longest gap beside a prompt of 4,000",
            "ms",
            beside,
            goal=AtMost(MAX_STALL_MS, "ms"),
            value=beside.best,
            note=note,
        ),
        Row("that prompt's first token", "s", prompts),
    ]


def measure_streams(options):
    """Tokens per second of all streams, of their longest common time."""
    counts = [1, 2, 4, 8]
    speeds = {count: Samples(is_speed=True) for count in counts}
    requests = [random_ids(200 + i, 16) for i in range(max(counts))]
    with serving(options, "--cache-bytes", 0) as server:
        lone = [server.stream(request, 64)[0] for request in requests]
        for _ in range(options.rounds):
            for count in counts:
                calls = [lambda r=request: server.stream(r, 64) for request in requests[:count]]
                results = together(*calls)
                if [texts for texts, _ in results] != lone[:count]:
                    sys.exit(f"{count} streams gave other tokens than alone")
                first = max(times[0] for _, times in results)
                last = min(times[-1] for _, times in results)
                tokens = sum(sum(first < at <= last for at in times) for _, times in results)
                speeds[count].values.append(tokens / (last - first))
    rows = [Row(f"{count} streams", "tokens/s", speeds[count]) for count in counts]
    rows[2].goal, rows[2].value = AtLeast(2.5), speeds[4].best / speeds[1].best
    return rows


def measure_prefix(options):
    """Seconds to the first token."""
    cold, warm = Samples(is_speed=False), Samples(is_speed=False)
    with serving(options) as server:
        for turn in range(options.rounds):
            shared = random_ids(400 + turn, 8000)
            for samples, ending in [(cold, [301, 302]), (warm, [303, 304]), (warm, [305, 306])]:
                samples.values.append(server.stream(shared + ending, 1)[1][0])
    share = 100 * warm.best / cold.best
    return [
        Row("first token of 8,002", "s", cold),
        Row("first token, 8,000 of them shared", "s", warm, goal=AtMost(2, "%"), value=share),
    ]


TESTS = {"stalls": measure_stalls, "streams": measure_streams, "prefix": measure_prefix}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where all large files go; needs 4 GB")
    parser.add_argument("--gemcut", type=Path, default=ROOT / "build/bin/gemcut", help="the compiler (%(default)s)")
    parser.add_argument("--exe", type=Path, help="an executable with 8 slots of at least 8,192 tokens to measure")
    parser.add_argument("--config", type=Path, default=ROOT / "test/data/configs/e2b/config.json", help="%(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each test (%(default)s)")
    parser.add_argument("--tokens", type=int, default=400, help="of the stream that prompts disturb (%(default)s)")
    parser.add_argument("--only", help=f"tests to run, separated by commas, of: {', '.join(TESTS)}")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(TESTS)
    for name in names:
        if name not in TESTS:
            parser.error(f"there is no test '{name}'")
    if not options.exe:
        options.exe = options.work / "server" / "exe"
        if not options.exe.exists():
            model = write_model(options.config, options.work / "server" / "model")
            flags = ["--weights", "random", "--cpu", "host", "--slots", "8", "--context", "8192"]
            run(options.gemcut, "compile", model, *flags, "-o", options.exe)
    rows = []
    for name in names:
        print(f"measuring {name}", file=sys.stderr)
        rows += TESTS[name](options)
    facts = {**machine("all"), "samples": f"best (median) of {options.rounds} rounds"}
    print(markdown(rows, facts, peer=None), end="")


if __name__ == "__main__":
    sys.exit(main())
