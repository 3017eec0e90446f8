#!/usr/bin/env python3
"""The chat page of `OUT serve` in headless Chromium.

Opt-in: needs a Chromium (package chromium) and the Python package playwright; skipped without.
GEMCUT_SCREENSHOTS=DIR keeps pictures.
"""
import json
import os
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from support import TINY, compile_model
from server import WEATHER, Server

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    sync_playwright = None
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

MARKDOWN = """# A heading with `code`

Some **bold**, *slanted*, ~~gone~~ and `let x = "<b>"` text, a_name_here, 2 * 3 * 4.
A [link](https://example.org/a_(b)?x=1) and a [bad one](javascript:alert(1)), https://example.org/plain.

- first
- second with **bold**
  - nested
    1. deeper
- third

3. three
4. four

> A quote
> of two lines

| left | right |
|:-----|------:|
| a | 1 |
| <img src=x onerror="window.hacked=1"> | 22 |

```python
def f(x):
    return "<script>window.hacked = 1</script>"
```

<script>window.hacked = 1</script> <img src=x onerror="window.hacked=1">

***

The end, with an open **bold and an open `code
"""


def events(*deltas, finish="stop", usage=None):
    """A stream as the server writes it."""
    out = [{"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]}]
    out += [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    out.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    out.append({"choices": [], "usage": usage or {"prompt_tokens": 12, "completion_tokens": 34}})
    return "".join(f"data: {json.dumps(event)}\n\n" for event in out) + "data: [DONE]\n\n"


@unittest.skipUnless(sync_playwright and CHROMIUM, "needs Chromium and the Python package playwright")
class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="gemcut-page-"))
        cls.pictures = Path(os.environ.get("GEMCUT_SCREENSHOTS", cls.folder))
        cls.server = Server(compile_model(TINY, cls.folder / "tiny", "--quant", "int8", "--cpu", "avx2", "--slots", 2), "--api-key", "secret")
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()
        cls.server.stop()
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.context = self.browser.new_context(viewport={"width": 900, "height": 760})
        self.page = self.context.new_page()
        self.problems = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.requested = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.goto(f"http://127.0.0.1:{self.server.port}/")

    def tearDown(self):
        self.context.close()
        self.assertEqual(self.problems, [])
        # Nothing but this server is asked for anything.
        for url in self.requested:
            self.assertTrue(url.startswith((f"http://127.0.0.1:{self.server.port}/", "data:")), url)

    def picture(self, name):
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def settings(self, **values):
        self.page.keyboard.press("Alt+s")
        for name, value in values.items():
            field = self.page.locator(f"dialog [name={name}]")
            field.set_checked(value) if isinstance(value, bool) else field.select_option(value) if name == "theme" else field.fill(value)
        self.page.locator("dialog button.main").click()

    def say(self, text):
        self.page.locator("#prompt").fill(text)
        self.page.keyboard.press("Enter")

    def wait_idle(self):
        expect(self.page.locator("#send")).to_be_visible(timeout=20000)

    def answer_with(self, *bodies):
        """Answers requests with these streams instead of the server's."""
        self.sent, left = [], list(bodies)

        def fulfill(route):
            self.sent.append(route.request.post_data_json)
            route.fulfill(status=200, content_type="text/event-stream", body=left.pop(0))

        self.page.route("**/v1/chat/completions", fulfill)

    def test_a_conversation_with_the_model(self):
        self.say("What is a candle?")
        expect(self.page.locator(".message .error")).to_contain_text("needs an API key")
        self.page.keyboard.press("Alt+n")
        self.settings(key="secret", temperature="0", limit="40")
        expect(self.page.locator("h1")).not_to_have_text("Chat")
        self.say("What is a candle?")
        self.wait_idle()
        expect(self.page.locator(".assistant .body")).to_contain_text("stick of wax")
        expect(self.page.locator(".stats")).to_have_text(re.compile(r"^\d+ tokens.*first after \d"))
        self.say("Who are you?")
        self.wait_idle()
        self.assertEqual(self.page.locator(".message").count(), 4)
        self.picture("conversation")
        # Again, and differently.
        self.page.locator(".assistant .actions button", has_text="Regenerate").first.click()
        self.wait_idle()
        self.assertEqual(self.page.locator(".message").count(), 2)
        self.page.keyboard.press("ArrowUp")
        self.assertEqual(self.page.locator("#prompt").input_value(), "What is a candle?")
        self.page.locator("#prompt").fill("What is 23 + 45?")
        self.page.keyboard.press("Enter")
        self.wait_idle()
        expect(self.page.locator(".assistant .body")).to_contain_text("68")
        # The browser keeps it.
        self.page.reload()
        expect(self.page.locator(".assistant .body")).to_contain_text("68")
        self.assertEqual(self.page.evaluate("JSON.stringify(localStorage)").count("secret"), 0)

    def test_stop(self):
        self.settings(key="secret", temperature="1", system="Be long.")
        self.page.evaluate("localStorage.clear()")
        self.say("Tell me a story about a fox and a lantern.")
        expect(self.page.locator(".assistant .body")).to_have_text(re.compile("..."))
        self.page.keyboard.press("Escape")
        self.wait_idle()
        self.assertLess(len(self.page.locator(".assistant .body").inner_text()), 20000)

    def test_markdown_without_markup_of_others(self):
        self.answer_with(events(*({"content": MARKDOWN[i : i + 7]} for i in range(0, len(MARKDOWN), 7))))
        self.say("<b onclick=x>Show</b>\nMarkdown")
        self.wait_idle()
        body = self.page.locator(".assistant .body")
        for tag, count in {"h2": 1, "strong": 2, "em": 1, "del": 1, "table": 1, "tbody tr": 2, "pre": 1, "blockquote": 1,
                           "hr": 1, "ul": 2, "ol": 2, "script": 0, "img": 0, "b": 0}.items():
            self.assertEqual(body.locator(tag).count(), count, tag)
        links = body.locator("a").evaluate_all("list => list.map(a => a.href)")
        self.assertEqual(links, ["https://example.org/a_(b)?x=1", "https://example.org/plain"])
        self.assertIsNone(self.page.evaluate("window.hacked ?? null"))
        self.assertEqual(self.page.locator(".user .body").inner_text(), "<b onclick=x>Show</b>\nMarkdown")
        self.assertIn("window.hacked = 1", body.inner_text())
        self.assertEqual(body.locator("pre code").inner_text(), 'def f(x):\n    return "<script>window.hacked = 1</script>"')
        self.assertIn("a_name_here, 2 * 3 * 4", body.inner_text())
        self.assertEqual(body.locator("ol").nth(1).get_attribute("start"), "3")
        self.picture("markdown")
        self.settings(theme="dark")
        self.picture("markdown-dark")
        self.page.set_viewport_size({"width": 390, "height": 760})
        self.picture("markdown-narrow")
        self.assertLessEqual(self.page.evaluate("document.body.scrollWidth"), 390)

    def test_thoughts_and_tools(self):
        call = {"tool_calls": [{"index": 0, "id": "c1", "type": "function",
                                "function": {"name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"}}]}
        self.answer_with(events({"reasoning_content": "Weather"}, {"reasoning_content": " is asked."}, call, finish="tool_calls"),
                         events({"content": "It rains in Oslo."}))
        self.settings(tools=json.dumps([WEATHER]), think=True, topK="5", seed="7")
        self.say("Weather in Oslo?")
        self.wait_idle()
        first = self.sent[0]
        self.assertEqual(first["tools"], [WEATHER])
        self.assertEqual((first["top_k"], first["seed"], first["reasoning_effort"]), (5, 7, "medium"))
        self.assertEqual(first["messages"], [{"role": "user", "content": "Weather in Oslo?"}])
        thought = self.page.locator("details.thought")
        self.assertFalse(thought.evaluate("e => e.open"))
        thought.locator("summary").click()
        expect(thought.locator(".text")).to_have_text("Weather is asked.")
        self.picture("tools")
        self.page.get_by_label("Result of get_weather").fill("4 degrees, rain")
        self.page.keyboard.press("Enter")
        self.wait_idle()
        expect(self.page.locator(".assistant .body").last).to_have_text("It rains in Oslo.")
        sent = self.sent[1]["messages"]
        self.assertEqual([m["role"] for m in sent], ["user", "assistant", "tool"])
        self.assertEqual(sent[1]["tool_calls"][0]["function"]["arguments"], "{\"city\":\"Oslo\"}")
        self.assertEqual(sent[2], {"role": "tool", "content": "4 degrees, rain", "tool_call_id": "c1"})

    def test_settings_refuse_what_is_no_json(self):
        self.page.keyboard.press("Alt+s")
        self.page.locator("dialog [name=schema]").fill("{nope")
        self.page.locator("dialog button.main").click()
        expect(self.page.locator("#settings-error")).to_be_in_viewport(ratio=1)
        self.picture("settings")
        self.page.keyboard.press("Escape")

    def test_keyboard_alone(self):
        # Tab reaches everything; the composer has the focus from the start.
        self.assertEqual(self.page.evaluate("document.activeElement.id"), "prompt")
        seen = []
        for _ in range(8):
            self.page.keyboard.press("Tab")
            seen.append(self.page.evaluate("document.activeElement.id || document.activeElement.className"))
        for name in ("send", "new", "open-settings", "skip"):
            self.assertIn(name, seen)


if __name__ == "__main__":
    unittest.main()
