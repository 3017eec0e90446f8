//===- table_view.h - Lookups in compiled tokenizer tables ------*- C++ -*-===//
//
// Owns nothing: pointers into the tables of runtime/abi/tokenizer_tables.h, and
// the lookups on them. Every index read from a table is checked against the
// section it indexes, so damaged contents give wrong ids but no wild reads.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_TABLE_VIEW_H
#define GEMCUT_RUNTIME_TEXT_TABLE_VIEW_H

#include "runtime/abi/tokenizer_tables.h"

#include <cstddef>
#include <string_view>

namespace gemcut::text {

inline constexpr uint32_t kNone = GEMCUT_TOKENIZER_NONE;

struct TableView {
  const gemcut_tokenizer_header *header = nullptr;
  const uint32_t *pieceOffsets = nullptr;
  const char *pieceBytes = nullptr;
  const uint8_t *pieceFlags = nullptr;
  const uint32_t *pieceSlots = nullptr;
  const uint16_t *codePointBlocks = nullptr;
  const uint32_t *codePointIds = nullptr;
  const uint32_t *byteIds = nullptr;
  const uint64_t *mergeSlots = nullptr;
  const uint32_t *mergeResults = nullptr;
  const uint32_t *asciiPairs = nullptr;
  const uint32_t *pairFilter = nullptr;
  const uint32_t *addedFirst = nullptr;
  const uint32_t *addedIds = nullptr;
  uint32_t codePointBlockCount = 0;
  uint32_t pairFilterMask = 0;

  /// Bytes of piece `id`; empty outside the vocabulary.
  std::string_view piece(uint32_t id) const {
    if (id >= header->piece_count)
      return {};
    uint32_t begin = pieceOffsets[id], end = pieceOffsets[id + 1];
    if (begin > end || end > header->sections[GEMCUT_TOK_PIECE_BYTES].length)
      return {};
    return {pieceBytes + begin, end - begin};
  }

  gemcut_piece_kind kind(uint32_t id) const {
    return static_cast<gemcut_piece_kind>(pieceFlags[id] &
                                          GEMCUT_PIECE_KIND_MASK);
  }

  /// The id of the piece with these bytes, or kNone.
  uint32_t findPiece(std::string_view bytes) const {
    if (bytes.size() > header->max_piece_bytes)
      return kNone;
    uint32_t slot = gemcut_tokenizer_bucket(
        gemcut_tokenizer_hash_bytes(bytes.data(),
                                    static_cast<uint32_t>(bytes.size())),
        header->piece_buckets);
    for (;; ++slot) {
      uint32_t id = pieceSlots[slot];
      if (id == kNone || piece(id) == bytes)
        return id;
    }
  }

  /// The id of the piece that is this one code point, or kNone.
  uint32_t codePointId(uint32_t codePoint) const {
    uint32_t block = codePointBlocks[codePoint >> 8];
    if (block >= codePointBlockCount)
      return kNone;
    return codePointIds[block * 256 + (codePoint & 255)];
  }

  /// The rank of the merge of two ids, or kNone.
  uint32_t mergeRank(uint32_t left, uint32_t right) const {
    uint64_t key = static_cast<uint64_t>(left) << 20 | right;
    uint32_t slot = gemcut_tokenizer_bucket(
        gemcut_tokenizer_hash_pair(left, right), header->merge_buckets);
    for (;; ++slot) {
      uint64_t entry = mergeSlots[slot];
      if (entry >> 24 == key)
        return static_cast<uint32_t>(entry & 0xFFFFFF);
      if (entry == GEMCUT_TOKENIZER_EMPTY_MERGE)
        return kNone;
    }
  }

  /// The id that the merge of this rank gives.
  uint32_t mergeResult(uint32_t rank) const {
    return rank < header->merge_count ? mergeResults[rank] : kNone;
  }

  /// False only where no merge ever joins the two code points. U+2581 is passed
  /// as U+0020.
  bool mayJoin(uint32_t left, uint32_t right) const {
    if (left < 128 && right < 128)
      return asciiPairs[left * 4 + (right >> 5)] >> (right & 31) & 1;
    uint32_t bit = gemcut_tokenizer_hash_pair(left, right) & pairFilterMask;
    return pairFilter[bit >> 5] >> (bit & 31) & 1;
  }
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_TABLE_VIEW_H
