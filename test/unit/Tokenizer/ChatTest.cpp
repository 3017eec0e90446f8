//===- ChatTest.cpp - Prompts of the worked examples ----------------------===//

#include "runtime/text/chat_tools.h"
#include "runtime/text/python_text.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>

using namespace gemcut;
using namespace gemcut::test;
using json = nlohmann::ordered_json;

namespace {

text::RenderOptions optionsOf(const json &kwargs, bool largeTemplate) {
  text::RenderOptions options;
  options.addGenerationPrompt = kwargs.value("add_generation_prompt", false);
  options.enableThinking = kwargs.value("enable_thinking", false);
  options.preserveThinking = kwargs.value("preserve_thinking", false);
  options.largeTemplate = largeTemplate;
  return options;
}

text::Conversation read(const json &messages, const json &tools) {
  text::Conversation conversation;
  std::string error;
  EXPECT_EQ(text::readConversation(messages, tools, &conversation, &error),
            GEMCUT_OK)
      << error;
  return conversation;
}

std::string errorOf(const char *messages, const char *tools = "null") {
  text::Conversation conversation;
  std::string error;
  EXPECT_EQ(text::readConversation(json::parse(messages), json::parse(tools),
                                   &conversation, &error),
            GEMCUT_INVALID_ARGUMENT);
  return error;
}

TEST(ChatTest, WorkedExamples) {
  json file = readData("chat/cases.json");
  ASSERT_EQ(file["cases"].size(), 36u);
  for (const json &entry : file["cases"]) {
    text::Conversation conversation = read(entry["messages"], entry["tools"]);
    for (const char *size : {"small", "large"}) {
      text::RenderOptions options =
          optionsOf(entry["kwargs"], size == std::string("large"));
      EXPECT_EQ(renderChat(conversation, options),
                entry["expected"][size].get<std::string>())
          << entry["number"] << " " << size << ": " << entry["title"];
    }
  }
}

// Prompts that Gemma 3's template renders.
TEST(ChatTest, StartOfTurnSyntax) {
  text::RenderOptions options;
  options.syntax = text::findTurnSyntax("<start_of_turn>");
  ASSERT_EQ(options.syntax, text::TurnSyntax::StartOfTurn);
  EXPECT_EQ(text::findTurnSyntax("<|turn>"), text::TurnSyntax::Bars);
  text::Conversation conversation;
  conversation.messages = {text::makeMessage("user", " Hi \n"),
                           text::makeMessage("assistant", "Hello!\n"),
                           text::makeMessage("user", "And?")};
  EXPECT_EQ(renderChat(conversation, options),
            "<bos><start_of_turn>user\nHi<end_of_turn>\n"
            "<start_of_turn>model\nHello!<end_of_turn>\n"
            "<start_of_turn>user\nAnd?<end_of_turn>\n"
            "<start_of_turn>model\n");
  // The system message is not trimmed.
  conversation.messages.insert(conversation.messages.begin(),
                               text::makeMessage("system", "Be brief. "));
  options.addGenerationPrompt = false;
  std::string context = "<bos><start_of_turn>user\nBe brief. \n\nHi"
                        "<end_of_turn>\n<start_of_turn>model\nHello!";
  EXPECT_EQ(renderChat(conversation, options),
            context + "<end_of_turn>\n<start_of_turn>user\nAnd?"
                      "<end_of_turn>\n");
  options.addGenerationPrompt = true;
  EXPECT_EQ(renderChat(conversation, options),
            context + renderNextTurn("And? ", false, options));
  EXPECT_EQ("<end_of_turn>" + renderNextTurn("And?", true, options),
            renderNextTurn("And?", false, options));
}

TEST(ChatTest, TinyModelPromptsAndIds) {
  std::string tiny = GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/";
  auto t = compileFile(tiny + "tokenizer.json");
  ASSERT_TRUE(t);
  json file = json::parse(readFile(tiny + "goldens/text.json"));
  ASSERT_EQ(file.size(), 12u);
  for (const json &entry : file) {
    text::RenderOptions options;
    options.enableThinking = entry.value("enable_thinking", false);
    std::string prompt = renderChat(
        read(entry["messages"], entry.value("tools", json())), options);
    EXPECT_EQ(prompt, entry["rendered"].get<std::string>()) << entry["name"];
    EXPECT_EQ(t->encode(prompt), entry["ids"].get<std::vector<int32_t>>())
        << entry["name"];
    EXPECT_EQ(t->tokenizer.decode(
                  entry["continuation_ids"].get<std::vector<int32_t>>(), true),
              entry["continuation_text"].get<std::string>())
        << entry["name"];
  }
}

TEST(ChatTest, NextTurnContinuesTheRenderedPrompt) {
  for (bool large : {false, true}) {
    text::RenderOptions options;
    options.largeTemplate = large;
    text::Conversation conversation;
    conversation.messages.push_back(text::makeMessage("user", "Hi"));
    std::string context = renderChat(conversation, options) + "Hello!";
    std::string more = renderNextTurn(" How are you?\n", false, options);
    EXPECT_EQ(more.rfind("<turn|>\n<|turn>user\n", 0), 0u);
    EXPECT_EQ("<turn|>" + renderNextTurn("How are you?", true, options), more);
    if (large)
      continue; // the first answer's empty thought stays in the context
    conversation.messages.push_back(text::makeMessage("assistant", "Hello!"));
    conversation.messages.push_back(text::makeMessage("user", "How are you?"));
    EXPECT_EQ(context + more, renderChat(conversation, options));
  }
}

TEST(ChatTest, TrimsAndStripsLikeTheTemplate) {
  EXPECT_EQ(text::trim(" \t\r\n a b \u00a0\u2003\u3000"), "a b");
  EXPECT_EQ(text::trim("\u200b"), "\u200b"); // no white space in Python
  EXPECT_EQ(text::trim(" \n "), "");
  EXPECT_EQ(text::trim("\xA0x\x80"), "\xA0x\x80"); // bytes, not U+00A0
  EXPECT_EQ(text::stripThinking("a<|channel>t<channel|>b"), "ab");
  EXPECT_EQ(text::stripThinking("a <|channel>t"), "a");
  EXPECT_EQ(text::stripThinking("a<channel|>b"), "ab");
  EXPECT_EQ(text::stripThinking("<|channel>x<|channel>y<channel|>z"), "z");
}

TEST(ChatTest, ValuesAsPythonWritesThem) {
  auto render = [](const char *value) {
    return text::renderValue(json::parse(value));
  };
  EXPECT_EQ(render("[2.0,1.5,-3.5,1e20,1e16,1e15,123456789012345.5]"),
            "[2.0,1.5,-3.5,1e+20,1e+16,1000000000000000.0,123456789012345.5]");
  EXPECT_EQ(render("[0.1,1e-4,1e-5,1.25e-7,0.0,-0.0,1e300]"),
            "[0.1,0.0001,1e-05,1.25e-07,0.0,-0.0,1e+300]");
  EXPECT_EQ(render("[18446744073709551615,-9223372036854775808]"),
            "[18446744073709551615,-9223372036854775808]");
  EXPECT_EQ(render(R"({"b":1,"A":{},"a":[],"B":null})"),
            "{A:{},a:[],b:1,B:null}");
}

TEST(ChatTest, DeclarationQuirks) {
  auto declare = [](const char *function) {
    return text::renderDeclaration(json::parse(function));
  };
  // The brace of parameters is written with the type only.
  EXPECT_EQ(
      declare(R"({"name":"f","parameters":{"required":["a"]}})"),
      R"(declaration:f{description:<|"|><|"|>,parameters:{required:[<|"|>a<|"|>],})");
  EXPECT_EQ(
      declare(R"({"name":"f","response":{"description":"d","type":"string"}})"),
      R"(declaration:f{description:<|"|><|"|>,response:{description:<|"|>d<|"|>,})");
  // An object without properties: its own other keys count as properties.
  EXPECT_EQ(
      declare(
          R"({"name":"f","parameters":{"type":"object","properties":{"o":{"type":"object","additionalProperties":false}}}})"),
      R"(declaration:f{description:<|"|><|"|>,parameters:{properties:{o:{properties:{additionalProperties:{type:<|"|><|"|>}},type:<|"|>OBJECT<|"|>}},type:<|"|>OBJECT<|"|>}})");
}

TEST(ChatTest, MistakesAreNamed) {
  EXPECT_EQ(errorOf("{}"),
            "messages is a value of type object, expected a list");
  EXPECT_EQ(errorOf("[1]"),
            "messages[0] is a value of type number, expected an object");
  EXPECT_EQ(errorOf("[{}]"),
            "messages[0].role is missing or null, expected a string");
  EXPECT_EQ(errorOf(R"([{"role":"robot"}])"),
            "messages[0].role is \"robot\", expected \"system\", "
            "\"developer\", \"user\", \"assistant\" or \"tool\"");
  EXPECT_EQ(errorOf(R"([{"role":"user","content":3}])"),
            "messages[0].content is a value of type number, expected a string "
            "or a list of parts");
  EXPECT_EQ(errorOf(R"([{"role":"user","content":[{"type":"pdf"}]}])"),
            "messages[0].content[0].type is \"pdf\", expected \"text\", "
            "\"image\", \"audio\" or \"video\"");
  EXPECT_EQ(
      errorOf(
          R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}])"),
      "messages[0].tool_calls[0].arguments is \"{}\", expected an object");
  EXPECT_EQ(errorOf(R"([{"role":"tool","content":{"a":1}}])"),
            "messages[0].content is a value of type object, expected a string, "
            "a list or a number (objects go into tool_responses)");
  EXPECT_EQ(errorOf("[]", "[{}]"),
            "tools[0].name is missing or null, expected a string");
  std::string deep = std::string(70, '[') + std::string(70, ']');
  EXPECT_EQ(errorOf("[]", deep.c_str()),
            "messages or tools are nested deeper than 64 levels");
}

} // namespace
