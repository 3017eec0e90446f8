//===- ChatTest.cpp - Commands that read and write text -------------------===//
//
// With the tokenizer of examples/tiny-gemma4 and the fake model over its
// vocabulary.
//
//===----------------------------------------------------------------------===//

#include "frontends/ChatTemplate/ChatTemplate.h"
#include "frontends/Tokenizer/TokenNames.h"
#include "frontends/Tokenizer/TokenizerTables.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"
#include "test/unit/runtime/ExecutableTest.h"
#include "test/unit/runtime/FakeModel.h"

#include <nlohmann/json.hpp>

using namespace gemcut;
using namespace gemcut::test;

using Ids = std::vector<int32_t>;
using nlohmann::json;

namespace {

const char kFolder[] = GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/";

class ChatTest : public ExecutableTest {
protected:
  void SetUp() override {
    create("runtime_fake_chat_executable");
    auto compiled = tokenizer::compileTokenizerJson(
        readFile(kFolder + std::string("tokenizer.json")), "tokenizer.json",
        kFakeVocab, tokenizer::TokenNames());
    ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
    tables = std::move(*compiled);
    std::string error;
    ASSERT_EQ(
        text::Tokenizer::open(tables.data(), tables.size(), &tokenizer, &error),
        GEMCUT_OK)
        << error;
    auto format = chat::compileChatTemplate(
        chat::getBuiltinTemplate(chat::Family::Gemma4Small), "gemma4.jinja");
    ASSERT_TRUE(bool(format)) << llvm::toString(format.takeError());
    program = std::move(*format);
    ASSERT_EQ(text::ChatTemplate::open(program.data(), program.size(),
                                       &chatTemplate, &error),
              GEMCUT_OK);
    install(makeArtifact(
        image,
        {{GEMCUT_SECTION_WEIGHTS, std::string(kFakeWeightBytes, 1)},
         {GEMCUT_SECTION_TOKENIZER, std::string(tables.begin(), tables.end())},
         {GEMCUT_SECTION_CHAT, std::string(program.begin(), program.end())}}));
    cases = json::parse(readFile(kFolder + std::string("goldens/text.json")));
  }

  static std::string join(const Ids &ids) {
    std::string text;
    for (int32_t id : ids)
      text += (text.empty() ? "" : ",") + std::to_string(id);
    return text;
  }

  Ids render(const std::vector<text::Value> &messages) {
    Ids ids;
    text::MarkedText prompt;
    std::string error;
    EXPECT_EQ(chatTemplate.render(text::Value::list(messages), {},
                                  text::makeChatOptions(tokenizer), &prompt,
                                  &error),
              GEMCUT_OK)
        << error;
    tokenizer.encode(prompt, ids);
    return ids;
  }

  /// What `generate` answers to these ids, as text without control tokens.
  std::string generate(const Ids &ids, const std::string &flags) {
    Result result =
        run("generate --ids " + join(ids) + " --print-ids " + flags);
    result.out.pop_back();
    return run("detokenize --hide-special " + result.out).out;
  }

  std::vector<uint8_t> tables, program;
  text::ChatTemplate chatTemplate;
  text::Tokenizer tokenizer;
  json cases;
};

} // namespace

TEST_F(ChatTest, TokenizeAndBack) {
  for (const json &test : cases) {
    writeFile(folder + "/text", test["rendered"]);
    Result ids = run("tokenize --file text");
    EXPECT_EQ(ids.out, join(test["ids"]) + "\n") << ids.error;
    Result text = run("detokenize " + join(test["ids"]));
    EXPECT_EQ(text.out, test["rendered"].get<std::string>() + "\n");
  }
  EXPECT_EQ(run("tokenize '<bos>'").out, "2\n");
  EXPECT_NE(run("tokenize --plain '<bos>'").out, "2\n");
  EXPECT_EQ(run("tokenize -- -x").code, 0);
  EXPECT_EQ(run("tokenize ''").out, "\n");
  expectFailure("detokenize 1,4096", 1, "4095");
  expectFailure("detokenize 1,a", 1, "'a'");
}

TEST_F(ChatTest, OnePromptIsOneRenderedGeneration) {
  int compared = 0;
  for (const json &test : cases) {
    // Without tools and earlier turns.
    const json &messages = test["messages"];
    bool hasSystem = messages[0]["role"] == "system";
    if (messages.size() != (hasSystem ? 2 : 1) || test["ids"].size() > 30)
      continue;
    std::string rendered = test["rendered"], command = "-p '";
    command +=
        messages.back()["content"].get<std::string>() + "' --temp 0 -n 9";
    if (hasSystem)
      command +=
          " --system '" + messages[0]["content"].get<std::string>() + "'";
    if (rendered.find("<|think|>") != std::string::npos)
      command += " --think";
    Result answer = run(command);
    ASSERT_EQ(answer.code, 0) << answer.error;
    EXPECT_EQ(answer.out, generate(test["ids"], "--temp 0 -n 9"))
        << test["name"];
    ++compared;
  }
  EXPECT_GE(compared, 7);
}

TEST_F(ChatTest, TurnsContinueTheConversation) {
  // The last answer depends on every token before it.
  auto last = [](std::string out) {
    out.pop_back();
    return out.substr(out.rfind('\n') + 1);
  };
  std::string flags = "--temp 0 -n 8";
  std::string both = run(flags, "Who are you?\nWhat is a candle?\n").out;
  std::string again =
      run(flags + " --chunk 3 -t 3", "Who are you?\n\n  What is a candle?  ")
          .out;
  EXPECT_EQ(both, again);
  std::string second = run(flags, "What is a candle?\n").out;
  EXPECT_NE(last(both), last(second));
  std::string reset =
      run(flags, "Who are you?\n/reset\nWhat is a candle?\n").out;
  EXPECT_EQ(last(reset), last(second));
  EXPECT_EQ(run(flags, "What is a candle?\n/exit\nWho are you?\n").out, second);
  Result help = run(flags, "/help\n");
  EXPECT_EQ(help.out, "");
  EXPECT_NE(help.error.find("/reset"), std::string::npos);
  // Paths, and what a space precedes, are turns.
  EXPECT_NE(run(flags, "/no/such\n").out, "");
  EXPECT_NE(run(flags, " /nosuch\n").out, "");
  Result mistyped = run(flags, "/nosuch x\n");
  EXPECT_EQ(mistyped.code, 1);
  EXPECT_EQ(mistyped.out, "");
  EXPECT_NE(mistyped.error.find("there is no command /nosuch; /help"),
            std::string::npos)
      << mistyped.error;
}

TEST_F(ChatTest, EveryTurnSeesTheWholeConversation) {
  const std::vector<std::string> turns = {"Who are you?", "What is 7 x 8?",
                                          "What colour is snow?"};
  std::string input, expected;
  std::vector<text::Value> messages;
  for (const std::string &turn : turns) {
    input += turn + "\n";
    messages.push_back(text::makeMessage("user", turn));
    std::string answer = generate(render(messages), "--temp 0 -n 6");
    expected += answer;
    messages.push_back(text::makeMessage("assistant", answer));
  }
  EXPECT_EQ(run("--temp 0 -n 6", input).out, expected);
}

TEST_F(ChatTest, ConversationThatDoesNotFit) {
  std::string turn = "What is a candle?\n", turns;
  for (int i = 0; i < 40; ++i)
    turns += turn;
  Result result = run("--temp 0 -n 8", turns);
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.error.find("context of 512 positions is full"),
            std::string::npos)
      << result.error;
}

TEST_F(ChatTest, ScoreSplitsTextsAtBos) {
  Result whole = run(std::string("score --text ") + kFolder + "eval.txt");
  ASSERT_EQ(whole.code, 0) << whole.error;
  json perplexity =
      json::parse(readFile(kFolder + std::string("goldens/perplexity.json")));
  EXPECT_EQ(whole.out.substr(0, whole.out.find('\n')),
            std::to_string(perplexity["tokens_all"].get<int>()) + " tokens");

  writeFile(folder + "/two", "<bos>Who are you?<bos>What is a candle?");
  writeFile(folder + "/a", "<bos>Who are you?");
  writeFile(folder + "/b", "<bos>What is a candle?");
  auto sum = [&](const char *name) {
    std::string out = run(std::string("score --text ") + name).out;
    double count = std::atof(out.c_str());
    return count * std::atof(out.c_str() + out.find("NLL") + 3);
  };
  EXPECT_NEAR(sum("two"), sum("a") + sum("b"), 1e-4);
  // The logits of all samples, one behind the other.
  ASSERT_EQ(run("score --text two --logits l.npy").code, 0);
  Result same = run("score --text two --compare l.npy");
  EXPECT_NE(same.out.find("mean KL divergence  0\n"), std::string::npos)
      << same.out << same.error;
  writeFile(folder + "/empty", "");
  expectFailure("score --text empty", 1, "no tokens");
}
