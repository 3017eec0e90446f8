//===- SplittingTest.cpp - Split encoding equals plain encoding -----------===//
//
// The encoder splits text, takes whole pieces and uses a heap; all of it must
// be invisible. Compared with plain merging over the whole text.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Tokenizer/SlowBpe.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>

using namespace gemcut::test;

namespace {

void expectEqualOnRandomText(const TokenizerSpec &spec,
                             const TestTokenizer &fast, size_t strings,
                             size_t parts) {
  SlowBpe slow(spec);
  for (uint64_t seed = 1; seed <= strings; ++seed) {
    std::string text = makeRandomText(spec, 1 + seed % parts, seed);
    std::vector<int32_t> expected = slow.encode(text);
    ASSERT_EQ(fast.encode(text), expected) << "seed " << seed << ": " << text;
  }
}

/// Every `stride`-th pair of lines of the texts in the tree.
void expectEqualOnProse(const TokenizerSpec &spec, const TestTokenizer &fast,
                        size_t stride) {
  SlowBpe slow(spec);
  std::string text =
      readFile(GEMCUT_TEST_DATA "/tokenizer/train.txt") +
      readFile(GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/eval.txt");
  size_t count = 0;
  for (size_t begin = 0, pair = 0; begin < text.size(); ++pair) {
    size_t end = text.find('\n', begin);
    end = std::min(end == std::string::npos ? end : text.find('\n', end + 1),
                   text.size());
    std::string lines = text.substr(begin, end - begin);
    begin = end;
    if (pair % stride != 0)
      continue;
    ASSERT_EQ(fast.encode(lines), slow.encode(lines)) << lines;
    ++count;
  }
  EXPECT_GT(count, 30u);
}

class SplittingOfFileTest : public testing::TestWithParam<const char *> {};

TEST_P(SplittingOfFileTest, EqualsPlainEncoding) {
  std::string path = std::string(GEMCUT_SOURCE_DIR "/") + GetParam();
  auto fast = compileFile(path);
  ASSERT_TRUE(fast);
  TokenizerSpec spec = TokenizerSpec::fromFile(path);
  expectEqualOnRandomText(spec, *fast, 1500, 60);
  expectEqualOnProse(spec, *fast, 8);
}

INSTANTIATE_TEST_SUITE_P(
    Files, SplittingOfFileTest,
    testing::Values("test/data/tokenizer/tokenizer.json",
                    "examples/tiny-gemma4/tokenizer.json"));

TEST(SplittingTest, SmallVocabulariesInRandomOrder) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TokenizerSpec spec = makeSyntheticTokenizer(1400, 4000, seed);
    std::string error;
    auto fast = compile(spec.toJson(/*mergePairs=*/seed % 2 == 0), &error);
    ASSERT_TRUE(fast) << error;
    expectEqualOnRandomText(spec, *fast, 60, 40);
  }
}

TEST(SplittingTest, VocabularyOfRealSize) {
  TokenizerSpec spec = makeSyntheticTokenizer(262144, 500000, /*seed=*/7);
  ASSERT_EQ(spec.pieces.size(), 262144u);
  ASSERT_EQ(spec.merges.size(), 500000u);
  std::string error;
  auto fast = compile(spec.toJson(), &error, 262144);
  ASSERT_TRUE(fast) << error;
  EXPECT_LE(fast->tables.size(), 16u << 20);
  expectEqualOnRandomText(spec, *fast, 200, 60);
}

TEST(SplittingTest, LongRunsOfOneCharacter) {
  auto fast = compileFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer.json");
  ASSERT_TRUE(fast);
  SlowBpe slow(
      TokenizerSpec::fromFile(GEMCUT_TEST_DATA "/tokenizer/tokenizer.json"));
  for (char c : {'a', 'e', ' ', '\n', '\t', '\r'})
    for (size_t length : {31u, 32u, 33u, 34u, 500u})
      EXPECT_EQ(fast->encode(std::string(length, c)),
                slow.encode(std::string(length, c)))
          << length << " times " << static_cast<int>(c);
  // A quadratic encoder would take hours.
  std::string million(1 << 20, 'a');
  EXPECT_EQ(fast->tokenizer.decode(fast->encode(million), true), million);
}

} // namespace
