"""The two programs that are compared: our executable and llama.cpp.

Both offer the same measurements. Seconds are taken inside the programs, from the
first step to the last; starts are taken outside, from exec to the first token.
"""
import json
import os
import subprocess
import time


class EngineError(Exception):
    """A program failed; the text says which and how."""


class Ours:
    """An executable made by gemcut. Each measurement is one run of `bench`, which
    warms up first."""

    def __init__(self, path, threads):
        self.path, self.threads = str(path), threads
        self.read_gbps = []  # beside each run of single tokens
        self.bytes_per_token = 0
        self.kv_megabytes = 0  # of the last private_memory

    def bench(self, *options, threads=None):
        command = [self.path, "bench", "-o", "json", "-r", "1", "-t", str(threads or self.threads)]
        command += [str(option) for option in options]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise EngineError(f"{' '.join(command)}: {result.stderr.strip()}")
        return json.loads(result.stdout)[-1]

    def prefill(self, count, threads=None):
        """Tokens per second of a prompt."""
        return self.bench("-p", count, "-n", 0, threads=threads)["avg_ts"]

    def score(self, count):
        """Tokens per second of a prompt with the logits of every token."""
        return self.bench("-p", count, "-n", 0, "--full-prefill")["avg_ts"]

    def decode(self, depth, count, threads=None):
        """Tokens per second of single tokens behind `depth` others."""
        row = self.bench("-p", 0, "-n", count, "-d", depth, threads=threads)
        if threads is None:
            self.read_gbps.append(row["read_gbps"])
            self.bytes_per_token = row["bytes_per_token"]
        return row["avg_ts"]

    def step(self, rows, count):
        """Milliseconds of one step with `rows` rows."""
        return self.bench("-p", 0, "-n", count, "--rows", rows)["avg_ns"] * 1e-6 / count

    def first_token(self):
        """Milliseconds from exec to the first token of a prompt of one token."""
        command = [self.path, "generate", "--ids", "2", "-n", "1", "--temp", "0", "--print-ids", "--ignore-stop"]
        command += ["-t", str(self.threads)]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            first = process.stdout.read(1)
            seconds = time.perf_counter() - start
            process.stdout.read()  # or its last line would break the pipe
        if not first or process.returncode:
            raise EngineError(f"{' '.join(command)} printed no token")
        return seconds * 1e3

    def private_memory(self):
        """Anonymous memory in MB after a prompt of 512 and 64 tokens."""
        row = self.bench("-p", 512, "-n", 64)
        self.kv_megabytes = row["kv_bytes"] * 1e-6
        return row["private_bytes"] * 1e-6

    def start_time(self):
        """Milliseconds from exec until a step could run."""
        return self.bench("-p", 0, "-n", 1)["start_ms"]

    def resident_memory(self):
        """Highest resident memory in MB of a prompt of 512 and 64 tokens, mapped weights included."""
        return self.bench("-p", 512, "-n", 64)["peak_rss"] * 1e-6

    def close(self):
        pass


class Peer:
    """llama.cpp, held in llama_driver processes that stay loaded: one per number of
    threads and reservation of logits, started when first needed."""

    # The cache is allocated and cleared for the whole context: start and memory are
    # those of a short one.
    SMALL_CONTEXT = 4096

    def __init__(self, driver, model, threads, context, states):
        self.driver, self.model, self.states = str(driver), str(model), states
        self.threads, self.context = threads, context
        self.processes = {}

    def start(self, threads, logits, context):
        """A loaded driver, and the milliseconds from exec to its first token."""
        command = [self.driver, self.model, str(threads), str(context), logits]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        milliseconds = (time.perf_counter() - start) * 1e3
        if not line.startswith("ready"):
            raise EngineError(f"{' '.join(command)} did not start")
        return process, milliseconds

    def ask(self, request, threads=None, logits="last"):
        key = (threads or self.threads, logits)
        if key not in self.processes:
            self.processes[key], _ = self.start(*key, self.context)
        process = self.processes[key]
        process.stdin.write(request + "\n")
        process.stdin.flush()
        answer = process.stdout.readline().split()
        if not answer:
            raise EngineError(f"llama_driver ended at '{request}'")
        return [float(number) for number in answer]

    def prefill(self, count, threads=None):
        return count / self.ask(f"prefill {count}", threads)[0]

    def score(self, count):
        return count / self.ask(f"score {count}", logits="all")[0]

    def decode(self, depth, count, threads=None):
        state = os.path.join(self.states, f"state-{depth}.bin")
        return count / self.ask(f"decode {depth} {count} {state}", threads)[0]

    def first_token(self):
        process, milliseconds = self.start(self.threads, "last", self.SMALL_CONTEXT)
        self.end(process)
        return milliseconds

    def private_memory(self):
        process, _ = self.start(self.threads, "last", self.SMALL_CONTEXT)
        process.stdin.write("prefill 512\ndecode 0 64 -\nmemory\n")
        process.stdin.flush()
        answers = [process.stdout.readline().split() for _ in range(3)]
        self.end(process)
        return float(answers[2][0]) * 1e-6

    @staticmethod
    def end(process):
        process.stdin.close()
        process.wait()
        process.stdout.close()

    def close(self):
        for process in self.processes.values():
            self.end(process)
        self.processes.clear()
