//===- TestTokenizer.cpp - Tokenizers for tests ---------------------------===//

#include "test/unit/Tokenizer/TestTokenizer.h"
#include "frontends/Tokenizer/TokenizerTables.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

using namespace gemcut;

std::string test::readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << "cannot read " << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

nlohmann::ordered_json test::readData(const std::string &path) {
  return nlohmann::ordered_json::parse(
      readFile(std::string(GEMCUT_TEST_DATA "/") + path));
}

std::unique_ptr<test::TestTokenizer>
test::compile(const std::string &json, std::string *error, int64_t vocabSize) {
  auto tables = tokenizer::compileTokenizerJson(
      json, "tokenizer.json", vocabSize, tokenizer::TokenNames());
  if (!tables) {
    *error = llvm::toString(tables.takeError());
    return nullptr;
  }
  auto result = std::make_unique<TestTokenizer>();
  result->tables = std::move(*tables);
  if (text::Tokenizer::open(result->tables.data(), result->tables.size(),
                            &result->tokenizer, error) != GEMCUT_OK)
    return nullptr;
  return result;
}

std::unique_ptr<test::TestTokenizer>
test::compileFile(const std::string &path) {
  std::string error;
  auto result = compile(readFile(path), &error);
  EXPECT_TRUE(result) << path << ": " << error;
  return result;
}
