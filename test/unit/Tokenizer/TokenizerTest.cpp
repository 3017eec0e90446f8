//===- TokenizerTest.cpp - Ids and texts of the golden cases --------------===//

#include "frontends/Tokenizer/TokenizerTables.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>

using namespace gemcut;
using namespace gemcut::test;

namespace {

using Ids = std::vector<int32_t>;

class TokenizerTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    shared = compileFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer.json");
    cases = readData("tokenizer/cases.json");
  }
  static void TearDownTestSuite() { shared.reset(); }
  void SetUp() override { ASSERT_TRUE(shared); }

  static std::string stream(const Ids &ids, bool showSpecial) {
    text::StreamDecoder decoder(shared->tokenizer, showSpecial);
    std::string out;
    for (int32_t id : ids) {
      size_t before = out.size();
      decoder.feed(id, out);
      // Each piece of output can be shown on its own.
      EXPECT_TRUE(
          nlohmann::json(out.substr(before))
              .dump(-1, ' ', true, nlohmann::json::error_handler_t::ignore) ==
          nlohmann::json(out.substr(before))
              .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    }
    decoder.flush(out);
    return out;
  }

  static std::unique_ptr<TestTokenizer> shared;
  static nlohmann::ordered_json cases;
};

std::unique_ptr<TestTokenizer> TokenizerTest::shared;
nlohmann::ordered_json TokenizerTest::cases;

TEST_F(TokenizerTest, EncodesAndDecodesEveryString) {
  ASSERT_GE(cases["encode"].size(), 300u);
  for (const auto &entry : cases["encode"]) {
    auto text = entry["text"].get<std::string>();
    auto ids = entry["ids"].get<Ids>();
    auto decoded = entry["decoded"].get<std::string>();
    EXPECT_EQ(shared->encode(text), ids) << entry["text"];
    EXPECT_EQ(shared->tokenizer.decode(ids, true), decoded) << entry["text"];
    EXPECT_EQ(stream(ids, true), decoded) << entry["text"];
  }
}

TEST_F(TokenizerTest, DecodesListsThatAreNotUtf8) {
  ASSERT_GE(cases["decode"].size(), 30u);
  for (const auto &entry : cases["decode"]) {
    auto ids = entry["ids"].get<Ids>();
    EXPECT_EQ(shared->tokenizer.decode(ids, true),
              entry["text"].get<std::string>())
        << entry;
    EXPECT_EQ(shared->tokenizer.decode(ids, false),
              entry["text_without_special"].get<std::string>())
        << entry;
  }
}

TEST_F(TokenizerTest, StreamsWholeCharacters) {
  const text::Tokenizer &t = shared->tokenizer;
  auto bytes = [&](std::initializer_list<int> values) {
    Ids ids;
    for (int value : values) {
      char name[8];
      snprintf(name, sizeof name, "<0x%02X>", value);
      ids.push_back(t.find(name));
      EXPECT_EQ(t.byteValue(ids.back()), value);
    }
    return ids;
  };
  EXPECT_EQ(stream(bytes({0xF0, 0x9F, 0xA6, 0x99}), false), "\U0001F999");
  // A character that was complete stays, though the run as a whole is not
  // valid.
  EXPECT_EQ(stream(bytes({0xC3, 0xA9, 0xE6, 0xBC}), false),
            "\u00e9\uFFFD\uFFFD");
  EXPECT_EQ(stream(bytes({0xE6, 0xBC, 0xC3, 0xA9}), false),
            "\uFFFD\uFFFD\u00e9");
  EXPECT_EQ(stream(bytes({0xED, 0xA0, 0x80}), false), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(stream(bytes({0xF5, 0x41, 0x80}), false), "\uFFFDA\uFFFD");
  // A hidden token inside a character does not split it; a shown one does.
  Ids split = bytes({0xC3, 0xA9});
  split.insert(split.begin() + 1, t.role(GEMCUT_TOKEN_TURN_OPEN));
  EXPECT_EQ(stream(split, false), "\u00e9");
  EXPECT_EQ(stream(split, true), "\uFFFD<|turn>\uFFFD");
}

TEST_F(TokenizerTest, SpecialTextIsOrdinaryUnlessAskedFor) {
  std::string text = "a<|turn>b<turn|>";
  Ids ids = shared->encode(text, /*parseSpecial=*/false);
  for (int32_t id : ids)
    EXPECT_FALSE(shared->tokenizer.isControl(id)) << id;
  EXPECT_EQ(shared->tokenizer.decode(ids, false), text);
  Ids special = shared->encode(text);
  EXPECT_EQ(special[1], shared->tokenizer.role(GEMCUT_TOKEN_TURN_OPEN));
  EXPECT_EQ(shared->tokenizer.decode(special, false), "ab");
}

TEST_F(TokenizerTest, InvalidUtf8BecomesByteTokens) {
  for (std::string text : {"\xFF", "a\xC3", "\xC3(", "\xED\xA0\x80",
                           "x\xF0\x9F\x99", "\x80\x80"}) {
    Ids ids = shared->encode(text);
    std::string bytes;
    for (int32_t id : ids) {
      int value = shared->tokenizer.byteValue(id);
      if (value >= 0)
        bytes.push_back(static_cast<char>(value));
      else
        shared->tokenizer.appendPiece(id, bytes);
    }
    EXPECT_EQ(bytes, text);
  }
}

TEST_F(TokenizerTest, FindsPiecesAndRoles) {
  const text::Tokenizer &t = shared->tokenizer;
  for (const auto &[name, id] : cases["special_ids"].items())
    EXPECT_EQ(t.find(name), id.get<int32_t>()) << name;
  EXPECT_EQ(t.find("no such piece"), -1);
  EXPECT_EQ(t.find(""), -1);
  EXPECT_EQ(t.role(GEMCUT_TOKEN_TURN_CLOSE), t.find("<turn|>"));
  EXPECT_EQ(t.role(GEMCUT_TOKEN_VIDEO), t.find("<|video|>"));
  EXPECT_EQ(t.piece(t.find("\n\n")), "\n\n");
  EXPECT_EQ(t.piece(-1), "");
  EXPECT_EQ(t.piece(t.pieceCount()), "");
  EXPECT_EQ(t.pieceCount(), 1024);
  for (int32_t id = 0; id < t.pieceCount(); ++id) {
    EXPECT_EQ(t.find(t.piece(id)), id);
    if (id % 97 == 0) {
      EXPECT_EQ(tokenizer::findPiece(
                    shared->tables,
                    llvm::StringRef(t.piece(id).data(), t.piece(id).size())),
                id);
    }
  }
}

} // namespace
