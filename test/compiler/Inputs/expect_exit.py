"""expect_exit.py CODE FOLDER COMMAND...: runs the command; fails unless it exits
with CODE, prints nothing to stdout and leaves FOLDER as it was. Passes on its
stderr."""
import os
import subprocess
import sys

code, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
before = sorted(os.listdir(folder))
result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
problems = []
if result.returncode != code:
    problems.append(f"exit code {result.returncode}, expected {code}")
if result.stdout:
    problems.append(f"printed to stdout: {result.stdout}")
if sorted(os.listdir(folder)) != before:
    problems.append(f"files are now {sorted(os.listdir(folder))}, were {before}")
sys.exit("; ".join(problems) or 0)
