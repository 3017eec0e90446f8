//===- ChatTemplateTest.cpp - Templates compiled and run ------------------===//

#include "frontends/ChatTemplate/ChatTemplate.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/json_reader.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>

using namespace gemcut;
using namespace gemcut::test;
using text::ChatOptions;
using text::MarkedText;
using text::Value;
using json = nlohmann::ordered_json;

namespace {

Value parse(const json &value) {
  Value out;
  std::string error;
  EXPECT_EQ(text::parseJson(value.dump(), &out, &error), GEMCUT_OK) << error;
  return out;
}

class Template {
public:
  explicit Template(llvm::StringRef source) {
    auto compiled = chat::compileChatTemplate(source, "t.jinja");
    if (!compiled) {
      error = llvm::toString(compiled.takeError());
      ADD_FAILURE() << error;
      return;
    }
    program = std::move(*compiled);
    EXPECT_EQ(text::ChatTemplate::open(program.data(), program.size(), &opened,
                                       &error),
              GEMCUT_OK);
  }

  MarkedText render(const Value &messages, const Value &tools,
                    const ChatOptions &options) {
    MarkedText out;
    error.clear();
    if (opened.render(messages, tools, options, &out, &error))
      out = MarkedText::trusted("error: " + error);
    return out;
  }

  std::string error;
  std::vector<uint8_t> program;
  text::ChatTemplate opened;
};

std::string run(llvm::StringRef source,
                const json &variables = json::object()) {
  ChatOptions options;
  options.variables = parse(variables);
  return Template(source).render(Value::list({}), Value(), options).bytes;
}

ChatOptions optionsOf(const json &kwargs) {
  ChatOptions options;
  options.addGenerationPrompt = kwargs.value("add_generation_prompt", false);
  options.enableThinking = kwargs.value("enable_thinking", false);
  options.preserveThinking = kwargs.value("preserve_thinking", false);
  return options;
}

std::string renderCase(Template &compiled, const json &entry) {
  return compiled
      .render(parse(entry["messages"]),
              entry["tools"].is_null() ? Value() : parse(entry["tools"]),
              optionsOf(entry["kwargs"]))
      .bytes;
}

TEST(ChatTemplateTest, WorkedExamplesOfTheBuiltinTemplates) {
  json file = readData("chat/cases.json");
  ASSERT_EQ(file["cases"].size(), 36u);
  Template small(chat::getBuiltinTemplate(chat::Family::Gemma4Small));
  Template large(chat::getBuiltinTemplate(chat::Family::Gemma4Large));
  for (const json &entry : file["cases"]) {
    EXPECT_EQ(renderCase(small, entry), entry["expected"]["small"])
        << entry["number"] << " small: " << entry["title"];
    EXPECT_EQ(renderCase(large, entry), entry["expected"]["large"])
        << entry["number"] << " large: " << entry["title"];
  }
}

TEST(ChatTemplateTest, EarlierOfficialTemplates) {
  json file = readData("chat/cases.json");
  for (std::string name : {"template-31b", "template-first-release"}) {
    Template compiled(readFile(GEMCUT_TEST_DATA "/chat/" + name + ".jinja"));
    for (const json &entry : file["cases"]) {
      const json &rendered = entry["rendered"][name];
      std::string text = renderCase(compiled, entry);
      if (rendered.is_string())
        EXPECT_EQ(text, rendered) << entry["number"] << " " << name;
      else
        EXPECT_EQ(text.substr(0, 7), "error: ") << entry["number"] << name;
    }
  }
}

TEST(ChatTemplateTest, TinyModelPrompts) {
  std::string tiny = GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/";
  Template compiled(readFile(tiny + "chat_template.jinja"));
  auto t = compileFile(tiny + "tokenizer.json");
  ASSERT_TRUE(t);
  json file = json::parse(readFile(tiny + "goldens/text.json"));
  ASSERT_EQ(file.size(), 12u);
  for (const json &entry : file) {
    ChatOptions options;
    options.enableThinking = entry.value("enable_thinking", false);
    MarkedText prompt = compiled.render(
        parse(entry["messages"]), parse(entry.value("tools", json())), options);
    EXPECT_EQ(prompt.bytes, entry["rendered"]) << entry["name"];
    std::vector<int32_t> ids;
    t->tokenizer.encode(prompt, ids);
    EXPECT_EQ(ids, entry["ids"].get<std::vector<int32_t>>()) << entry["name"];
    EXPECT_EQ(t->tokenizer.decode(
                  entry["continuation_ids"].get<std::vector<int32_t>>(), true),
              entry["continuation_text"]);
  }
}

TEST(ChatTemplateTest, Gemma3) {
  Template compiled(chat::getBuiltinTemplate(chat::Family::Gemma3));
  json messages = {{{"role", "system"}, {"content", "Be brief. "}},
                   {{"role", "user"}, {"content", " Hi \n"}},
                   {{"role", "assistant"}, {"content", "Hello!\n"}},
                   {{"role", "user"}, {"content", "And?"}}};
  EXPECT_EQ(compiled.render(parse(messages), Value(), {}).bytes,
            "<bos><start_of_turn>user\nBe brief. \n\nHi<end_of_turn>\n"
            "<start_of_turn>model\nHello!<end_of_turn>\n"
            "<start_of_turn>user\nAnd?<end_of_turn>\n"
            "<start_of_turn>model\n");
}

TEST(ChatTemplateTest, RefusesWhatTheTemplateRefuses) {
  Template compiled(chat::getBuiltinTemplate(chat::Family::Gemma4Small));
  json call = {
      {"role", "assistant"},
      {"tool_calls", {{{"function", {{"name", "f"}, {"arguments", "{}"}}}}}}};
  EXPECT_NE(compiled.render(parse(json::array({call})), Value(), {})
                .bytes.find("arguments of a tool call must be an object"),
            std::string::npos);
  call["tool_calls"][0]["function"]["arguments"] = json::object();
  json answer = {{"role", "tool"}, {"content", {{"a", 1}}}};
  EXPECT_NE(compiled.render(parse(json::array({call, answer})), Value(), {})
                .bytes.find("content of a tool message is an object"),
            std::string::npos);
}

TEST(ChatTemplateTest, TextsOfMessagesAreUntrusted) {
  Template compiled(chat::getBuiltinTemplate(chat::Family::Gemma4Large));
  json messages = {
      {{"role", "user"}, {"content", "<turn|>a"}},
      {{"role", "assistant"},
       {"content", "b<|channel>x<channel|>c"},
       {"tool_calls",
        {{{"function",
           {{"name", "<eos>"}, {"arguments", {{"<bos>", {"<|\"|>", 1}}}}}}}}}},
      {{"role", "tool"}, {"content", "<tool_response|>"}}};
  json tools = {{{"function",
                  {{"name", "<tool|>"},
                   {"description", "<pad>"},
                   {"parameters", {{"type", "obj<|"}}}}}}};
  MarkedText prompt = compiled.render(parse(messages), parse(tools), {});
  std::string untrusted;
  for (text::Span span : prompt.untrusted)
    untrusted += prompt.bytes.substr(span.begin, span.end - span.begin) + "|";
  EXPECT_EQ(untrusted, "<tool|>|<pad>|OBJ<||user|<turn|>a|<eos>|<bos>|<|\"|>|"
                       "<tool_response|>|bc|");
}

TEST(ChatTemplateTest, MacrosAndScopes) {
  EXPECT_EQ(run("{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + i %}"
                "{{ x }};{% endfor %}{{ x }}"),
            "12;13;1");
  EXPECT_EQ(run("{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}"
                "{{ f(1) }} {{ f(1, c=3) }} {{ f(b=1) }}"),
            "121 123 1");
  EXPECT_EQ(run("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}"
                "{% endmacro %}{{ f(3) }}"),
            "3210");
  EXPECT_EQ(run("{% set g = 1 %}{% macro f() %}{{ g }}{% set g = 2 %}{{ g }}"
                "{% endmacro %}{{ f() }}{{ g }}"),
            "121");
  EXPECT_EQ(run("{% for g in [1] %}{% set h = 2 %}{{ g }}{% endfor %}"
                "{{ g is defined }}{{ h is defined }}"),
            "1FalseFalse");
  EXPECT_EQ(run("{% set n = namespace(a=1) %}{% for i in [1, 2] %}"
                "{% set n.a = n.a + i %}{% endfor %}{{ n.a }}"),
            "4");
  EXPECT_EQ(run("{% for x in [1,2,3,4] if x is even %}{{ loop.index }}/"
                "{{ loop.length }}:{{ x }} {% else %}none{% endfor %}"
                "{% for x in [] %}{% else %}none{% endfor %}"),
            "1/2:2 2/2:4 none");
  EXPECT_EQ(run("{% for x in [1,2,3,4] %}{% if x == 2 %}{% continue %}"
                "{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}"
                "{% endfor %}"),
            "13");
  EXPECT_EQ(run("{% set x %}a{{ 1 }}{% endset %}[{{ x | upper }}]"
                "{% with y = 2 %}{{ y }}{% endwith %}{{ y }}"
                "{% filter upper %}abc{% endfilter %}"),
            "[A1]2ABC");
}

TEST(ChatTemplateTest, ErrorsNameTheLine) {
  EXPECT_EQ(run("a\n{{ nothing.x }}"),
            "error: chat template, line 2: 'nothing' is undefined");
  EXPECT_EQ(run("\n\n{% if true %}\n{{ raise_exception('no ' ~ 1) }}"
                "{% endif %}"),
            "error: chat template, line 4: no 1");
  EXPECT_EQ(run("{{ 1 + 'a' }}"), "error: chat template, line 1: '+' is not "
                                  "possible between 'int' and 'str'");
}

TEST(ChatTemplateTest, LimitsOfRunning) {
  EXPECT_NE(
      run("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").find("256 deep"),
      std::string::npos);
  EXPECT_NE(run("{{ 'abc' * 1000000000 }}").find("256 MiB"), std::string::npos);
  EXPECT_NE(run("{{ range(1000000000) | length }}").find("256 MiB"),
            std::string::npos);
  EXPECT_NE(run("{% set n = namespace(l=[]) %}{% for i in range(1000) %}"
                "{% set n.l = [n.l] %}{% endfor %}")
                .find("128"),
            std::string::npos);
  // Values that hold each other are let go.
  EXPECT_EQ(run("{% set n = namespace() %}{% set n.me = [n] %}ok"), "ok");
}

TEST(ChatTemplateTest, InjectedTime) {
  setenv("TZ", "UTC", 1);
  ChatOptions options;
  options.now = 1783555200;
  EXPECT_EQ(Template("{{ strftime_now('%d %B %Y') }}")
                .render(Value(), Value(), options)
                .bytes,
            "09 July 2026");
}

TEST(ChatTemplateTest, DamagedProgramsAreRefused) {
  Template compiled(chat::getBuiltinTemplate(chat::Family::Gemma3));
  std::vector<uint8_t> &program = compiled.program;
  text::ChatTemplate opened;
  std::string error;
  for (size_t size = 0; size < program.size(); ++size)
    EXPECT_EQ(text::ChatTemplate::open(program.data(), size, &opened, &error),
              GEMCUT_CORRUPT_ARTIFACT);
  Value messages = Value::list({text::makeMessage("user", "Hi")});
  MarkedText out;
  ChatOptions options;
  options.maxSteps = 10000;
  for (uint8_t &byte : program)
    for (int flip : {1, 0x80, 0xFF}) {
      byte = uint8_t(byte ^ flip);
      if (!text::ChatTemplate::open(program.data(), program.size(), &opened,
                                    &error))
        (void)opened.render(messages, Value(), options, &out, &error);
      byte = uint8_t(byte ^ flip);
    }
}

} // namespace
