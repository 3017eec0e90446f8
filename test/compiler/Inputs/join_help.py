"""Joins each flag of a help text on standard input with its description, one line a
flag; fails at a line of more than 80 columns."""
import re
import sys

text = sys.stdin.read()
if long := [line for line in text.splitlines() if len(line) > 80 or line != line.rstrip()]:
    sys.exit(f"longer than 80 columns, or with a space at the end: {long}")
print(re.sub(r"\n {6}", " ", text))
