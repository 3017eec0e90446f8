#!/usr/bin/env python3
"""Instructions of a kernel's loop, per byte of weights.

    gemcut compile MODEL --emit asm --target aarch64-linux --cpu dotprod -o a.s
    count_instructions.py a.s gemcut_dot_int4_k1536_m1n1_stream 1088

The last argument is what one turn of the loop reads: a block of weights
(runtime/abi/packed_layout.h). Counted is the longest loop of the function, without
prefetches."""
import re
import sys

LABEL = re.compile(r"^(\.L\w+):")
BRANCH = re.compile(r"^\s+(?:b\.\w+|cbn?z|tbn?z|b|j\w+)\b.*?(\.L\w+)$")
INSTRUCTION = re.compile(r"^\s+([a-z]\w*)")
PREFETCH = re.compile(r"prfm|prefetch")


def function_lines(text, name):
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(name + ":"):
            break
    else:
        sys.exit(f"error: there is no function '{name}'")
    body = []
    for line in lines:
        if line.startswith(".Lfunc_end"):
            break
        body.append(line)
    return body


def longest_loop(body):
    """The mnemonics of the longest stretch from a label to a branch back to it."""
    labels, instructions, best = {}, [], []
    for line in body:
        code = re.sub(r"\s*(//|#\s).*", "", line)
        if label := LABEL.match(code):
            labels[label.group(1)] = len(instructions)
        elif instruction := INSTRUCTION.match(code):
            instructions.append(instruction.group(1))
            branch = BRANCH.match(code)
            if branch and branch.group(1) in labels:
                loop = instructions[labels[branch.group(1)]:]
                best = max(best, loop, key=len)
    return best


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    path, name, block = sys.argv[1:]
    with open(path) as file:
        loop = [mnemonic for mnemonic in longest_loop(function_lines(file.read(), name))
                if not PREFETCH.match(mnemonic)]
    print(f"{name}: {len(loop)} instructions per {block} bytes, {len(loop) / int(block):.2f} per byte")


if __name__ == "__main__":
    main()
