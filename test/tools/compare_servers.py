#!/usr/bin/env python3
"""Sends the same page of requests to `OUT serve` and to llama.cpp's server, on one model.

    compare_servers.py --ours EXE --peer llama-server --model FILE.gguf [--speed] [-v]

EXE is the executable of the same file (`gemcut compile FILE.gguf --quant f32 --kv f32`).
Prints every member of an answer that only one of them has or whose values differ, and
fails when they differ in what clients rely on: status, text, token ids, reasons to
finish, usage, the form of streams and errors (RELIED_ON), unless a difference is
listed in KNOWN with its reason. --speed measures 1 and 4 streams instead, in turn.
Both need the model's chat template if FILE has none: EXE by --chat-template when it
is compiled, the peer by --peer-flags.
"""
import argparse
import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
STORY = [{"role": "user", "content": "Tell me a story about a fox and a lantern."}]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Returns the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
QUESTION = [{"role": "user", "content": "What is the weather in Oslo?"}]


def greedy(**members):
    return {"temperature": 0, "max_tokens": 24, **members}


# (name, method, path, body). Strings are sent as they are.
PAGE = [
    ("health", "GET", "/health", None),
    ("models", "GET", "/v1/models", None),
    ("tokenize", "POST", "/tokenize", {"content": "Once upon a time, é 漢 <turn|>\n", "add_special": True}),
    ("tokenize plain", "POST", "/tokenize", {"content": " two  spaces", "add_special": False}),
    ("tokenize pieces", "POST", "/tokenize", {"content": "a fox", "with_pieces": True}),
    ("detokenize", "POST", "/detokenize", {"tokens": [2, 300, 301, 302]}),
    ("completion", "POST", COMPLETIONS, greedy(prompt="Once upon a time")),
    ("completion of ids", "POST", COMPLETIONS, greedy(prompt=[2, 300, 301, 302])),
    ("two prompts", "POST", COMPLETIONS, greedy(prompt=["Once upon a time", "The fox"])),
    ("completion to its end", "POST", COMPLETIONS, greedy(prompt="Once upon a time", max_tokens=300)),
    ("completion, stop", "POST", COMPLETIONS, greedy(prompt="Once upon a time", stop=[" a", "."])),
    ("completion, logprobs", "POST", COMPLETIONS, greedy(prompt="Once upon a time", max_tokens=4, logprobs=2)),
    ("completion, stream", "POST", COMPLETIONS, greedy(prompt="Once upon a time", stream=True)),
    ("completion, max_tokens 0", "POST", COMPLETIONS, greedy(prompt="Once upon a time", max_tokens=0)),
    ("completion, bias", "POST", COMPLETIONS, greedy(prompt="Once upon a time", logit_bias={"300": 100}, max_tokens=3)),
    ("chat", "POST", CHAT, greedy(messages=STORY)),
    ("chat, max_completion_tokens", "POST", CHAT, {"messages": STORY, "temperature": 0, "max_completion_tokens": 5}),
    ("chat, system", "POST", CHAT, greedy(messages=[{"role": "system", "content": "Be brief."}, *STORY])),
    (
        "chat, parts",
        "POST",
        CHAT,
        greedy(messages=[{"role": "user", "content": [{"type": "text", "text": STORY[0]["content"]}]}]),
    ),
    ("chat, stop", "POST", CHAT, greedy(messages=STORY, stop="time")),
    ("chat, logprobs", "POST", CHAT, greedy(messages=STORY, max_tokens=4, logprobs=True, top_logprobs=2)),
    ("chat, n", "POST", CHAT, greedy(messages=STORY, n=2)),
    ("chat, stream", "POST", CHAT, greedy(messages=STORY, stream=True)),
    ("chat, stream, usage", "POST", CHAT, greedy(messages=STORY, stream=True, stream_options={"include_usage": True})),
    ("chat, stream, stop", "POST", CHAT, greedy(messages=STORY, stream=True, stop="time")),
    ("chat, json_object", "POST", CHAT, greedy(messages=STORY, max_tokens=60, response_format={"type": "json_object"})),
    (
        "chat, json_schema",
        "POST",
        CHAT,
        greedy(
            messages=STORY,
            max_tokens=60,
            response_format={"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}},
        ),
    ),
    ("chat, tools", "POST", CHAT, greedy(messages=QUESTION, max_tokens=60, tools=[WEATHER])),
    ("chat, tools, stream", "POST", CHAT, greedy(messages=QUESTION, max_tokens=60, tools=[WEATHER], stream=True)),
    ("chat, tools required", "POST", CHAT, greedy(messages=STORY, max_tokens=60, tools=[WEATHER], tool_choice="required")),
    ("no JSON", "POST", CHAT, "{"),
    ("no messages", "POST", CHAT, {"temperature": 0}),
    ("messages of a wrong type", "POST", CHAT, {"messages": "hello"}),
    ("temperature of a wrong type", "POST", CHAT, {"messages": STORY, "temperature": "hot"}),
    ("unknown role", "POST", CHAT, {"messages": [{"role": "robot", "content": "x"}], "max_tokens": 1}),
    ("no prompt", "POST", COMPLETIONS, {"temperature": 0}),
    ("prompt too long", "POST", COMPLETIONS, greedy(prompt=[300] * 40000)),
    ("unknown path", "POST", "/v1/nothing", {}),
    ("wrong method", "GET", CHAT, None),
    ("bad schema", "POST", CHAT, greedy(messages=STORY, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "thing"}}})),
]

# Members of flattened answers that clients rely on.
RELIED_ON = re.compile(
    r"HTTP status|content_type|done|text|reason|role|tool_call|"
    r"(choices/\d+/)?(text|finish_reason|index|message/.*)|usage/(prompt|completion|total)_tokens|"
    r"tokens(/.*)?|content|object|choices/\d+/logprobs/(content/\d+/token|tokens/\d+)|error|error/(code|type|message)"
)
# (pattern of requests, pattern of members, why they may differ). What is said of the peer
# is llama.cpp of 1 October 2026.
KNOWN = [
    ("completion of ids|completion to its end|chat, tools.*", "usage/(completion|total)_tokens", "the peer counts the token that ends an answer"),
    ("two prompts|chat, n", "usage/.*", "the peer counts one of several choices"),
    ("completion, logprobs", "choices/0/logprobs/.*", "the peer answers in the form of chat"),
    (".*stream.*", "usage/.*", "the peer states usage unasked, in a chunk with choices"),
    ("completion, max_tokens 0", ".*", "the peer makes a token all the same; we refuse"),
    (".*", "choices/./message/refusal", "OpenAI's member, null; the peer has none"),
    ("chat, json.*", "choices/0/message/content|usage/.*|choices/0/finish_reason", "white space is free, and lengths follow"),
    ("chat, json.*", "choices/0/message/reasoning_content", "the peer's grammar begins behind a thought"),
    ("chat, tools required", ".*", "the peer's grammar has no rule for this format (500)"),
    ("chat, tools.*", "choices/0/message/content", "null or empty beside calls"),
    ("chat, tools.*", "choices/0/(message/tool_calls/.*|finish_reason)", "the peer does not find whole calls of this format"),
    ("unknown role", ".*", "the peer writes it into the prompt; we refuse, as OpenAI does"),
    (".*", "error/code", "ours are OpenAI's words, the peer's the status"),
    ("no JSON|bad schema", "HTTP status|error/type", "the peer takes a bad request for its own error (500)"),
    ("prompt too long|unknown path", "error/type", "the peer has types of its own"),
    ("wrong method", "HTTP status|error/type", "404 where 405 is meant"),
]


class Server:
    def __init__(self, command, port):
        self.port = port
        self.log = tempfile.NamedTemporaryFile(prefix="compare_servers.", suffix=".log", delete=False)
        self.process = subprocess.Popen(list(map(str, command)), stdout=self.log, stderr=self.log)
        for _ in range(600):
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.request("GET", "/health", None)[0] == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"{command[0]} did not start; see {self.log.name}")

    def request(self, method, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text is not None else {})
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type", ""), response.read()
        finally:
            connection.close()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def flat(value, path=""):
    """{path: value} of all leaves."""
    if isinstance(value, dict) and value:
        items = value.items()
    elif isinstance(value, list) and value:
        items = enumerate(value)
    else:
        return {path: value}
    result = {}
    for key, inner in items:
        result.update(flat(inner, f"{path}/{key}" if path else str(key)))
    return result


def normal(path, value):
    """What of a value can be equal: names and times are compared by their types."""
    name = path.rsplit("/", 1)[-1]
    if name in ("id", "tool_call_id", "model", "created", "system_fingerprint", "owned_by") and "pieces" not in path and "tokens" not in path:
        return type(value).__name__
    if name == "arguments":
        with contextlib.suppress(ValueError):
            return json.loads(value)
    if path == "error/message":
        return "a text" if isinstance(value, str) and value else value
    if isinstance(value, float):
        return round(value, 2)
    return value


def stream_facts(data):
    """What a client sees of a stream: joined deltas, and the members chunks have."""
    blocks = [block for block in data.decode("utf-8", "strict").split("\n\n") if block]
    lines = [line for block in blocks for line in block.split("\n") if not line.startswith(":")]
    if not all(line.startswith("data: ") for line in lines):
        return {"framing": lines[:5]}
    events = [line[len("data: ") :] for line in lines]
    facts = {"done": events[-1] == "[DONE]"}
    joined, keys = {}, set()
    for number, chunk in enumerate(json.loads(event) for event in events if event != "[DONE]"):
        keys |= set(chunk)
        facts.setdefault("object", chunk.get("object"))
        if number == 0:
            facts["first delta"] = chunk["choices"][0].get("delta", chunk["choices"][0].get("text"))
        for choice in chunk.get("choices", []):
            index = choice["index"]
            for name, part in choice.get("delta", {"text": choice.get("text", "")}).items():
                if isinstance(part, str) and name != "role":
                    joined[f"choices/{index}/message/{name}"] = joined.get(f"choices/{index}/message/{name}", "") + part
                for call in part if name == "tool_calls" else []:
                    for key, text in call["function"].items():
                        place = f"choices/{index}/message/tool_calls/{call['index']}/function/{key}"
                        joined[place] = joined.get(place, "") + text
            if choice.get("finish_reason"):
                joined[f"choices/{index}/finish_reason"] = choice["finish_reason"]
        if chunk.get("usage"):
            facts.update(flat({"usage": chunk["usage"]}))
            facts["usage in a chunk without choices"] = not chunk["choices"]
    return {**facts, **joined, **{f"chunks have {key}": True for key in keys}}


def facts_of(answer):
    status, kind, data = answer
    facts = {"HTTP status": status, "content_type": kind.split(";")[0]}
    if kind.startswith("text/event-stream"):
        facts.update(stream_facts(data))
    else:
        try:
            facts.update(flat(json.loads(data)))
        except ValueError:
            facts["body"] = data[:80].decode(errors="replace")
    facts = {path: normal(path, value) for path, value in facts.items()}
    # What only one of them adds and says so in its own name.
    return {path: value for path, value in facts.items() if not path.startswith(("timings", "__verbose"))}


def known_reason(request, member):
    for requests, members, reason in KNOWN:
        if re.fullmatch(requests, request) and re.fullmatch(members, member):
            return reason
    return None


def compare(ours, peer, verbose):
    failures = 0
    for name, method, path, body in PAGE:
        mine, theirs = (facts_of(server.request(method, path, body)) for server in (ours, peer))
        differences = []
        for member in dict.fromkeys([*mine, *theirs]):
            left, right = mine.get(member, "(absent)"), theirs.get(member, "(absent)")
            if left != right:
                relied = RELIED_ON.fullmatch(member) is not None
                reason = known_reason(name, member)
                differences.append((relied and not reason, member, left, right, reason))
        bad = sum(difference[0] for difference in differences)
        failures += bad
        verdict = "DIFFERS" if bad else "agrees"
        print(f"{name}: {verdict} (status {mine['HTTP status']})")
        for is_bad, member, left, right, reason in differences:
            if is_bad or verbose:
                print(f"    {member}: ours {str(left)[:150]!r}, peer {str(right)[:150]!r}{f' ({reason})' if reason else ''}")
    return failures


def speed(server, streams, tokens):
    """Tokens per second of all streams together."""
    counts = []

    def one(number):
        body = {"prompt": f"{number} Once upon a time", "temperature": 0, "max_tokens": tokens, "ignore_eos": True}
        answer = json.loads(server.request("POST", COMPLETIONS, body)[2])
        counts.append(answer["usage"]["completion_tokens"])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(streams)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begin)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--model", required=True, help="the GGUF file that both run")
    parser.add_argument("--speed", action="store_true", help="measure 1 and 4 streams instead")
    parser.add_argument("--peer-flags", default="-ctk f32 -ctv f32 --reasoning off", help="of llama-server (%(default)s)")
    parser.add_argument("-c", "--context", type=int, default=2048, help="of one slot (%(default)s)")
    parser.add_argument("-t", "--threads", type=int, default=2, help="%(default)s")
    parser.add_argument("-n", "--tokens", type=int, default=64, help="of a stream with --speed (%(default)s)")
    parser.add_argument("-v", "--verbose", action="store_true", help="all differences")
    options = parser.parse_args()
    ports = [free_port(), free_port()]
    flags = ["--jinja", "-t", options.threads, "-np", 4, "-c", 4 * options.context, *options.peer_flags.split()]
    servers = []
    try:
        servers.append(Server([options.ours, "serve", "--port", ports[0], "-t", options.threads], ports[0]))
        servers.append(Server([options.peer, "-m", options.model, "--port", ports[1], *flags], ports[1]))
        if options.speed:
            for streams in (1, 4):
                for turn in range(3):
                    pair = [speed(server, streams, options.tokens) for server in servers]
                    print(f"{streams} streams: ours {pair[0]:.1f}, peer {pair[1]:.1f} tokens/s", flush=True)
            return 0
        failures = compare(*servers, options.verbose)
        print(f"{len(PAGE)} requests, {failures} differences in what clients rely on")
        return 1 if failures else 0
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
