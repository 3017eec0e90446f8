#!/usr/bin/env python3
"""Compares compiled chat templates with jinja2, which evaluates them elsewhere.

    compare_jinja2.py RENDER_CHAT

500 random conversations for every template at hand, and snippets of the language with
random values. Both must give the same text, or both must fail.
"""
import copy
import json
import random
import subprocess
import sys
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "frontends" / "ChatTemplate" / "templates"
ONE_EMPTY_THOUGHT = "{{%- set opens_empty_thought = {} -%}}\n"


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def make_environment():
    """As transformers makes it."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                extensions=["jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    return environment


def templates():
    """(argument of render_chat, source)"""
    gemma4 = (TEMPLATES / "gemma4.jinja").read_text()
    yield "small", ONE_EMPTY_THOUGHT.format("false") + gemma4
    yield "large", ONE_EMPTY_THOUGHT.format("true") + gemma4
    yield "gemma3", (TEMPLATES / "gemma3.jinja").read_text()
    for path in (ROOT / "test" / "data" / "chat" / "template-31b.jinja",
                 ROOT / "test" / "data" / "chat" / "template-first-release.jinja",
                 ROOT / "examples" / "tiny-gemma4" / "chat_template.jinja"):
        yield str(path), path.read_text()


class Conversations:
    """Random messages and tools, odd ones too."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def text(self):
        words = ["", " ", "\n", "Hi", "grün", "\U0001F600", "<turn|>", "<|channel>", "<channel|>", "thought\n",
                 "<|\"|>", "'", '"', "\\n", "{}", "a b", "\t", "\u00a0", "<|image|>", "x" * 40]
        return "".join(self.random.choice(words) for _ in range(self.random.randint(0, 6)))

    def number(self):
        return self.one(0, 1, -7, 2.0, 1.5, 1e20, 1e-7, 123456789012345678901234567890, -0.0, 3.14159)

    def value(self, depth=0):
        kinds = 4 if depth > 2 else 6
        kind = self.random.randrange(kinds)
        if kind == 0:
            return self.text()
        if kind == 1:
            return self.number()
        if kind == 2:
            return self.one(True, False)
        if kind == 3:
            return None
        if kind == 4:
            return [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]
        return self.object(depth + 1)

    def object(self, depth=0):
        keys = ["a", "B", "b", "é", "É", "\x7f", "type", "items", "name", "z1", "Z1"]
        return {self.random.choice(keys): self.value(depth + 1) for _ in range(self.random.randint(0, 4))}

    def schema(self, depth=0):
        schema = {}
        kind = self.one("string", "STRING", "integer", "object", "array", "boolean", None,
                        ["string", "null"] if depth else "object")
        if kind is not None:
            schema["type"] = kind
        if self.one(True, False):
            schema["description"] = self.text()
        if self.one(True, False, False):
            schema["enum"] = [self.text(), self.number()]
        if self.one(True, False, False):
            schema["nullable"] = self.one(True, False)
        if self.one(True, False, False):
            schema["default"] = self.value(1)
        if kind == "object" and depth < 3 and self.one(True, True, False):
            schema["properties"] = {self.one("a", "B", "c d", "type", "description"): self.schema(depth + 1)
                                    for _ in range(self.random.randint(0, 3))}
            if self.one(True, False):
                schema["required"] = list(schema["properties"])
        if kind == "array" and depth < 3 and self.one(True, True, False):
            schema["items"] = self.schema(depth + 1)
        return schema

    def tools(self):
        tools = []
        for _ in range(self.random.randint(0, 2)):
            function = {"name": self.one("get_weather", "f.g", "bash")}
            if self.one(True, True, False):
                function["description"] = self.text()
            if self.one(True, True, False):
                parameters = self.schema()
                if isinstance(parameters.get("type"), list):
                    parameters["type"] = "object"
                function["parameters"] = parameters
            if self.one(True, False, False):
                function["response"] = self.schema()
            tools.append({"type": "function", "function": function})
        return tools

    def content(self):
        kind = self.random.randrange(8)
        if kind < 5:
            return self.text()
        if kind == 5:
            return None
        return [self.one({"type": "text", "text": self.text()}, {"type": "image"}, {"type": "image_url"},
                         {"type": "audio"}, {"type": "input_audio"}, {"type": "video"})
                for _ in range(self.random.randint(0, 3))]

    def call(self, index):
        call = {"type": "function", "function": {"name": self.one("bash", "f.g")}}
        if self.one(True, True, False):
            call["id"] = f"call_{index}"
        if self.one(True, True, True, False):
            call["function"]["arguments"] = self.one(self.object(), self.object(), self.object(), None)
        return call

    def message(self):
        role = self.one("user", "user", "assistant", "assistant", "assistant", "tool", "tool", "system", "developer")
        message = {"role": role}
        if self.one(*[True] * 9, False):
            message["content"] = self.content()
        if role == "assistant":
            if self.one(True, False, False):
                message[self.one("reasoning", "reasoning_content")] = self.text()
            if self.one(True, False):
                message["tool_calls"] = [self.call(i) for i in range(self.random.randint(0, 3))]
            if self.one(True, False, False, False, False):
                message["tool_responses"] = [{"name": "bash", "response": self.value()}]
        if role == "tool":
            if self.one(True, False):
                message["tool_call_id"] = self.one("call_0", "call_1", "other")
            if self.one(True, False):
                message["name"] = "named"
            if self.one(True, False, False, False):
                message["content"] = self.value()
        return message

    def request(self):
        request = {"messages": [self.message() for _ in range(self.random.randint(1, 8))], "bos_token": "<bos>",
                   "add_generation_prompt": self.one(True, False)}
        tools = self.tools()
        if tools or self.one(True, False):
            request["tools"] = tools
        for flag in ("enable_thinking", "preserve_thinking"):
            if self.one(True, False):
                request[flag] = self.one(True, False)
        return request


SNIPPETS = """
{{ v }}|{{ v | string }}|{{ v | trim }}|{{ v | upper }}|{{ v | lower }}|{{ v | title }}|{{ v | capitalize }}
{{ v | length }}
{{ v | list }}
{{ v | first }} {{ v | last }}
{{ v | int }} {{ v | float }} {{ v | int(5) }} {{ v | default('d') }} {{ v | default('d', true) }} {{ nope | d(1) }}
{{ v | tojson }}
{{ v | tojson(indent=2) }}
{{ v | tojson(ensure_ascii=true) }}
{{ v | tojson(separators=(',', ':')) }}
{{ v | tojson(indent=1, separators=(' ;', ' = '), ensure_ascii=true) }}
{{ v | tojson(sort_keys=true) }}
{{ v | dictsort }} {{ v | dictsort(true) }} {{ v | dictsort(reverse=true) }}
{{ v | items | list }}
{{ v | sort }} {{ v | sort(reverse=true) }}
{{ v | join(', ') }}
{{ v | reverse | list }}
{{ v | indent }}|{{ v | indent(2, true) }}|{{ v | indent(width=3, blank=true) }}
{{ v | replace('a', 'bc') }} {{ v | replace('', '-') }}
{{ v | abs }}
{{ v | round(1) }} {{ v | round }} {{ v | round(2, 'floor') }}
{{ v | sum }}
{{ v | min }} {{ v | max }}
{{ v | unique | list }}
{{ v | map('upper') | list }} {{ v | map('string') | join }}
{{ v | map(attribute='a') | list }}
{{ v | select | list }} {{ v | reject('none') | list }} {{ v | select('string') | list }} {{ v | select('in', [1, 'a']) | list }}
{{ v | selectattr('a') | list }} {{ v | rejectattr('a', 'defined') | list }} {{ v | selectattr('a', 'equalto', 1) | list }}
{{ v is string }} {{ v is mapping }} {{ v is sequence }} {{ v is iterable }} {{ v is number }} {{ v is integer }} {{ v is float }}
{{ v is boolean }} {{ v is true }} {{ v is false }} {{ v is none }} {{ v is defined }} {{ v is not undefined }} {{ nope is defined }}
{{ v is lower }} {{ v is upper }} {{ v is eq 1 }} {{ v is in [1, 'a', None] }} {{ v is sameas none }}
{{ v is odd }} {{ v is divisibleby 3 }}
{{ v + v }}
{{ v * 2 }}
{{ v - 1 }} {{ v / 2 }}
{{ v // 2 }} {{ v % 3 }} {{ -v }}
{{ v // -3 }} {{ v % -3 }} {{ v ** 2 }}
{{ v ~ v ~ 1 }}
{{ v < 2 }} {{ v >= 1 }}
{{ v < v }} {{ v == v }} {{ v != 1 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ [1, 2] < [1, 3] }} {{ (1, 2) == [1, 2] }}
{{ 'a' in v }} {{ 'a' not in v }}
{{ v.a }} {{ v['a'] }} {{ v.a.b }}
{{ v['items'] is defined }} {{ v.items is mapping }} {{ v['type'] }} {{ v[0] }} {{ v[-1] }} {{ v['0'] }}
{{ v[1:] }} {{ v[:-1] }} {{ v[::-1] }} {{ v[1:3] }} {{ v[::2] }} {{ v[-2:] }} {{ v[5:1:-2] }}
{{ v.get('a') }} {{ v.get('nope', 'x') }} {{ v.keys() | list }} {{ v.values() | list }} {{ v.items() | list }}
{{ v.split() }} {{ v.split(' ') }} {{ v.split('a', 1) }} {{ v.rsplit(' ', 1) }} {{ v.splitlines() }}
{{ v.strip() }}|{{ v.lstrip() }}|{{ v.rstrip() }}|{{ v.strip('aH \\n') }}|{{ v.title() }}|{{ v.capitalize() }}
{{ v.upper() }} {{ v.lower() }} {{ v.startswith('a') }} {{ v.endswith(('a', ' ')) }} {{ v.replace('a', 'b', 1) }} {{ v.count('a') }}
{{ v.find('a') }} {{ v.rfind('a') }} {{ v.isdigit() }} {{ v.removeprefix('a') }} {{ v.removesuffix('a') }} {{ ','.join(v) }}
{% for x in v %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }};{% else %}empty{% endfor %}
{% for k, x in v.items() if x %}{{ k }}={{ x }}{{ ',' if not loop.last }}{% endfor %}
{% for k, x in v | dictsort %}{{ k }}={{ x }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}
{% if v %}yes{% elif v is none %}none{% else %}no{% endif %} {{ v and 'x' }} {{ v or 'y' }} {{ not v }} {{ 'x' if v }} {{ 'x' if v else 'y' }}
{% set x = v %}{% for i in range(3) %}{% set x = i %}{{ x }}{% endfor %}{{ x }}
{% set n = namespace(x=v) %}{% set n.y = [n.x] %}{{ n.y }} {{ n.z is defined }} {{ n.x }}
{% set x %} a {{ v }} {% endset %}[{{ x }}] {% set x | trim | upper %} a {{ v }}{% endset %}[{{ x }}]
{% macro f(a, b='B', c=none) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(v) }} {{ f(v, c=1) }} {{ f() }} {{ f(1, 2, 3) | upper }}
{% macro f(x) %}{% if x %}{{ x[0] }}{{ f(x[1:]) }}{% endif %}{% endmacro %}{{ f(v) }}
  {% if true %}
  a
    {%- if true %}  b  {% endif -%}
 c
  {% endif %}
 d {# e #} f
   {# g #}
 {{- ' h ' -}} i {%+ if true +%}
 j{% endif %}
{% raw %}{{ v }} {% x %}{% endraw %} {{ '{{' }} {{ "}}" }} {{ {'a': {'b': 1}}['a']['b'] }} {{ [1, [2]][1][0] }} {{ (1,) }} {{ () }}
{{ 1e3 }} {{ 1_000 }} {{ 0.1 + 0.2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7 / 2 }} {{ 1 / 3 }}
{{ 'a\\nb\\t\\'\\x41\\u00e9' }} {{ "a" "b" }} {{ 'a' ~ 1 + 2 }} {{ -5 | abs }} {{ 1 if false }} {{ not 1 == 2 }} {{ 1 < 2 and 2 < 3 or nope }}
{{ range(5) | list }} {{ range(2, 8, 3) | list }} {{ range(3, 0, -1) | list }} {{ range(0) | list }} {{ dict(a=1, b=v) }}
{% with a = 1, b = v %}{{ a }}{{ b }}{% endwith %}{{ a is defined }} {% filter upper %}x{{ v }}{% endfilter %}
{{ v.nope.deeper }}
{{ nope.x }}
{{ nope }}{{ nope | length }}{% for x in nope %}{% endfor %}{{ nope == none }}{{ [nope] }}{{ nope ~ 'a' }}
{{ nope + 1 }}
{{ none.x is defined }} {{ 5['x'] is defined }} {{ 'abc'.nope is defined }} {{ [1].nope is defined }} {{ {'a': 1}.nope is defined }}
{{ raise_exception('no') }}
{{ [v, [v]] }} {{ (v, 1) }} {{ {'k': v} }}
{{ 'é'.upper() }} {{ 'ß' | upper }} {{ 'ÀÉ' | lower }} {{ 'жЖ' | upper | lower }} {{ 'ǅ' | lower }} {{ 'aé\U0001F600'[1] }} {{ 'aé\U0001F600' | length }} {{ '\U0001F600é' | reverse }}
{%- set a, b = 1, 2 -%}{{ a }}{{ b }}{%- for (x, y) in [[1, 2], [3, 4]] -%}{{ x }}{{ y }}{%- endfor -%}
{% generation %}{{ v }}{% endgeneration %}
""".strip("\n")


def snippet_list():
    """One per line; lines that begin with white space or follow one that opens go on."""
    out = []
    for line in SNIPPETS.split("\n"):
        if line.startswith(" ") and out:
            out[-1] += "\n" + line
        else:
            out.append(line)
    return out


def render(template, request):
    # A copy, because the filter indent extends lists in place.
    try:
        return {"text": template.render(**copy.deepcopy(request))}
    except Exception as error:  # noqa: BLE001: whatever jinja2 throws
        return {"error": repr(error)}


class Renderer:
    """The program under test."""

    def __init__(self, program):
        self.program = program

    def run(self, template, requests):
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        result = subprocess.run([self.program, template], input=lines, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in result.stdout.split("\n")[:-1]]


def compare(name, requests, expected, found):
    """The number of differences; prints the first few."""
    differences = failures = 0
    shown = set()
    assert len(expected) == len(found) == len(requests), (len(expected), len(found))
    for request, ours, theirs in zip(requests, found, expected):
        failures += "error" in theirs
        if ("error" in ours) == ("error" in theirs) and ours.get("text") == theirs.get("text"):
            continue
        differences += 1
        source = request.get("source", "")
        if len(shown) < 12 and source not in shown:
            shown.add(source)
            print(f"{name}: {json.dumps(request)}\n  found    {ours}\n  expected {theirs}")
    print(f"{name}: {len(requests)} compared, {failures} refused by jinja2, {differences} differ")
    return differences


def main():
    renderer = Renderer(sys.argv[1])
    environment = make_environment()
    differences = 0
    for seed, (argument, source) in enumerate(templates()):
        conversations = Conversations(seed)
        template = environment.from_string(source)
        requests = [conversations.request() for _ in range(500)]
        expected = [render(template, request) for request in requests]
        differences += compare(Path(argument).name, requests, expected, renderer.run(argument, requests))

    values = Conversations(100)
    fixed = [None, True, False, 0, 7, -7, 2.5, "", "a", " a Bc\n d ", "abc def", [], [3, 1, 2], ["b", "A", "a"], {}, {"a": 1},
             {"b": 1, "A": {"b": 2}, "a": None}, [{"a": 1}, {"a": 2}, {}], "1.5", "12", "they're OK-ish (yes)"]
    requests = []
    for snippet in snippet_list():
        source = snippet.replace("{% generation %}", "").replace("{% endgeneration %}", "")
        for value in fixed + [values.value() for _ in range(20)]:
            requests.append({"source": snippet, "reference": source, "v": value})
    expected = [render(environment.from_string(request["reference"]), request) for request in requests]
    differences += compare("snippets", requests, expected, renderer.run("small", requests))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
