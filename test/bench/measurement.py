"""How samples are taken, whoever the peer is."""
import datetime
import os
import platform
import subprocess
import sys
import time

from engines import EngineError
from report import Samples


class Measurement:
    def __init__(self, ours, peer, rounds, pause=0.2):
        self.ours, self.peer, self.rounds, self.pause = ours, peer, rounds, pause

    def alternate(self, is_speed, *takers):
        """`rounds` samples from each taker, in turn, starting with another one each
        round. Returns one Samples per taker."""
        results = [Samples(is_speed) for _ in takers]
        for turn in range(self.rounds):
            for i in range(len(takers)):
                index = (turn + i) % len(takers)
                results[index].values.append(takers[index]())
                time.sleep(self.pause)  # threads of the last one stop spinning
        return results

    def both(self, is_speed, name, *arguments):
        return self.alternate(
            is_speed,
            lambda: getattr(self.ours, name)(*arguments),
            lambda: getattr(self.peer, name)(*arguments),
        )


def with_ratio(row):
    row.value = row.ratio("best")
    return row


def machine(threads):
    """Facts of when and where, for above a table."""
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    return {
        "date": datetime.date.today().isoformat(),
        "CPU": f"{cpu}, {os.cpu_count()} cores, {threads} threads used",
        "kernel": platform.release(),
    }


def run(*command):
    print("+ " + " ".join(str(part) for part in command), file=sys.stderr)
    if subprocess.run([str(part) for part in command], stdout=sys.stderr).returncode:
        raise EngineError(f"{command[0]} failed")
