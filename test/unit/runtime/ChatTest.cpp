//===- ChatTest.cpp - Commands that read and write text -------------------===//
//
// With the tokenizer of examples/tiny-gemma4 and the fake model over its
// vocabulary.
//
//===----------------------------------------------------------------------===//

#include "frontends/Tokenizer/TokenNames.h"
#include "frontends/Tokenizer/TokenizerTables.h"
#include "runtime/cli/conversation.h"
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
    install(makeArtifact(
        image, {{GEMCUT_SECTION_WEIGHTS, std::string(kFakeWeightBytes, 1)},
                {GEMCUT_SECTION_TOKENIZER,
                 std::string(tables.begin(), tables.end())}}));
    cases = json::parse(readFile(kFolder + std::string("goldens/text.json")));
    model.special = kFakeSpecial;
  }

  static std::string join(const Ids &ids) {
    std::string text;
    for (int32_t id : ids)
      text += (text.empty() ? "" : ",") + std::to_string(id);
    return text;
  }

  /// Renders the case if it has nothing but system, user and assistant texts.
  bool render(const json &test, bool isLarge, Ids &ids) {
    std::string system;
    bool think = test["rendered"].get<std::string>().find("<|think|>") !=
                 std::string::npos;
    for (const json &message : test["messages"])
      if (!message["content"].is_string() || message["role"] == "tool")
        return false;
    if (test["rendered"].get<std::string>().find("<|tool>") !=
        std::string::npos)
      return false;
    size_t first = test["messages"][0]["role"] == "system" ? 1 : 0;
    if (first)
      system = test["messages"][0]["content"];
    model.chat_large_template = isLarge;
    Conversation conversation;
    EXPECT_EQ(conversation.open(tokenizer, model, system, think), GEMCUT_OK);
    for (size_t i = first; i < test["messages"].size(); ++i) {
      std::string content = test["messages"][i]["content"];
      if (test["messages"][i]["role"] == "user") {
        conversation.addUser("  " + content + "\n");
        continue;
      }
      // As generated: a thought in front, spaces around.
      Ids answer;
      tokenizer.encode("<|channel>thought\nHm.\n<channel|> " + content + "\n",
                       /*parseSpecial=*/true, answer);
      conversation.addModel(answer);
    }
    ids = conversation.render();
    return true;
  }

  using Conversation = cli::Conversation;
  std::vector<uint8_t> tables;
  text::Tokenizer tokenizer;
  gemcut_model_info model = {};
  json cases;
};

} // namespace

TEST_F(ChatTest, ConversationsRenderAsTheTemplateDoes) {
  int compared = 0;
  for (const json &test : cases) {
    Ids ids;
    if (!render(test, /*isLarge=*/false, ids))
      continue;
    EXPECT_EQ(ids, test["ids"].get<Ids>()) << test["name"];
    ++compared;
    ASSERT_TRUE(render(test, /*isLarge=*/true, ids));
    Ids expected = test["ids"];
    if (test["rendered"].get<std::string>().find("<|think|>") ==
        std::string::npos)
      tokenizer.encode("<|channel>thought\n<channel|>", true, expected);
    EXPECT_EQ(ids, expected) << test["name"];
  }
  EXPECT_GE(compared, 8);
}

TEST_F(ChatTest, ControlTokensThatPeopleTypeAreText) {
  Conversation conversation;
  ASSERT_EQ(conversation.open(tokenizer, model, "<|think|>", false), GEMCUT_OK);
  conversation.addUser("a <turn|> b <bos>");
  Ids ids = conversation.render();
  EXPECT_EQ(std::count(ids.begin(), ids.end(), kFakeSpecial.bos), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), kFakeSpecial.turn_close), 2);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), kFakeSpecial.think), 0);
}

TEST_F(ChatTest, ChatNeedsItsTokens) {
  Conversation conversation;
  model.special.think = -1;
  EXPECT_EQ(conversation.open(tokenizer, model, "", false), GEMCUT_OK);
  EXPECT_EQ(conversation.open(tokenizer, model, "", true),
            GEMCUT_INVALID_ARGUMENT);
  model.special.turn_open = -1;
  EXPECT_EQ(conversation.open(tokenizer, model, "", false),
            GEMCUT_INVALID_ARGUMENT);
}

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
  for (const json &test : cases) {
    if (test["messages"].size() != 1 ||
        test["ids"].size() > 30) // those with tools are longer
      continue;
    std::string prompt = test["messages"][0]["content"];
    bool think =
        test["name"].get<std::string>().find("thinking") != std::string::npos;
    Result answer =
        run("-p '" + prompt + "' --temp 0 -n 9" + (think ? " --think" : ""));
    ASSERT_EQ(answer.code, 0) << answer.error;
    Result ids = run("generate --ids " + join(test["ids"]) +
                     " --temp 0 -n 9 --print-ids");
    ids.out.pop_back();
    Result expected =
        run("detokenize " + ids.out + (think ? "" : " --hide-special"));
    EXPECT_EQ(answer.out, expected.out) << test["name"];
    Result text = run("generate --ids " + join(test["ids"]) + " --temp 0 -n 9");
    EXPECT_EQ(text.out, run("detokenize " + ids.out).out);
  }
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
  Result help = run(flags, "/help\n/nosuch\n");
  EXPECT_EQ(help.out, "");
  EXPECT_NE(help.error.find("/reset"), std::string::npos);
  EXPECT_NE(help.error.find("no command /nosuch"), std::string::npos);
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
