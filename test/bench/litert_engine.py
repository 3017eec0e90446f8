"""LiteRT-LM as a peer of engines.Ours: the same measurements."""
import subprocess
import tempfile
from pathlib import Path

from engines import EngineError


class Peer:
    """LiteRT-LM in litert_driver processes that stay loaded, one per number of threads
    and length of prompt and answer, which LiteRT-LM fixes when it loads."""

    def __init__(self, python, model, threads, positions):
        self.command = [str(python), str(Path(__file__).with_name("litert_driver.py")), str(model)]
        self.threads, self.positions = threads, positions
        self.processes = {}
        self.log = tempfile.TemporaryFile()

    def start(self, threads, prompt, answer):
        """A loaded driver, and the seconds until it could take a prompt."""
        command = [*self.command, *map(str, (threads, self.positions, prompt, answer))]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        words = process.stdout.readline().split()
        if words[:1] != ["ready"]:
            self.log.seek(0)
            raise EngineError(f"{' '.join(command)} did not start: {self.log.read()[-2000:].decode(errors='replace')}")
        return process, float(words[1])

    @staticmethod
    def ask(process, request):
        process.stdin.write(request + "\n")
        process.stdin.flush()
        words = process.stdout.readline().split()
        if not words:
            raise EngineError(f"litert_driver ended at '{request}'")
        return list(map(float, words))

    def run(self, prompt, answer, threads):
        """(tokens/s of the prompt, tokens/s of the answer) of a session that is not the
        first of its process."""
        key = (threads or self.threads, prompt, answer)
        if key not in self.processes:
            self.processes[key], _ = self.start(*key)
            self.ask(self.processes[key], "run")
        prompt_speed, answer_speed, _, prompt_count, answer_count = self.ask(self.processes[key], "run")
        if (prompt_count, answer_count) != (prompt, answer):
            raise EngineError(f"LiteRT-LM ran {prompt_count:.0f} + {answer_count:.0f} tokens instead of {prompt} + {answer}")
        return prompt_speed, answer_speed

    def prefill(self, count, threads=None):
        return self.run(count, 64, threads)[0]

    def decode(self, depth, count, threads=None):
        return self.run(depth, count, threads)[1]

    def start_time(self):
        process, seconds = self.start(self.threads, 512, 64)
        self.end(process)
        return seconds * 1e3

    def memory(self):
        process, _ = self.start(self.threads, 512, 64)
        self.ask(process, "run")
        sizes = self.ask(process, "memory")
        self.end(process)
        return [size * 1e-6 for size in sizes]

    def private_memory(self):
        return self.memory()[0]

    def resident_memory(self):
        return self.memory()[1]

    @staticmethod
    def end(process):
        process.stdin.close()
        process.wait()
        process.stdout.close()

    def close(self):
        for process in self.processes.values():
            self.end(process)
        self.processes.clear()
        self.log.close()
