//===- TestTokenizer.h - Tokenizers for tests -------------------*- C++ -*-===//

#ifndef GEMCUT_TEST_UNIT_TOKENIZER_TESTTOKENIZER_H
#define GEMCUT_TEST_UNIT_TOKENIZER_TESTTOKENIZER_H

#include "runtime/text/tokenizer.h"

#include <memory>
#include <nlohmann/json.hpp>

namespace gemcut::test {

/// The bytes of a file; a failed expectation and "" if it cannot be read.
std::string readFile(const std::string &path);
/// A file below test/data, parsed, with the order of its keys.
nlohmann::ordered_json readData(const std::string &path);

/// Compiled tables with a tokenizer over them.
struct TestTokenizer {
  std::vector<uint8_t> tables;
  text::Tokenizer tokenizer;

  std::vector<int32_t> encode(std::string_view text,
                              bool parseSpecial = true) const {
    std::vector<int32_t> ids;
    tokenizer.encode(text, parseSpecial, ids);
    return ids;
  }
};

/// Compiles a tokenizer.json's text. On failure returns null and its message.
std::unique_ptr<TestTokenizer> compile(const std::string &json,
                                       std::string *error,
                                       int64_t vocabSize = 1 << 20);
/// Compiles a file; a failed expectation and null on errors.
std::unique_ptr<TestTokenizer> compileFile(const std::string &path);

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_TOKENIZER_TESTTOKENIZER_H
