"""What an executable can do, Python can: each flag of its commands has a counterpart."""
import inspect
import re
import subprocess

import pytest

import gemcut

GENERATE = inspect.signature(gemcut.Engine.generate).parameters
LOAD = inspect.signature(gemcut.load).parameters
CHAT = inspect.signature(gemcut.Engine.chat).parameters
SEND = inspect.signature(gemcut.Chat.send).parameters

COMMON = {
    "threads": (LOAD, "threads"), "level": (LOAD, "level"), "lora": (LOAD, "adapter"),
    "context": (LOAD, "context"),
    "table-resident": "max_ram decides when compiling",
    "slots": "each generation has a session of its own",
    "chunk": "for tests", "full-prefill": "for tests",
    "no-baked-prefix": "a baked prefix changes no answer",
    "stats": "times are Python's to take",
}
# What flags are in Python, or why they are nothing there.
FLAGS = {
    "generate": {
        **COMMON, "ids": (GENERATE, "prompt"), "print-ids": (dir(gemcut.Engine), "generate_ids"),
        "no-repeat": (GENERATE, "no_repeat"), "ignore-stop": (GENERATE, "ignore_stop"),
        "first-position": "for tests",
        "load-session": (CHAT, "state"), "save-session": (dir(gemcut.Chat), "save_state"),
        **{flag: (GENERATE, name) for flag, name in {
            "tokens": "max_tokens", "temp": "temperature", "top-k": "top_k",
            "top-p": "top_p", "min-p": "min_p", "seed": "seed", "regex": "regex",
            "json-schema": "json_schema"}.items()},
    },
    "--help-chat": {
        **COMMON, "prompt": (SEND, "text"), "system": (CHAT, "system"),
        "think": (CHAT, "think"), "no-history": "for terminals",
        "allow-control-tokens": "text of messages is text; generate takes others",
        **{flag: (SEND, name) for flag, name in {
            "tokens": "max_tokens", "temp": "temperature", "top-k": "top_k",
            "top-p": "top_p", "min-p": "min_p", "seed": "seed", "regex": "regex",
            "json-schema": "json_schema"}.items()},
    },
}


@pytest.mark.parametrize("command", FLAGS)
def test_every_flag_has_a_counterpart(tiny, command):
    arguments = [command] if command.startswith("-") else [command, "--help"]
    said = subprocess.run([tiny.path, *arguments], capture_output=True, text=True,
                          check=True).stdout
    flags = re.findall(r"^  (?:-\w, )?--([\w-]+)", said, re.MULTILINE)
    assert set(flags) - {"help"} == set(FLAGS[command])
    for entry in FLAGS[command].values():
        assert isinstance(entry, str) or entry[1] in entry[0]
