//===- bpe.h - Byte-pair encoding of one chunk ------------------*- C++ -*-===//

#ifndef GEMCUT_RUNTIME_TEXT_BPE_H
#define GEMCUT_RUNTIME_TEXT_BPE_H

#include "runtime/text/table_view.h"

#include <vector>

namespace gemcut::text {

/// Merges the symbols of a chunk: the pair of lowest rank first, the leftmost
/// on ties, until no pair has a rank. Keeps its buffers between calls; one per
/// thread.
class Bpe {
public:
  explicit Bpe(const TableView &tables) : tables(tables) {}

  /// Encodes normalised text of which every code point is a piece, and appends
  /// the ids. O(n log n) for n code points. The text must be valid UTF-8.
  void encode(std::string_view text, std::vector<int32_t> &ids);

private:
  void mergeShort(std::vector<int32_t> &ids);
  void mergeLong(std::vector<int32_t> &ids);
  void pushPair(uint32_t position);

  const TableView &tables;
  std::vector<uint32_t> symbols; // ids, by position
  std::vector<uint32_t> ranks;   // of the pair that begins at a position
  std::vector<uint32_t> next, previous;
  std::vector<uint64_t> heap; // rank << 32 | position, smallest first
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_BPE_H
