#!/usr/bin/env python3
"""Measures what an executable made by gemcut keeps of its speed beside a busy process.

    busy_neighbour.py EXE [EXE ...] [-p 512] [-n 32] [-r 3] [-t N]

Neighbours are processes that never rest, pinned to a CPU or free to move. Every
condition runs all executables in turn, and the conditions repeat `-r` times in
turn, so that a change of the machine meets all of them. Prints means, since a
neighbour's harm is uneven, and their share of the speed alone.
"""
import argparse
import json
import os
import subprocess
import sys
from contextlib import contextmanager

SPIN = "while True: pass"


@contextmanager
def neighbours(cpus):
    """Runs one busy process per entry: the number of its CPU, or None for any."""
    processes = []
    try:
        for cpu in cpus:
            def pin(cpu=cpu):
                if cpu is not None:
                    os.sched_setaffinity(0, {cpu})
            processes.append(subprocess.Popen([sys.executable, "-c", SPIN], preexec_fn=pin))
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(exe, options):
    """(prompt tokens/s, single tokens/s) of one run of `bench`."""
    command = [exe, "bench", "-o", "json", "-r", "1", "-p", str(options.prompt), "-n", str(options.tokens)]
    if options.threads:
        command += ["-t", str(options.threads)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed: {result.stderr.strip()}")
    rows = json.loads(result.stdout)
    return (next(row["avg_ts"] for row in rows if row["n_prompt"]),
            next(row["avg_ts"] for row in rows if row["n_gen"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exe", nargs="+")
    parser.add_argument("-p", "--prompt", type=int, default=512, help="tokens of a prompt (default %(default)s)")
    parser.add_argument("-n", "--tokens", type=int, default=32, help="single tokens (default %(default)s)")
    parser.add_argument("-r", "--rounds", type=int, default=3, help="rounds (default %(default)s)")
    parser.add_argument("-t", "--threads", type=int, help="threads (default: what the executable chooses)")
    options = parser.parse_args()

    cpus = sorted(os.sched_getaffinity(0))
    conditions = {"alone": [], f"one on CPU {cpus[0]}": [cpus[0]], f"one on CPU {cpus[-1]}": [cpus[-1]],
                  "one anywhere": [None], "one per CPU": [None] * len(cpus)}
    samples = {(name, exe): [] for name in conditions for exe in options.exe}
    for _ in range(options.rounds):
        for name, busy in conditions.items():
            with neighbours(busy):
                for exe in options.exe:
                    samples[name, exe].append(measure(exe, options))

    print(f"| neighbours | executable | pp{options.prompt} t/s | kept | tg{options.tokens} t/s | kept |")
    print("|---|---|--:|--:|--:|--:|")
    for (name, exe), runs in samples.items():
        means = [sum(column) / len(runs) for column in zip(*runs)]
        alone = [sum(column) / len(column) for column in zip(*samples["alone", exe])]
        cells = [f"{mean:.1f} | {100 * mean / base:.0f} %" for mean, base in zip(means, alone)]
        print(f"| {name} | {os.path.basename(exe)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
