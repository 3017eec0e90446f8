#!/usr/bin/env python3
"""Records what llama.cpp says of a GGUF file: the tokens of a corpus, the likelihood of a
paragraph and greedy continuations.

    record_llama.py LLAMA_REFERENCE MODEL.gguf OUT.json

LLAMA_REFERENCE is llama_reference.cpp, built and linked with libllama:

    c++ -std=c++17 -O2 llama_reference.cpp -o llama_reference -I LLAMA/include -I LLAMA/ggml/include \\
        -L LIB -lllama -lggml -lggml-base -Wl,-rpath,LIB
"""
import hashlib
import json
import subprocess
import sys
from pathlib import Path

PARAGRAPH = (
    "The lighthouse stood at the end of a long stone pier. Every evening the keeper walked out with a lantern, "
    "climbed the narrow stairs and lit the great lamp at the top. In winter the waves broke over the wall and the "
    "pier was covered with ice, so that he had to hold on to an iron chain. He did not mind the cold. From the "
    "gallery he could see the lights of the fishing boats, and he knew each of them by the way it moved. When the "
    "last one had come home, he wrote the hour and the direction of the wind into a thick book, made tea, and read "
    "until the sun came up. In 1932 the lamp was replaced by an electric light, and the book was given to the museum "
    "of the town, where children still look for the day on which they were born."
)
PROMPTS = (
    "The capital of France is",
    "Once upon a time, there was a small village",
    "def fibonacci(n):\n    ",
    "Water boils at a temperature of",
)
STEPS = 24


def main():
    tool, model, out = sys.argv[1:]
    process = subprocess.Popen([tool, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().split()

    def tokenize(text):
        return [int(n) for n in ask("tokenize " + text.encode().hex())]

    corpus = json.loads((Path(__file__).parents[1] / "data/tokenizer/cases.json").read_text())["encode"]
    ids = tokenize(PARAGRAPH)
    record = {
        "model_sha256": hashlib.sha256(Path(model).read_bytes()).hexdigest(),
        "paragraph": {"text": PARAGRAPH, "ids": ids,
                      "nll": [float(x) for x in ask("score " + " ".join(map(str, ids)))]},
        "greedy": [],
        "corpus": [tokenize(case["text"])[1:] for case in corpus],
    }
    for prompt in PROMPTS:
        ids = tokenize(prompt)
        answer = ask(f"greedy {STEPS} " + " ".join(map(str, ids)))
        record["greedy"].append({"prompt": prompt, "ids": ids, "next": [int(n) for n in answer[::2]],
                                 "margins": [float(x) for x in answer[1::2]]})
    process.stdin.close()
    process.wait()
    parts = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in record.items()]
    Path(out).write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
