#!/usr/bin/env python3
"""The official `openai` client against `OUT serve`: chat, streams, tools, schemas, errors.

Not part of `make test`, because it needs a package:

    pip install openai && python3 test/e2e/openai_client.py
"""
import json
import tempfile
import unittest
from pathlib import Path

import openai

from support import TINY, compile_model
from server import WEATHER, Server

STORY = [{"role": "user", "content": "Tell me a story about a fox and a lantern."}]
QUESTION = {"role": "user", "content": "What is the weather in Oslo?"}


class OpenAiClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        executable = compile_model(TINY, Path(cls.folder.name, "tiny"), "--slots", "4", "--cpu", "avx2")
        cls.server = Server(executable, "--api-key", "secret")
        cls.client = openai.OpenAI(base_url=f"http://127.0.0.1:{cls.server.port}/v1", api_key="secret", max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.stop()
        cls.folder.cleanup()

    def chat(self, **members):
        members = {"messages": STORY, "temperature": 0, "max_tokens": 30, **members}
        return self.client.chat.completions.create(model="tiny-gemma4", **members)

    def test_chat_and_streams(self):
        whole = self.chat()
        self.assertTrue(whole.choices[0].message.content.startswith("Once upon a time"))
        self.assertEqual(whole.usage.completion_tokens, 30)
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage.total_tokens, whole.usage.total_tokens)

    def test_logprobs(self):
        answer = self.chat(logprobs=True, top_logprobs=2, max_tokens=4)
        self.assertEqual(len(answer.choices[0].logprobs.content), 4)
        self.assertEqual(len(answer.choices[0].logprobs.content[0].top_logprobs), 2)

    def test_tools_round_trip(self):
        first = self.chat(messages=[QUESTION], tools=[WEATHER], max_tokens=100)
        call = first.choices[0].message.tool_calls[0]
        self.assertEqual(first.choices[0].finish_reason, "tool_calls")
        self.assertEqual(json.loads(call.function.arguments), {"city": "Oslo"})
        result = {"role": "tool", "tool_call_id": call.id, "content": json.dumps({"degrees": 4, "sky": "rain"})}
        final = self.chat(messages=[QUESTION, first.choices[0].message, result], tools=[WEATHER], max_tokens=60)
        self.assertIn("Oslo", final.choices[0].message.content)
        with self.client.chat.completions.stream(
            model="tiny-gemma4", messages=[QUESTION], tools=[WEATHER], temperature=0
        ) as stream:
            streamed = stream.get_final_completion()
        self.assertEqual(json.loads(streamed.choices[0].message.tool_calls[0].function.arguments), {"city": "Oslo"})
        required = self.chat(tools=[WEATHER], tool_choice="required", max_tokens=100)
        self.assertEqual(required.choices[0].message.tool_calls[0].function.name, "get_weather")

    def test_json_schema(self):
        schema = {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "maximum": 99}},
            "required": ["name", "age"],
            "additionalProperties": False,
        }
        answer = self.chat(
            response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}},
            max_tokens=200,
        )
        person = json.loads(answer.choices[0].message.content)
        self.assertEqual(set(person), {"name", "age"})
        self.assertIsInstance(person["age"], int)

    def test_completions(self):
        answer = self.client.completions.create(model="tiny-gemma4", prompt="Once upon a time", max_tokens=8, temperature=0)
        self.assertEqual(answer.usage.completion_tokens, 8)

    def test_responses(self):
        answer = self.client.responses.create(
            model="tiny-gemma4", input="What is 38 + 57?", temperature=0, reasoning={"effort": "high"}
        )
        self.assertEqual(answer.status, "completed")
        self.assertGreater(len(answer.output_text), 0)
        with self.client.responses.stream(
            model="tiny-gemma4", input="What is 38 + 57?", temperature=0, reasoning={"effort": "high"}
        ) as stream:
            kinds = {event.type for event in stream}
            self.assertEqual(stream.get_final_response().output_text, answer.output_text)
        self.assertIn("response.output_text.delta", kinds)
        tool = {"type": "function", "strict": False, **WEATHER["function"]}
        called = self.client.responses.create(model="tiny-gemma4", input=[QUESTION], tools=[tool], temperature=0)
        self.assertEqual(json.loads(called.output[0].arguments), {"city": "Oslo"})

    def test_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["tiny-gemma4"])
        self.assertEqual(self.client.models.retrieve("tiny-gemma4").owned_by, "gemcut")

    def test_errors(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(temperature=9)
        self.assertEqual((caught.exception.param, caught.exception.code), ("temperature", "invalid_value"))
        with self.assertRaises(openai.NotFoundError):
            self.client.chat.completions.create(model="gpt", messages=STORY)
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=self.client.base_url, api_key="wrong", max_retries=0).models.list()
        with self.assertRaises(openai.InternalServerError):  # 501
            self.client.embeddings.create(model="tiny-gemma4", input="x")


if __name__ == "__main__":
    unittest.main()
