//===- VocabularyTest.cpp - The published Gemma 4 vocabulary --------------===//
//
// Opt-in: set GEMCUT_GEMMA4_GGUF_VOCAB to llama.cpp's
// models/ggml-vocab-gemma-4.gguf.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Tokenizer/SlowBpe.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace gemcut::test;

TEST(VocabularyTest, PublishedVocabularyGivesTheExpectedIds) {
  const char *gguf = std::getenv("GEMCUT_GEMMA4_GGUF_VOCAB");
  if (!gguf)
    GTEST_SKIP() << "GEMCUT_GEMMA4_GGUF_VOCAB does not name llama.cpp's "
                    "ggml-vocab-gemma-4.gguf";
  std::string path = testing::TempDir() + "gemma4-tokenizer.json";
  std::string command = "python3 '" GEMCUT_SOURCE_DIR
                        "/test/tools/gguf_to_tokenizer_json.py' '" +
                        std::string(gguf) + "' '" + path + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::string error;
  auto fast = compile(readFile(path), &error, 262144);
  ASSERT_TRUE(fast) << error;

  size_t count = 0;
  auto cases = readData("tokenizer/gemma4_vocabulary_cases.json");
  for (const auto &entry : cases["encode"]) {
    EXPECT_EQ(fast->encode(entry["text"].get<std::string>()),
              entry["ids"].get<std::vector<int32_t>>())
        << entry["text"];
    ++count;
  }
  EXPECT_EQ(count, 319u);

  TokenizerSpec spec = TokenizerSpec::fromFile(path);
  SlowBpe slow(spec);
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    std::string text = makeRandomText(spec, 1 + seed % 50, seed);
    ASSERT_EQ(fast->encode(text), slow.encode(text)) << "seed " << seed;
  }
  // Real text, in pieces that the slow encoder can take.
  std::string text = readFile(GEMCUT_TEST_DATA "/tokenizer/train.txt");
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin + 150);
    std::string lines = text.substr(begin, end - begin);
    begin = std::min(end, text.size());
    ASSERT_EQ(fast->encode(lines), slow.encode(lines)) << lines;
  }
}
