//===- vocabulary.h - The bytes of every token, for masks -------*- C++ -*-===//
//
// Owns the byte strings of a tokenizer's pieces in tries, so that the tokens an
// automaton can read are found without reading each of them.
//
// Tokens made of plain characters alone (U+0020 on without '"' and '\': what
// JSON strings hold as it is) are kept apart, with one mask for each number of
// characters: inside a string their bits are copied, and only the rest, a few
// percent of a real vocabulary, is walked through.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_VOCABULARY_H
#define GEMCUT_RUNTIME_CONSTRAIN_VOCABULARY_H

#include "runtime/text/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gemcut::constrain {

/// A set of token ids: bit id % 32 of word id / 32.
using Mask = std::vector<uint32_t>;

/// Byte strings in preorder: a node is behind its parent, its whole subtree
/// behind it.
struct Trie {
  struct Node {
    uint32_t firstToken; // tokens of the node: up to firstToken of the next one
    uint32_t subtreeEnd; // the first node that is not below this one
    uint16_t depth;      // bytes from the root; 1 for the first
    uint8_t byte;
  };
  std::vector<Node> nodes;     // and one more, as an end for firstToken
  std::vector<int32_t> tokens; // ids, in the order of the nodes
};

/// Immutable once built, and shared by all grammars and threads.
class Vocabulary {
public:
  /// Takes about 0.2 s and 10 MB for 262144 tokens. `stopIds`: ids that end an
  /// answer. The tokenizer's tables must stay mapped.
  static std::shared_ptr<const Vocabulary>
  build(const text::Tokenizer &tokenizer, const int32_t *stopIds,
        size_t stopIdCount);

  int32_t size() const { return tokenizer.vocabSize(); }
  /// Words of a mask.
  size_t maskWords() const { return (size_t(size()) + 31) / 32; }

  /// The bytes that an ordinary token adds to the text: U+2581 is a space, a
  /// byte token its byte. Empty for tokens that add none: control tokens, those
  /// of the chat format, stop ids, ids without a piece.
  std::string textOf(int32_t id) const;
  bool isStop(int32_t id) const;
  const std::vector<int32_t> &getStopIds() const { return stopIds; }
  /// Control tokens and those of the chat format, without stop ids.
  const std::vector<int32_t> &getSpecialIds() const { return specialIds; }
  /// The id of a token of the chat format, or -1.
  int32_t role(gemcut_token_role role) const { return tokenizer.role(role); }

  /// Tokens of plain characters, and all others that have text.
  const Trie &getPlain() const { return plain; }
  const Trie &getRest() const { return rest; }
  /// Writes (maskWords(),) words: plain tokens of at most `characters`.
  void copyPlain(size_t characters, uint32_t *words) const;

private:
  bool isSpecial(int32_t id) const;

  text::Tokenizer tokenizer;
  std::vector<int32_t> stopIds, specialIds;
  Trie plain, rest;
  std::vector<Mask> plainMasks; // [n]: plain tokens of at most n characters
  /// Characters and id of plain tokens beyond the masks, shortest first.
  std::vector<std::pair<uint32_t, int32_t>> longPlain;
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_VOCABULARY_H
