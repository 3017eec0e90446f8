#!/usr/bin/env python3
"""Compiles one model for several devices and quantizations, in parallel, and prints a
table of them.

    build_matrix.py MODEL OUT [--devices zen4 raspberry-pi-5 ...] [--quants int4 int8 ...]
"""
import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gemcut

ARM = ("raspberry-pi", "cortex", "neoverse", "graviton", "rk", "jetson", "apple")


def build(model, folder, device, quant):
    begin = time.monotonic()
    target = "aarch64-linux" if device.startswith(ARM) else "x86_64-linux"
    artifact = gemcut.compile(model, folder / f"{device}-{quant}", target=target,
                              cpu=device, quant=quant)
    return artifact, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--devices", nargs="+",
                        default=["zen4", "raspberry-pi-5", "graviton3"])
    parser.add_argument("--quants", nargs="+", default=["int4", "int8"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    jobs = [(device, quant) for device in options.devices for quant in options.quants]
    # compile frees the GIL, so threads are enough.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(
            lambda job: build(options.model, options.out, *job), jobs))
    print(f"{'device':<16} {'quant':<7} {'file':>9} {'per token':>10} {'memory':>9} "
          f"{'time':>6}")
    for (device, quant), (artifact, seconds) in zip(jobs, results):
        plan = artifact.memory_plan
        print(f"{device:<16} {quant:<7} {artifact.path.stat().st_size / 1e6:>6.1f} MB "
              f"{plan.weight_bytes_per_token / 1e6:>7.1f} MB "
              f"{plan.total_bytes / 1e6:>6.1f} MB {seconds:>4.0f} s")


if __name__ == "__main__":
    main()
