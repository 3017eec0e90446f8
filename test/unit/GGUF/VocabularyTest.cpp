//===- VocabularyTest.cpp - The same tokenizer from both files ------------===//

#include "frontends/GGUF/Vocabulary.h"

#include "frontends/GGUF/Header.h"
#include "frontends/Tokenizer/TokenizerTables.h"
#include "test/unit/GGUF/GgufBytes.h"
#include "test/unit/Safetensors/CheckpointFiles.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::gguf;
using namespace gemcut::test;

namespace {

enum TokenType {
  kNormal = 1,
  kUnknown,
  kControl,
  kUserDefined,
  kUnused,
  kByte
};

/// The keys of a vocabulary, changed and then read.
struct GgufVocabulary {
  std::string model = "gemma4";
  std::vector<std::string> pieces, merges;
  std::vector<int32_t> types;
  std::vector<float> scores;
  GgufBytes extra;

  GgufBytes file() const {
    GgufBytes file = extra;
    file.text("tokenizer.ggml.model", model);
    addStrings(file, "tokenizer.ggml.tokens", pieces);
    if (!merges.empty())
      addStrings(file, "tokenizer.ggml.merges", merges);
    std::string bytes;
    for (int32_t type : types)
      bytes += rawBytes(type);
    file.array("tokenizer.ggml.token_type", 5, types.size(), bytes);
    bytes.clear();
    for (float score : scores)
      bytes += rawBytes(score);
    if (!scores.empty())
      file.array("tokenizer.ggml.scores", 6, scores.size(), bytes);
    return file;
  }

  llvm::Expected<tokenizer::TokenizerJson> read() const {
    std::string bytes = file().file();
    auto header = parseHeader(
        {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()},
        bytes.size(), "f");
    return readVocabulary(llvm::cantFail(std::move(header)).metadata);
  }
  std::string error() const { return errorOf(read()); }

private:
  static void addStrings(GgufBytes &file, const std::string &key,
                         const std::vector<std::string> &values) {
    std::string bytes;
    for (const std::string &value : values)
      bytes += ggufString(value);
    file.array(key, 8, values.size(), bytes);
  }
};

/// The golden tokenizer as the tools convert it: more pieces are control ones
/// than tokenizer.json adds.
GgufVocabulary golden() {
  auto json = readData("tokenizer/tokenizer.json");
  GgufVocabulary result;
  size_t count = 0;
  for (const auto &item : json["model"]["vocab"].items())
    count = std::max(count, item.value().get<size_t>() + 1);
  for (const auto &token : json["added_tokens"])
    count = std::max(count, token["id"].get<size_t>() + 1);
  result.pieces.resize(count);
  result.types.assign(count, kNormal);
  for (const auto &item : json["model"]["vocab"].items()) {
    result.pieces[item.value().get<size_t>()] = item.key();
    if (item.key().size() == 6 && item.key().rfind("<0x", 0) == 0)
      result.types[item.value().get<size_t>()] = kByte;
    if (item.key().rfind("<unused", 0) == 0)
      result.types[item.value().get<size_t>()] = kControl;
  }
  for (const auto &token : json["added_tokens"]) {
    result.pieces[token["id"].get<size_t>()] = token["content"];
    result.types[token["id"].get<size_t>()] = kControl;
  }
  for (const auto &merge : json["model"]["merges"])
    result.merges.push_back(merge[0].get<std::string>() + " " +
                            merge[1].get<std::string>());
  return result;
}

/// The same with scores in place of merges.
GgufVocabulary goldenScores() {
  GgufVocabulary result = golden();
  result.model = "llama";
  std::map<std::string, float> ranks;
  for (size_t i = 0; i < result.merges.size(); ++i) {
    std::string joined = result.merges[i];
    joined.erase(joined.find(' '), 1);
    ranks.try_emplace(joined, float(i));
  }
  for (size_t i = 0; i < result.pieces.size(); ++i) {
    auto rank = ranks.find(result.pieces[i]);
    result.scores.push_back(rank == ranks.end() ? -1e6f : -rank->second);
    // Only the tokens of tokenizer.json are cut out of the text there.
    if (result.pieces[i].rfind("<unused", 0) == 0)
      result.types[i] = kUnused;
  }
  result.merges.clear();
  result.extra.pair("tokenizer.ggml.add_space_prefix", 7, std::string(1, '\0'));
  return result;
}

std::vector<uint8_t> compileTables(const GgufVocabulary &vocabulary) {
  auto read = vocabulary.read();
  EXPECT_TRUE(bool(read)) << llvm::toString(read.takeError());
  return llvm::cantFail(tokenizer::compileTokenizer(
      *read, "f", /*vocabSize=*/1 << 20, tokenizer::TokenNames()));
}

} // namespace

TEST(GgufVocabulary, GivesTheTablesOfTokenizerJson) {
  std::string json = readFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer.json");
  std::vector<uint8_t> expected =
      llvm::cantFail(tokenizer::compileTokenizerJson(
          json, "t", /*vocabSize=*/1 << 20, tokenizer::TokenNames()));
  EXPECT_EQ(compileTables(golden()), expected);
}

TEST(GgufVocabulary, ScoresEncodeEveryStringAlike) {
  TestTokenizer scored;
  scored.tables = compileTables(goldenScores());
  std::string error;
  ASSERT_EQ(text::Tokenizer::open(scored.tables.data(), scored.tables.size(),
                                  &scored.tokenizer, &error),
            GEMCUT_OK)
      << error;
  auto cases = readData("tokenizer/cases.json");
  ASSERT_GE(cases["encode"].size(), 319u);
  for (const auto &entry : cases["encode"])
    EXPECT_EQ(scored.encode(entry["text"].get<std::string>()),
              entry["ids"].get<std::vector<int32_t>>())
        << entry["text"];
}

// "ab" is the better piece of two, whatever the order of ids.
TEST(GgufVocabulary, HigherScoresMergeFirst) {
  GgufVocabulary v;
  v.model = "llama";
  v.extra.pair("tokenizer.ggml.add_space_prefix", 7, std::string(1, '\0'));
  v.pieces = {"a", "b", "c", "bc", "ab", "abc", "<x>", "<y>"};
  v.types = {1, 1, 1, 1, 1, 1, kControl, kUserDefined};
  v.scores = {-1, -2, -3, -9, -8, -10, 0, 0};
  auto read = v.read();
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  std::vector<std::string> merges;
  for (size_t i = 0; i < read->merges.size(); ++i) {
    llvm::StringRef joined = read->merges[i];
    merges.push_back((joined.take_front(read->leftLength[i]) + "+" +
                      joined.drop_front(read->leftLength[i]))
                         .str());
  }
  EXPECT_EQ(merges, (std::vector<std::string>{"a+b", "b+c", "ab+c", "a+bc"}));
  ASSERT_EQ(read->added.size(), 2u);
  EXPECT_TRUE(read->added[0].special);
  EXPECT_FALSE(read->added[1].special);
}

TEST(GgufVocabulary, RefusesWhatItCannotFollow) {
  GgufVocabulary v = golden();
  v.model = "gpt2";
  EXPECT_EQ(v.error(), "f: key 'tokenizer.ggml.model': found the string "
                       "'gpt2', expected 'gemma4' or 'llama', the supported "
                       "models");
  v = golden();
  v.types.pop_back();
  EXPECT_EQ(v.error(), "f: key 'tokenizer.ggml.token_type': found an array of "
                       "1023 int32, expected a whole number, or 1024 of them, "
                       "from 1 to 6");
  v = golden();
  v.types[7] = 9;
  EXPECT_EQ(v.error(),
            "f: key 'tokenizer.ggml.token_type': found 9 at index 7, "
            "expected a whole number, or 1024 of them, from 1 to 6");
  v = golden();
  v.merges[3] = "a  b";
  EXPECT_EQ(v.error(), "f: key 'tokenizer.ggml.merges': merge 3 is 'a  b', "
                       "expected two pieces separated by one space");
  v = golden();
  v.merges.clear();
  EXPECT_EQ(v.error(),
            "f: key 'tokenizer.ggml.merges': found nothing, expected "
            "an array of strings");
  for (const char *piece : {"", "\xFF", "\xE2\x96"}) {
    v = golden();
    v.pieces[500] = piece;
    EXPECT_NE(v.error().find("f: key 'tokenizer.ggml.tokens': piece 500 is '"),
              std::string::npos);
  }
  v = goldenScores();
  v.scores[4] = NAN;
  v.types[4] = kNormal;
  EXPECT_EQ(v.error(),
            "f: key 'tokenizer.ggml.scores': score 4 is not a number");
  v = goldenScores();
  v.scores.pop_back();
  EXPECT_EQ(v.error(), "f: key 'tokenizer.ggml.scores': found an array of 1023 "
                       "float32, expected an array of 1024 float32");
  v = goldenScores();
  v.extra = GgufBytes();
  EXPECT_EQ(v.error(), "f: key 'tokenizer.ggml.add_space_prefix': found "
                       "nothing, expected false, the only supported value");
  v = golden();
  v.extra.pair("tokenizer.ggml.remove_extra_whitespaces", 7,
               std::string(1, '\1'));
  EXPECT_EQ(v.error(),
            "f: key 'tokenizer.ggml.remove_extra_whitespaces': found "
            "true, expected false, the only supported value");
}
