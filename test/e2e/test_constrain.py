#!/usr/bin/env python3
"""Constrained answers: random schemas at temperature 1, each answer valid; patterns; heads; errors.

GEMCUT_CONSTRAINED=1000 generates that many answers instead of 40.
"""
import json
import os
import random
import re
import shutil
import sys
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import TINY, compile_model, ids_argument, run
from server import CHAT, COMPLETIONS, RESPONSES, WEATHER, Server

COUNT = int(os.environ.get("GEMCUT_CONSTRAINED", 40))


def is_type(value, name):
    return {
        "null": value is None,
        "boolean": isinstance(value, bool),
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool)
        or isinstance(value, float) and value.is_integer(),
    }[name]


def equal(a, b):
    """JSON's equality: true is not 1."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def validate(value, schema, root):
    """An independent reading of the keywords that the generator below uses: an error, or None."""
    if schema is True or schema is False:
        return None if schema else "false"
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].split("/")[1:]:
            target = target[part]
        return validate(value, target, root)
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_type(value, name) for name in names):
            return f"{value!r} is no {names}"
    if "enum" in schema and not any(equal(value, item) for item in schema["enum"]):
        return f"{value!r} is not listed"
    if "not" in schema and validate(value, schema["not"], root) is None:
        return f"{value!r} is excluded"
    if "const" in schema and not equal(value, schema["const"]):
        return f"{value!r} is not the constant"
    for keyword, counts in (("anyOf", range(1, 99)), ("oneOf", [1]), ("allOf", [len(schema.get("allOf", []))])):
        if keyword in schema:
            valid = sum(validate(value, item, root) is None for item in schema[keyword])
            if valid not in counts:
                return f"{keyword}: {valid} schemas hold"
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1e9):
            return f"{value!r} has {len(value)} characters"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return f"{value!r} does not match {schema['pattern']}"
        if "format" in schema and not has_format(value, schema["format"]):
            return f"{value!r} is no {schema['format']}"
    if is_type(value, "number"):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            return f"{value} is out of bounds"
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            return f"{value} is out of bounds"
        if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
            return f"{value} is out of bounds"
        if "multipleOf" in schema and Decimal(str(value)) % Decimal(str(schema["multipleOf"])):
            return f"{value} is no multiple"
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1e9):
            return f"{len(value)} items"
        if schema.get("uniqueItems") and len({json.dumps(item) for item in value}) < len(value):
            return "items are equal"
        first = schema.get("prefixItems", [])
        for i, item in enumerate(value):
            error = validate(item, first[i] if i < len(first) else schema.get("items", True), root)
            if error:
                return f"[{i}]: {error}"
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                return f"{name} is missing"
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 1e9):
            return f"{len(value)} properties"
        properties = schema.get("properties", {})
        for name, item in value.items():
            error = validate(name, schema.get("propertyNames", True), root)
            if error:
                return f"the name {name}: {error}"
            rules = [properties[name]] if name in properties else []
            rules += [rule for pattern, rule in schema.get("patternProperties", {}).items() if re.search(pattern, name)]
            errors = [validate(item, rule, root) for rule in rules or [schema.get("additionalProperties", True)]]
            error = next(filter(None, errors), None)
            if error:
                return f"{name}: {error}"
    return None


def is_date(text):
    import datetime
    return len(text) == 10 and bool(datetime.date.fromisoformat(text))


def is_ipv4(text):
    import ipaddress
    return bool(ipaddress.IPv4Address(text))


def is_uuid(text):
    import uuid
    return str(uuid.UUID(text)) == text


FORMATS = {
    "date": is_date,
    "ipv4": is_ipv4,
    "uuid": is_uuid,
    "email": lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", text),
    "time": lambda text: re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text),
}


def has_format(text, name):
    try:
        return FORMATS[name](text)
    except ValueError:
        return False


class Schemas:
    """Random schemas whose answers have a bounded length."""

    NAMES = ["name", "age", "a b", "size", "é", "tags", "kind", "x\"y", "n"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def make(self):
        schema = self.any(0)
        if self.random.random() < 0.2:  # up to 128 deep, so short
            schema = {"$defs": {"list": {"type": "object", "properties": {
                "v": self.simple(0), "n": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/list"}]}},
                "required": ["n"]}}, "$ref": "#/$defs/list"}
        return schema

    def any(self, depth):
        kinds = [self.integer, self.number, self.string, self.constants, self.simple]
        if depth < 3:
            kinds += [self.object, self.object, self.table, self.array, self.alternatives]
        return self.random.choice(kinds)(depth)

    def chance(self, p=0.5):
        return self.random.random() < p

    def simple(self, depth):
        if self.chance(0.2):
            return {"not": {"type": ["number", "string", "array", "object"]}}
        return {"type": self.random.choice(["null", "boolean", ["boolean", "null"]])}

    def integer(self, depth):
        low = self.random.randint(-1200, 1200)
        schema = {"type": "integer"}
        if self.chance():
            schema[self.random.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance():
            schema[self.random.choice(["maximum", "exclusiveMaximum"])] = low + self.random.randint(2, 3000)
        if self.chance(0.2):
            schema["multipleOf"] = self.random.choice([2, 5, 7, 10])
            schema["maximum"] = low + 2000
            schema.pop("exclusiveMaximum", None)
        return schema

    def number(self, depth):
        low = round(self.random.uniform(-100, 100), self.random.randint(0, 4))
        if self.chance(0.3):
            return {"type": "number", "minimum": low, "multipleOf": self.random.choice([0.01, 0.25, 1.5, 5])}
        schema = {"type": "number"}
        if self.chance():
            schema[self.random.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance():
            schema[self.random.choice(["maximum", "exclusiveMaximum"])] = round(low + self.random.uniform(0.01, 50), 4)
        return schema

    def string(self, depth):
        kind = self.random.randrange(4)
        if kind == 0:
            return {"type": "string", "format": self.random.choice(list(FORMATS))}
        if kind == 1:
            return {"type": "string", "pattern": self.random.choice(
                ["^[A-Z][a-z]{2,8}$", "^(red|green|blue)( [0-9]+){1,2}$", "^\\d{3}-\\d{4}$", "^[^a-z]{1,6}$", "^\\w{3}.?$"]),
                "maxLength": 20}
        least = self.random.randint(0, 5)
        return {"type": "string", "minLength": least, "maxLength": least + self.random.randint(0, 25)}

    def constants(self, depth):
        values = self.random.sample(["red", "green \"x\"", "a\nb", 1, 2.5, True, None, [1, {"k": "v"}], -7, "é"], 3)
        return {"enum": values} if self.chance(0.8) else {"const": values[0]}

    def object(self, depth):
        names = self.random.sample(self.NAMES, self.random.randint(0, 4))
        schema = {"type": "object", "properties": {name: self.any(depth + 1) for name in names}}
        schema["required"] = [name for name in names if self.chance(0.6)]
        if self.chance():
            schema["additionalProperties"] = False
        if self.chance(0.3):  # what is added is short: others may repeat
            schema["maxProperties"] = max(len(schema["required"]), self.random.randint(0, 3))
            schema["minProperties"] = self.random.randint(0, min(len(names), schema["maxProperties"]))
        return schema

    def table(self, depth):
        """An object whose names are not given."""
        rules = [{"patternProperties": {"^[0-9]{2}$": self.any(depth + 1), "^_[a-z]{0,5}$": self.any(depth + 1)}},
                 {"propertyNames": {"enum": ["red", "deep blue"]}, "additionalProperties": self.any(depth + 1)},
                 {"propertyNames": {"pattern": "^[a-z]{1,4}$"}, "additionalProperties": self.any(depth + 1)}]
        return {"type": "object", "minProperties": self.random.randint(0, 1), "maxProperties": self.random.randint(1, 3),
                **self.random.choice(rules)}

    def array(self, depth):
        if self.chance(0.2):
            return {"type": "array", "items": {"enum": [1, "b", None, *range(2, self.random.choice([3, 12]))]}, "uniqueItems": True,
                    "minItems": self.random.randint(0, 3)}
        least = self.random.randint(0, 2)
        schema = {"type": "array", "items": self.any(depth + 1), "minItems": least,
                  "maxItems": least + self.random.randint(0, 2)}
        if self.chance(0.3):
            schema["prefixItems"] = [self.any(depth + 1)]
        return schema

    def alternatives(self, depth):
        if self.chance(0.6):
            return {"anyOf": [self.any(depth + 1) for _ in range(self.random.randint(1, 3))]}
        required = ["kind"] if self.chance() else []
        return {"oneOf": [self.tagged(depth, tag, required) for tag in ("cat", "dog")], "discriminator": {"propertyName": "kind"}}

    def tagged(self, depth, tag, required):
        return {"type": "object", "required": required,
                "properties": {"kind": {"const": tag}, "v": self.any(depth + 1)}}


class Constrain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-constrain-"))
        cls.tiny = compile_model(TINY, cls.folder / "tiny", "--quant", "int8", "--cpu", "avx2")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def answer(self, *flags, prompt="Tell me about Anna.", executable=None):
        return run(executable or self.tiny, "-p", prompt, *flags).stdout.removesuffix("\n")

    def test_random_schemas_at_temperature_1(self):
        for seed in range(COUNT):
            schema = Schemas(seed).make()
            text = json.dumps(schema)
            answer = self.answer("--json-schema", text, "--temp", 1, "--top-k", 0, "--top-p", 1, "--seed", seed)
            with self.subTest(seed=seed, schema=text, answer=answer):
                value = json.loads(answer)
                self.assertIsNone(validate(value, schema, schema))
                outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', answer)
                self.assertNotRegex(outside, r"\s")

    def test_the_validator_says_no(self):
        schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"],
                  "additionalProperties": False}
        for value in ({}, {"a": 2}, {"a": "3"}, {"a": 3, "b": 1}, [], True):
            self.assertIsNotNone(validate(value, schema, schema), value)
        self.assertIsNone(validate({"a": 3}, schema, schema))
        schema = {"minProperties": 1, "maxProperties": 2, "propertyNames": {"maxLength": 2},
                  "patternProperties": {"^a": {"type": "null"}}}
        for value in ({}, {"a": 1}, {"abc": None}, {"a": None, "b": 1, "c": 2}):
            self.assertIsNotNone(validate(value, schema, schema), value)
        self.assertIsNone(validate({"a": None, "b": 1}, schema, schema))

    def test_a_schema_from_a_file_and_the_limit(self):
        file = self.folder / "schema.json"
        file.write_text('{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}')
        self.assertIsInstance(json.loads(self.answer("--json-schema", file, "--temp", 0))["n"], int)
        # An answer that is cut stays a beginning of a valid one.
        cut = self.answer("--json-schema", file, "--temp", 0, "-n", 2)
        self.assertTrue('{"n":'.startswith(cut[:5]), cut)
        told = run(self.tiny, "-p", "x", "--json-schema", file, "--temp", 0, "-n", 2).stderr
        self.assertEqual(told, "note: the answer was cut before it was complete; -n allows more tokens\n")

    def test_patterns(self):
        for seed, pattern in enumerate([r"[A-Z][a-z]{2,9}( [a-z]{1,9}){2,4}\.", r"(yes|no), \d{1,3}%", r"é{1,3}\n.{0,9}"]):
            answer = self.answer("--regex", pattern, "--temp", 1, "--seed", seed)
            self.assertTrue(re.fullmatch(pattern, answer), (pattern, answer))
        self.assertEqual(self.answer("--regex", "  only this\\?", "--temp", 1), "  only this?")

    def test_both_heads_choose_alike(self):
        staged = compile_model(TINY, self.folder / "staged", "--quant", "int8", "--cpu", "avx2", "--head", "two-stage")
        for seed in range(4):
            schema = json.dumps(Schemas(100 + seed).make())
            for sampling in (["--temp", 0], ["--temp", 1, "--top-k", 4, "--seed", 1]):
                flags = ["--json-schema", schema, *sampling]
                self.assertEqual(self.answer(*flags), self.answer(*flags, executable=staged), schema)

    def test_ids(self):
        ids = run(self.tiny, "generate", "--ids", ids_argument([2, 9, 12]), "--regex", "[0-9]{5}", "--print-ids").stdout
        text = run(self.tiny, "detokenize", ids.strip()).stdout
        self.assertRegex(text, r"^[0-9]{5}\n?$")

    def test_errors(self):
        unsupported = self.folder / "unsupported.json"
        unsupported.write_text('{"type": "string", "if": {}}')
        cases = [
            (["--json-schema", unsupported], 1, f"error: {unsupported}: "),
            (["--json-schema", '{"properties": {"a": {"if": {}}}}'], 1, "#/properties/a/if"),
            (["--json-schema", "{"], 1, "is not JSON"),
            (["--json-schema", self.folder / "none"], 1, "cannot open"),
            (["--regex", "a("], 1, "'(' without ')' at byte 1"),
            (["--regex", "a", "--json-schema", "{}"], 2, "exclude each other"),
        ]
        for flags, code, sentence in cases:
            result = run(self.tiny, "-p", "x", *flags, check=False)
            self.assertEqual(result.returncode, code, flags)
            self.assertIn(sentence, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        result = run(self.tiny, "generate", "--ids", "2", "--regex", "a", "--ignore-stop", check=False)
        self.assertEqual(result.returncode, 2)


class ConstrainedServer(unittest.TestCase):
    PERSON = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20},
                                               "age": {"type": "integer", "minimum": 0, "maximum": 150}},
              "required": ["name", "age"], "additionalProperties": False}
    ASK = [{"role": "user", "content": "Tell me about Anna."}]

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-constrain-"))
        tiny = compile_model(TINY, cls.folder / "tiny", "--quant", "int8", "--cpu", "avx2", "--slots", 3)
        cls.server = Server(tiny)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.folder)

    def chat(self, **members):
        status, answer = self.server.post(CHAT, {"messages": self.ASK, "max_tokens": 300, **members})
        self.assertEqual(status, 200, answer)
        return answer

    def test_response_formats(self):
        answer = self.chat(response_format={"type": "json_schema", "json_schema": {"name": "p", "schema": self.PERSON}}, n=3)
        for choice in answer["choices"]:
            self.assertEqual(choice["finish_reason"], "stop")
            self.assertIsNone(validate(json.loads(choice["message"]["content"]), self.PERSON, self.PERSON))
        answer = self.chat(response_format={"type": "json_object"}, temperature=0, max_tokens=500)
        content = answer["choices"][0]["message"]["content"]
        self.assertTrue(content.startswith("{"))
        if answer["choices"][0]["finish_reason"] == "stop":
            self.assertIsInstance(json.loads(content), dict)
        status, answer = self.server.post(RESPONSES, {"input": "Who?", "text": {"format": {
            "type": "json_schema", "name": "p", "schema": self.PERSON, "strict": True}}})
        self.assertEqual(status, 200, answer)
        text = answer["output"][0]["content"][0]["text"]
        self.assertIsNone(validate(json.loads(text), self.PERSON, self.PERSON))
        self.assertEqual(answer["text"]["format"]["type"], "json_schema")

    def test_completions_and_other_names(self):
        """Completions take a form too, under the names of several servers."""
        for members in ({"response_format": {"type": "json_schema", "json_schema": {"schema": self.PERSON}}},
                        {"json_schema": self.PERSON}, {"guided_json": json.dumps(self.PERSON)},
                        {"structured_outputs": {"json": self.PERSON}}):
            status, answer = self.server.post(COMPLETIONS, {"prompt": ["Who?", "And?"], "max_tokens": 300, **members})
            self.assertEqual(status, 200, answer)
            for choice in answer["choices"]:
                self.assertEqual(choice["finish_reason"], "stop")
                self.assertIsNone(validate(json.loads(choice["text"]), self.PERSON, self.PERSON))
        for members in ({"guided_regex": "[a-c]{3}-[0-9]{2}"}, {"structured_outputs": {"regex": "[a-c]{3}-[0-9]{2}"}}):
            status, answer = self.server.post(COMPLETIONS, {"prompt": "Who?", "max_tokens": 30, **members})
            self.assertRegex(answer["choices"][0]["text"], "^[a-c]{3}-[0-9]{2}$")
            self.assertRegex(self.chat(**members)["choices"][0]["message"]["content"], "^[a-c]{3}-[0-9]{2}$")

    def test_streams_and_logprobs(self):
        body = {"messages": self.ASK, "seed": 4, "response_format": {
            "type": "json_schema", "json_schema": {"name": "p", "schema": self.PERSON}}}
        chunks = [json.loads(data) for _, data in self.server.stream(CHAT, body)[:-1]]
        text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)
        self.assertIsNone(validate(json.loads(text), self.PERSON, self.PERSON))
        whole = self.chat(seed=4, logprobs=True, max_tokens=None, response_format=body["response_format"])
        self.assertEqual(whole["choices"][0]["message"]["content"], text)

    def test_required_and_named_calls(self):
        other = {"type": "function", "function": {"name": "add", "parameters": {
            "type": "object", "properties": {"x": {"type": "integer", "minimum": 3, "maximum": 9}}, "required": ["x"]}}}
        for seed in range(6):
            answer = self.chat(tools=[WEATHER, other], tool_choice="required", parallel_tool_calls=False, seed=seed,
                               temperature=1.5)
            choice = answer["choices"][0]
            if choice["finish_reason"] == "length":
                continue  # a city's name has no bounded length
            self.assertEqual(choice["finish_reason"], "tool_calls", answer)
            (call,) = choice["message"]["tool_calls"]
            arguments = json.loads(call["function"]["arguments"])
            if call["function"]["name"] == "add":
                self.assertIn(arguments["x"], range(3, 10))
            else:
                self.assertEqual(list(arguments), ["city"])
        named = {"type": "function", "function": {"name": "add"}}
        for seed in range(3):
            answer = self.chat(tools=[WEATHER, other], tool_choice=named, seed=seed, temperature=1.5,
                               parallel_tool_calls=False)
            (call,) = answer["choices"][0]["message"]["tool_calls"]
            self.assertEqual(call["function"]["name"], "add")
            self.assertIn(json.loads(call["function"]["arguments"])["x"], range(3, 10))
        status, answer = self.server.post(RESPONSES, {
            "input": "Add.", "tools": [{"type": "function", **other["function"]}], "parallel_tool_calls": False,
            "tool_choice": {"type": "function", "name": "add"}})
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["output"][-1]["name"], "add")

    def test_auto_keeps_arguments_valid(self):
        question = [{"role": "user", "content": "What is the weather in Oslo?"}]
        tool = json.loads(json.dumps(WEATHER))
        tool["function"]["parameters"]["properties"]["city"] = {"enum": ["Paris", "Rome"]}
        answer = self.chat(messages=question, tools=[tool], temperature=0)
        call = answer["choices"][0]["message"]["tool_calls"][0]["function"]
        self.assertIn(json.loads(call["arguments"])["city"], ["Paris", "Rome"])
        # Or an answer in JSON; and what cannot be compiled is free unless it is strict.
        answer = self.chat(tools=[tool], response_format={"type": "json_schema", "json_schema": {"schema": self.PERSON}})
        message = answer["choices"][0]["message"]
        if not message.get("tool_calls"):
            self.assertIsNone(validate(json.loads(message["content"]), self.PERSON, self.PERSON))
        tool["function"]["parameters"]["if"] = {}
        self.chat(messages=question, tools=[tool])
        tool["function"]["strict"] = True
        self.expect_error({"tools": [tool]}, "tools", "invalid_json_schema", "at #/if")

    def expect_error(self, members, param, code, fragment):
        status, answer = self.server.post(CHAT, {"messages": self.ASK, **members})
        self.assertEqual(status, 400, answer)
        error = answer["error"]
        self.assertEqual((error["param"], error["code"]), (param, code), error)
        self.assertIn(fragment, error["message"])

    def test_errors(self):
        schema = {"type": "object", "properties": {"a": {"contains": {}}}}
        cases = [
            ({"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}, "response_format",
             "invalid_json_schema", "The schema at #/properties/a/contains: the keyword 'contains' is not supported"),
            ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter",
             "needs a schema"),
            ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value", "json_object"),
            ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice",
             "invalid_value", "not among"),
            ({"guided_json": {"type": "object"}, "guided_regex": "a"}, "guided_regex", "invalid_value", "the second"),
            ({"guided_json": 5}, "guided_json", "invalid_type", "a JSON schema"),
            ({"guided_regex": "("}, "guided_regex", "invalid_json_schema", ""),
            ({"guided_regex": "a", "tools": [WEATHER]}, "guided_regex", "invalid_value", "exclude each other"),
            ({"grammar": "root ::= x"}, "grammar", "unsupported_parameter", "regular expression"),
            ({"tool_choice": "required"}, "tool_choice", "invalid_value", "needs 'tools'"),
        ]
        for members, *expected in cases:
            with self.subTest(members=members):
                self.expect_error(members, *expected)


if __name__ == "__main__":
    unittest.main()
