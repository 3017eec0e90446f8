//===- Vocabulary.h - Pieces and merges, by id ------------------*- C++ -*-===//
//
// Relates what tokenizer.json lists: pieces by id, merges as ids, both with the
// hash tables of runtime/abi/tokenizer_tables.h.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_TOKENIZER_VOCABULARY_H
#define GEMCUT_FRONTENDS_TOKENIZER_VOCABULARY_H

#include "frontends/Tokenizer/TokenizerJson.h"

#include "llvm/ADT/SmallVector.h"

namespace gemcut::tokenizer {

struct Merge {
  uint32_t left, right, result;
};

/// A hash table whose overflow follows its last bucket.
template <typename T> struct HashSlots {
  uint32_t buckets = 0;
  std::vector<T> slots;
};

struct Vocabulary {
  std::vector<llvm::StringRef> pieces; // by id, into the TokenizerJson
  std::vector<uint8_t> flags;          // gemcut_piece_kind, without CANONICAL
  std::vector<uint32_t> added;         // ids, sorted by their bytes
  std::vector<uint32_t> byteIds;       // by byte
  std::vector<Merge> merges;           // by rank
  /// Special tokens behind the model's vocabulary, which it can neither read
  /// nor write: text models of Gemma 3 have the file of those that see images.
  std::vector<llvm::StringRef> beyond;
  HashSlots<uint32_t> pieceSlots;
  HashSlots<uint64_t> mergeSlots;

  /// The id of a piece, or GEMCUT_TOKENIZER_NONE.
  uint32_t find(llvm::StringRef piece) const;
  /// The rank of a merge, or GEMCUT_TOKENIZER_NONE.
  uint32_t rank(uint32_t left, uint32_t right) const;
};

/// Ids of the pieces that are one code point.
struct CodePointTable {
  std::vector<uint16_t> blocks; // GEMCUT_TOK_CODE_POINT_BLOCKS
  std::vector<uint32_t> ids;    // GEMCUT_TOK_CODE_POINT_IDS

  explicit CodePointTable(const Vocabulary &vocabulary);
  uint32_t find(uint32_t codePoint) const {
    return ids[blocks[codePoint >> 8] * 256u + (codePoint & 255)];
  }
};

/// The code points of a piece; JSON strings are valid UTF-8.
void decodePiece(llvm::StringRef piece, llvm::SmallVectorImpl<uint32_t> &out);

/// Checks and relates; see compileTokenizerJson for the errors. `file` must
/// live as long as the result.
llvm::Expected<Vocabulary> buildVocabulary(const TokenizerJson &file,
                                           llvm::StringRef fileName,
                                           int64_t vocabSize);

/// Sets GEMCUT_PIECE_CANONICAL on every piece of two or more code points that
/// encoding its own text gives back.
void markCanonicalPieces(Vocabulary &vocabulary,
                         const CodePointTable &codePoints);

} // namespace gemcut::tokenizer

#endif // GEMCUT_FRONTENDS_TOKENIZER_VOCABULARY_H
