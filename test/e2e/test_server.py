#!/usr/bin/env python3
"""What `OUT serve` answers: endpoints, streams, errors in requests, equal answers in any company.

One executable of tiny-gemma4 with one level of code serves most tests.
"""
import json
import signal
import subprocess
import threading
import unittest
from pathlib import Path

from server import CHAT, COMPLETIONS, RESPONSES, STORY, WEATHER, Server, ServerCase
from support import TINY, compile_model, run


class ServerTest(ServerCase):
    def test_chat(self):
        answer = self.chat()
        self.assertEqual(answer["object"], "chat.completion")
        choice = answer["choices"][0]
        self.assertEqual(choice["finish_reason"], "length")
        self.assertTrue(choice["message"]["content"].startswith("Once upon a time"), choice)
        # The same as the terminal's answer to the same turn.
        prompt = STORY[0]["content"]
        alone = run(self.executable, "-p", prompt, "--temp", "0", "-n", "30").stdout.rstrip("\n")
        self.assertEqual(choice["message"]["content"], alone)
        usage = answer["usage"]
        self.assertEqual(usage["completion_tokens"], 30)
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + 30)

    def test_streams_equal_whole_answers(self):
        whole = self.chat(messages=[{"role": "user", "content": "What is 38 + 57?"}], reasoning_effort="high", max_tokens=200)
        events = self.server.stream(
            CHAT,
            {
                "messages": [{"role": "user", "content": "What is 38 + 57?"}],
                "temperature": 0,
                "reasoning_effort": "high",
                "max_tokens": 200,
                "stream_options": {"include_usage": True},
            },
        )
        self.assertEqual(events[-1], (None, "[DONE]"))
        chunks = [json.loads(data) for _, data in events[:-1]]
        self.assertEqual({chunk["object"] for chunk in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({chunk["id"] for chunk in chunks}), 1)
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
        self.assertEqual(deltas[0], {"role": "assistant", "content": ""})
        message = whole["choices"][0]["message"]
        self.assertEqual("".join(delta.get("content", "") for delta in deltas), message["content"])
        self.assertEqual("".join(delta.get("reasoning_content", "") for delta in deltas), message["reasoning_content"])
        self.assertGreater(len(message["reasoning_content"]), 0)
        self.assertEqual(chunks[-2]["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"])
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertEqual(chunks[-1]["usage"]["total_tokens"], whole["usage"]["total_tokens"])

    def test_tools(self):
        question = {"role": "user", "content": "What is the weather in Oslo?"}
        answer = self.chat(messages=[question], tools=[WEATHER], max_tokens=100)
        choice = answer["choices"][0]
        self.assertEqual(choice["finish_reason"], "tool_calls", answer)
        call = choice["message"]["tool_calls"][0]
        self.assertEqual(call["type"], "function")
        self.assertEqual(call["function"]["name"], "get_weather")
        self.assertEqual(json.loads(call["function"]["arguments"]), {"city": "Oslo"})
        self.assertIsNone(choice["message"]["content"])
        # The whole round trip.
        result = {"role": "tool", "tool_call_id": call["id"], "content": '{"degrees": 4, "sky": "rain"}'}
        final = self.chat(messages=[question, choice["message"], result], tools=[WEATHER], max_tokens=60)
        self.assertIn("Oslo", final["choices"][0]["message"]["content"])
        # Streams hold the same call.
        events = self.server.stream(CHAT, {"messages": [question], "tools": [WEATHER], "temperature": 0})
        chunks = [json.loads(data) for _, data in events[:-1]]
        calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in chunks if "tool_calls" in c["choices"][0]["delta"]]
        self.assertEqual(json.loads(calls[0]["function"]["arguments"]), {"city": "Oslo"})
        self.assertEqual(calls[0]["index"], 0)
        # "none" hides the tools.
        hidden = self.chat(messages=[question], tools=[WEATHER], tool_choice="none", max_tokens=10)
        self.assertNotIn("tool_calls", hidden["choices"][0]["message"])
        self.assertLess(hidden["usage"]["prompt_tokens"], answer["usage"]["prompt_tokens"])

    def test_stop_strings_end_answers(self):
        text = self.chat()["choices"][0]["message"]["content"]
        stop = text[20:31]
        answer = self.chat(stop=[stop, "never found"])
        self.assertEqual(answer["choices"][0]["message"]["content"], text[: text.index(stop)])
        self.assertEqual(answer["choices"][0]["finish_reason"], "stop")
        events = self.server.stream(CHAT, {"messages": STORY, "temperature": 0, "max_tokens": 30, "stop": stop})
        chunks = [json.loads(data) for _, data in events[:-1]]
        streamed = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        self.assertEqual(streamed, text[: text.index(stop)])

    def test_choices_and_seeds(self):
        first = self.chat(n=3, temperature=1, seed=7)
        texts = [choice["message"]["content"] for choice in first["choices"]]
        self.assertEqual(len(texts), 3)
        self.assertGreater(len(set(texts)), 1)
        again = self.chat(n=3, temperature=1, seed=7)
        self.assertEqual(texts, [choice["message"]["content"] for choice in again["choices"]])
        self.assertEqual(first["usage"]["completion_tokens"], 90)

    def test_logprobs_and_biases(self):
        answer = self.chat(logprobs=True, top_logprobs=3, max_tokens=5)
        entries = answer["choices"][0]["logprobs"]["content"]
        self.assertEqual(len(entries), 5)
        text = b"".join(bytes(entry["bytes"]) for entry in entries).decode()
        self.assertEqual(text, answer["choices"][0]["message"]["content"])
        for entry in entries:
            self.assertEqual(entry["top_logprobs"][0]["token"], entry["token"])  # greedy
            values = [likely["logprob"] for likely in entry["top_logprobs"]]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertLessEqual(max(values), 0)
        banned = self.server.post("/tokenize", {"content": entries[0]["token"]})[1]["tokens"][0]
        other = self.chat(logit_bias={str(banned): -100}, logprobs=True, max_tokens=1)
        self.assertNotEqual(other["choices"][0]["logprobs"]["content"][0]["token"], entries[0]["token"])

    def test_completions(self):
        body = {"prompt": "Once upon a time", "temperature": 0, "max_tokens": 12}
        status, answer = self.server.post(COMPLETIONS, body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["object"], "text_completion")
        text = answer["choices"][0]["text"]
        ids = self.server.post("/tokenize", {"content": "Once upon a time", "add_special": True})[1]["tokens"]
        listed = ",".join(map(str, ids))
        alone = run(self.executable, "generate", "--ids", listed, "-n", "12", "--temp", "0").stdout
        self.assertEqual(text, alone.rstrip("\n"))
        both = self.server.post(COMPLETIONS, {**body, "prompt": [ids, "Once upon a time"], "echo": True, "logprobs": None})[1]
        self.assertEqual([choice["text"] for choice in both["choices"]], ["Once upon a time" + text] * 2)
        ranked = self.server.post(COMPLETIONS, {**body, "logprobs": 2})[1]["choices"][0]["logprobs"]
        self.assertEqual("".join(ranked["tokens"]), text)
        events = self.server.stream(COMPLETIONS, body)
        self.assertEqual("".join(json.loads(data)["choices"][0]["text"] for _, data in events[:-1]), text)

    def test_responses(self):
        body = {"input": "What is 38 + 57?", "temperature": 0, "max_output_tokens": 200, "reasoning": {"effort": "high"}}
        status, answer = self.server.post(RESPONSES, body)
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["object"], "response")
        kinds = [item["type"] for item in answer["output"]]
        self.assertEqual(kinds, ["reasoning", "message"])
        text = answer["output"][1]["content"][0]["text"]
        self.assertEqual(answer["status"], "completed")
        events = [(name, json.loads(data)) for name, data in self.server.stream(RESPONSES, body)]
        self.assertTrue(all(name == data["type"] for name, data in events))
        self.assertEqual([data["sequence_number"] for _, data in events], list(range(len(events))))
        self.assertEqual(events[0][0], "response.created")
        self.assertEqual(events[-1][0], "response.completed")
        deltas = [data["delta"] for name, data in events if name == "response.output_text.delta"]
        self.assertEqual("".join(deltas), text)
        final = events[-1][1]["response"]
        self.assertEqual(final["output"][1]["content"][0]["text"], text)
        self.assertEqual(final["usage"]["total_tokens"], answer["usage"]["total_tokens"])

    def test_responses_include_logprobs(self):
        body = {"input": "What is 38 + 57?", "temperature": 0, "top_logprobs": 2, "store": False}
        body["include"] = ["message.output_text.logprobs", "reasoning.encrypted_content"]
        part = self.server.post(RESPONSES, body)[1]["output"][0]["content"][0]
        self.assertEqual("".join(entry["token"] for entry in part["logprobs"]), part["text"])
        self.assertEqual({len(entry["top_logprobs"]) for entry in part["logprobs"]}, {2})
        events = [json.loads(data) for _, data in self.server.stream(RESPONSES, body)]
        streamed = [entry for event in events if event["type"] == "response.output_text.delta" for entry in event["logprobs"]]
        self.assertEqual(streamed, part["logprobs"])
        cut = self.server.post(RESPONSES, {**body, "max_output_tokens": 3})[1]
        self.assertEqual((cut["status"], cut["output"][0]["status"]), ("incomplete", "incomplete"))
        self.assertIn(cut["top_p"], [0.95, 1])
        self.check_items_of_cut_thoughts()
        for member, value in [("include", ["file_search_call.results"]), ("include", []), ("include", None)]:
            self.expect_error(RESPONSES, {**body, member: value}, 400)

    def check_items_of_cut_thoughts(self):
        """A thought that ended is completed, even where the message behind it is cut; streams say the same."""
        body = {"input": "What is 38 + 57?", "temperature": 0, "reasoning": {"effort": "high"}}
        whole = self.server.post(RESPONSES, body)[1]
        self.assertEqual([item["type"] for item in whole["output"]], ["reasoning", "message"])
        seen = set()
        for limit in range(4, whole["usage"]["output_tokens"]):
            cut = self.server.post(RESPONSES, {**body, "max_output_tokens": limit})[1]
            events = [json.loads(data) for _, data in self.server.stream(RESPONSES, {**body, "max_output_tokens": limit})]
            kinds = lambda items: [(item["type"], item["status"]) for item in items]
            done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
            self.assertEqual(kinds(cut["output"]), kinds(done))
            self.assertEqual(kinds(cut["output"]), kinds(events[-1]["response"]["output"]))
            seen.add(tuple(kinds(cut["output"])))
        self.assertIn((("reasoning", "completed"), ("message", "incomplete")), seen)
        self.assertIn((("reasoning", "incomplete"), ("message", "incomplete")), seen)

    def test_responses_with_tools(self):
        tool = {"type": "function", **WEATHER["function"]}
        question = {"role": "user", "content": "What is the weather in Oslo?"}
        body = {"input": [question], "tools": [tool], "temperature": 0, "max_output_tokens": 100}
        answer = self.server.post(RESPONSES, body)[1]
        call = answer["output"][0]
        self.assertEqual((call["type"], call["name"]), ("function_call", "get_weather"))
        self.assertEqual(json.loads(call["arguments"]), {"city": "Oslo"})
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"degrees": 4}'}
        final = self.server.post(RESPONSES, {**body, "input": [question, call, output]})[1]
        self.assertIn("Oslo", final["output"][0]["content"][0]["text"])
        for wrong in [{**output, "call_id": "call_x"}, {**output, "call_id": ""}]:
            self.expect_error(RESPONSES, {**body, "input": [question, call, wrong]}, 400, "input[2].call_id", "invalid_value")
        self.expect_error(RESPONSES, {**body, "input": [question, output]}, 400, "input[1].call_id", fragment="no earlier function_call")

    def test_small_endpoints(self):
        self.assertEqual(self.server.request("GET", "/health")[::2], (200, b'{"status":"ok"}'))
        models = json.loads(self.server.request("GET", "/v1/models")[2])
        self.assertEqual([model["id"] for model in models["data"]], ["tiny-gemma4"])
        self.assertEqual(json.loads(self.server.request("GET", "/v1/models/tiny-gemma4")[2])["object"], "model")
        self.assertEqual(self.server.request("GET", "/v1/models/other")[0], 404)
        tokens = self.server.post("/tokenize", {"content": "a fox, ü"})[1]["tokens"]
        self.assertEqual(self.server.post("/detokenize", {"tokens": tokens})[1]["content"], "a fox, ü")
        pieces = self.server.post("/tokenize", {"content": "a fox, 漢", "with_pieces": True})[1]["tokens"]
        self.assertEqual([entry["piece"] for entry in pieces[:3]], ["a", " fox", ","])
        # A character without a token is bytes, which are no text one by one.
        self.assertEqual([byte for entry in pieces[-3:] for byte in entry["piece"]], list("漢".encode()))
        self.expect_error("/v1/embeddings", {"input": "x"}, 501, code="unsupported_endpoint")
        self.expect_error("/v1/nothing", {}, 404, code="unknown_url")
        status, headers, _ = self.server.request("GET", CHAT)
        self.assertEqual((status, headers["Allow"]), (405, "POST"))
        status, headers, body = self.server.request("HEAD", "/health")
        self.assertEqual((status, headers["Content-Length"], body), (200, "15", b""))

    def test_errors_name_the_parameter(self):
        for member, value, code in [
            ("temperature", "hot", "invalid_type"),
            ("temperature", 3, "invalid_value"),
            ("top_p", -1, "invalid_value"),
            ("max_tokens", 0, "invalid_value"),
            ("n", 1.5, "invalid_type"),
            ("stop", [""], "invalid_type"),
            ("logit_bias", {"x": 1}, "invalid_value"),
            ("top_logprobs", 2, "invalid_value"),
            ("tool_choice", "always", None),
            ("functions", [{}], "unsupported_parameter"),
            ("web_search_options", {}, "unsupported_parameter"),
            ("suffix", "x", "unknown_parameter"),
            ("reasoning_effort", "some", "invalid_value"),
            ("messages", [], "invalid_value"),
        ]:
            with self.subTest(member=member, value=value):
                self.expect_error(CHAT, {"messages": STORY, "max_tokens": 1, member: value}, 400, member, code)
        self.expect_error(CHAT, {}, 400, "messages", "missing_required_parameter")
        self.expect_error(CHAT, {"messages": STORY, "model": "gpt"}, 404, "model", "model_not_found")
        picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]
        self.expect_error(CHAT, {"messages": picture}, 400, "messages[0].content", "unsupported_content")
        for message, place in (({"role": "king", "content": "x"}, "role"), ({"role": "user"}, "content"),
                               ({"role": "user", "content": 5}, "content"),
                               ({"role": "assistant", "tool_calls": 5}, "tool_calls")):
            self.expect_error(CHAT, {"messages": [message]}, 400, f"messages[0].{place}", "invalid_value")
        self.expect_error(CHAT, {"messages": STORY, "tools": [WEATHER, WEATHER]}, 400, "tools[1]")
        for name in ("get weather", "a" * 65, "caf\u00e9"):
            tool = {"type": "function", "function": {"name": name}}
            self.expect_error(CHAT, {"messages": STORY, "tools": [tool]}, 400, "tools[0].function.name")
        lone = [STORY[0], {"role": "tool", "tool_call_id": "call_7", "content": "1"}]
        self.expect_error(CHAT, {"messages": lone}, 400, "messages[1].tool_call_id", "invalid_value", "'call_7'")
        for seed in (2**70, -(2**70)):
            self.expect_error(CHAT, {"messages": STORY, "seed": seed}, 400, "seed", "invalid_value", f"to {2**63 - 1}")
        long = [{"role": "user", "content": "fox " * 3000}]
        self.expect_error(CHAT, {"messages": long}, 400, "messages", "context_length_exceeded", "2048")
        self.expect_error(COMPLETIONS, {"prompt": [5000]}, 400, "prompt")
        self.expect_error(COMPLETIONS, {"prompt": {}}, 400, "prompt")
        self.expect_error(RESPONSES, {"input": "x", "previous_response_id": "y"}, 400, "previous_response_id")
        self.expect_error(RESPONSES, {"input": [{"type": "image"}]}, 400, "input[0]")

    def test_arguments_of_earlier_calls(self):
        def messages(arguments):
            call = {"id": "a", "type": "function", "function": {"name": "now", "arguments": arguments}}
            return [STORY[0], {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "1"}]

        self.assertEqual(self.chat(messages=messages(""))["choices"], self.chat(messages=messages("{}"))["choices"])
        for arguments in ["not json", "[1]", 5]:
            body = {"messages": messages(arguments)}
            place = "messages[1].tool_calls[0].function.arguments"
            self.expect_error(CHAT, body, 400, place, "invalid_value", "must be an object, or the text of a JSON object")
        body = {"messages": [STORY[0], {"role": "assistant", "tool_calls": [7]}]}
        self.expect_error(CHAT, body, 400, "messages[1].tool_calls[0]", "invalid_value")

    def test_concurrent_answers_equal_lone_ones(self):
        prompts = ["Once upon a time", "The fox", "A lantern in the dark forest", "2 + 2 =", "Rosa", "One morning, she met"]
        bodies = [{"prompt": p, "temperature": 0, "max_tokens": 20 + 9 * i, "ignore_eos": True} for i, p in enumerate(prompts)]
        alone = [self.server.post(COMPLETIONS, body)[1]["choices"][0]["text"] for body in bodies]
        failures = []

        def ask(index):
            for turn in range(4):
                body = bodies[(index + turn) % len(bodies)]
                text = self.server.post(COMPLETIONS, body)[1]["choices"][0]["text"]
                if text != alone[(index + turn) % len(bodies)]:
                    failures.append((body, text))

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_cached_prefixes_give_the_bits_of_cold_runs(self):
        """Conversations whose prompts grow beyond the window and the ring of sliding layers."""
        cold = Server(self.executable, "--cache-bytes", 0)
        try:
            system = {"role": "system", "content": "You know everything about foxes and lanterns. " * 25}
            cached = []
            for name in ("Ivy", "Rosa"):
                messages = [system]
                for turn in range(4):
                    messages = messages + [{"role": "user", "content": f"{name} asks {turn}: " + "why is that so? " * (8 * turn)}]
                    body = {"messages": messages, "temperature": 0, "max_tokens": 30, "logprobs": True, "top_logprobs": 5}
                    answer, expected = (server.post(CHAT, body)[1] for server in (self.server, cold))
                    self.assertEqual(answer["choices"], expected["choices"])
                    self.assertEqual(expected["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
                    cached.append((answer["usage"]["prompt_tokens_details"]["cached_tokens"], answer["usage"]["prompt_tokens"]))
                    messages = messages + [answer["choices"][0]["message"]]
            # The other conversation begins behind the system turn; later turns behind the last prompt.
            self.assertGreater(cached[4][0], 250, cached)
            for (now, _), (_, before) in list(zip(cached[1:], cached))[:3]:
                self.assertGreaterEqual(now, before - 5)
        finally:
            cold.stop()

    def test_memory_is_told(self):
        self.assertRegex(self.server.memory, r"^memory: \d+ MB planned, besides at most 537 MB of earlier prompts \(--cache-bytes\), "
                                             r"0 MB of the baked prefix and 67 MB of schemas$")
        self.assertIn("gemcut_longest_step_seconds", self.server.metrics())
        served = [self.executable, "serve", "--port", "0", "--cache-bytes", "100000G"]
        with subprocess.Popen(served, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            self.assertRegex(process.communicate(timeout=30)[1], r"note: that is up to \d+ MB, but this machine has \d+ MB available")

    def test_texts_part_anywhere(self):
        """No turn marks where prompts part: the second one with a beginning takes it up, and the bits are those of cold runs."""
        cold, small = Server(self.executable, "--cache-bytes", 0), Server(self.executable, "--cache-bytes", "1500K")
        try:
            shared = "The fox hid the lantern under the bridge and waited for the rain to stop. " * 50
            pieces = []
            for server in (self.server, small):
                for tail in ("Then it slept. " * 40, "Nobody came by.", "The moon rose late. " * 30, "The moon rose late. " * 30 + "It was red."):
                    body = {"prompt": shared + tail, "temperature": 0, "max_tokens": 10, "logprobs": 3}
                    answer, expected = (s.post(COMPLETIONS, body)[1] for s in (server, cold))
                    self.assertEqual(answer["choices"], expected["choices"])
                    pieces.append((answer["usage"]["prompt_tokens_details"]["cached_tokens"], answer["usage"]["prompt_tokens"]))
            length = pieces[1][1] - 10
            self.assertGreater(length, 700)
            for cached, _ in pieces[1:3]:
                self.assertGreaterEqual(cached, length)
            self.assertGreaterEqual(pieces[3][0], pieces[2][1] - 5)
            # With little room the ends of sequences are kept, and beginnings no longer.
            self.assertEqual(pieces[5][0], 0)
            self.assertGreaterEqual(pieces[7][0], pieces[6][1] - 5)
            self.assertLessEqual(small.metrics()["gemcut_cache_bytes"], 1500 << 10)
        finally:
            cold.stop()
            small.stop()

    def test_prompts_survive_restarts(self):
        path = Path(self.folder.name, "prompts")
        body = {"prompt": "Once upon a time there was a fox. " * 20, "temperature": 0, "max_tokens": 20, "logprobs": 3}
        answers = []
        for flags in (["--save-session", path], ["--load-session", path], ["--load-session", path, "--save-session", path]):
            server = Server(self.executable, *flags)
            answers.append(server.post(COMPLETIONS, body)[1])
            self.assertEqual(server.stop(), 0)
        cached = [answer["usage"]["prompt_tokens_details"]["cached_tokens"] for answer in answers]
        self.assertEqual(cached, [0] + [answers[0]["usage"]["prompt_tokens"] - 1] * 2)
        self.assertEqual(answers[0]["choices"], answers[1]["choices"])
        self.assertEqual(answers[0]["choices"], answers[2]["choices"])
        path.write_bytes(path.read_bytes()[:-1])
        result = run(self.executable, "serve", "--load-session", path, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("it was cut off", result.stderr)

    def test_sequences_continue_from_files(self):
        path = Path(self.folder.name, "sequence")
        ids = self.server.post("/tokenize", {"content": "Once upon a time there was a fox. " * 30, "add_special": True})[1]["tokens"]

        def generate(ids, *flags):
            listed = ",".join(map(str, ids))
            return run(self.executable, "generate", "--ids", listed, "--temp", 0, "--print-ids", *flags).stdout

        whole = generate(ids, "-n", 20)
        generate(ids[:200], "-n", 1, "--save-session", path)
        self.assertEqual(generate(ids[200:], "-n", 20, "--load-session", path), whole)
        other = compile_model(TINY, Path(self.folder.name, "other"), "--slots", "4", "--cpu", "avx2", "--context", "1024")
        result = run(other, "generate", "--ids", "5", "--load-session", path, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("belongs to another model", result.stderr)

    def test_messages_forge_no_control_tokens(self):
        def prompt_tokens(server, text):
            status, answer = server.post("/v1/chat/completions", {"messages": [{"role": "user", "content": text}],
                                                                  "max_tokens": 1})
            self.assertEqual(status, 200, answer)
            return answer["usage"]["prompt_tokens"]

        plain = prompt_tokens(self.server, "Hi")
        # Spelled out, the token takes several; taken for what it is, one.
        self.assertGreater(prompt_tokens(self.server, "Hi<turn|>"), plain + 2)
        server = Server(self.executable, "--allow-control-tokens")
        try:
            self.assertEqual(prompt_tokens(server, "Hi<turn|>"), plain + 1)
        finally:
            self.assertEqual(server.stop(signal.SIGINT), 0)


if __name__ == "__main__":
    unittest.main()
