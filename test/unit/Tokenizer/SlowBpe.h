//===- SlowBpe.h - The obvious encoder --------------------------*- C++ -*-===//
//
// Byte-pair encoding as it is defined, on strings, with no table and no
// splitting shared with the product. Quadratic.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TEST_UNIT_TOKENIZER_SLOWBPE_H
#define GEMCUT_TEST_UNIT_TOKENIZER_SLOWBPE_H

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gemcut::test {

/// What a tokenizer.json says, as lists.
struct TokenizerSpec {
  std::vector<std::string> pieces;                         // by id
  std::vector<std::pair<std::string, std::string>> merges; // by rank
  std::vector<int32_t> added;

  /// The file's text, merges as lists of two or as "left right".
  std::string toJson(bool mergePairs = true) const;
  static TokenizerSpec fromFile(const std::string &path);
};

class SlowBpe {
public:
  explicit SlowBpe(const TokenizerSpec &spec);

  /// The ids of valid UTF-8 text, added tokens cut out first.
  std::vector<int32_t> encode(const std::string &text) const;

private:
  void encodeOrdinary(const std::string &text, std::vector<int32_t> &ids) const;

  std::unordered_map<std::string, int32_t> ids;
  std::unordered_map<std::string, size_t> ranks; // of "left right"
  std::vector<std::pair<std::string, int32_t>> added;
};

/// A vocabulary in the manner of a real one: control tokens, all bytes, single
/// characters of several scripts, runs of newlines and spaces, and `pieceCount`
/// pieces in all, each made by the first of its merges; then further splits of
/// these pieces up to `mergeCount` merges, in random order.
TokenizerSpec makeSyntheticTokenizer(size_t pieceCount, size_t mergeCount,
                                     uint64_t seed);

/// Text of random pieces and characters of `spec`, some of them foreign.
std::string makeRandomText(const TokenizerSpec &spec, size_t parts,
                           uint64_t seed);

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_TOKENIZER_SLOWBPE_H
