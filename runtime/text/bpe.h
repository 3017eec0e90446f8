//===- bpe.h - Byte-pair encoding of one chunk ------------------*- C++ -*-===//

#ifndef GEMCUT_RUNTIME_TEXT_BPE_H
#define GEMCUT_RUNTIME_TEXT_BPE_H

#include "runtime/text/table_view.h"

#include <vector>

namespace gemcut::text {

/// The smallest of many values and where it first stands, with cheap updates: a
/// tree of minima, 16 children to a node, levels one after the other.
class MinTree {
public:
  static constexpr uint32_t kNothing = INT32_MAX;

  /// `count` values, all kNothing; then fill `values()` and call build().
  void reset(uint32_t count);
  int32_t *values() { return nodes.data(); }
  void build();

  void set(uint32_t position, int32_t value);
  /// The smallest value, kNothing if there is none, and its first position.
  int32_t first(uint32_t *position) const;

private:
  std::vector<int32_t> nodes;
  uint32_t begin[9] = {}; // of each level; each has a multiple of 16 nodes
  uint32_t levels = 0;    // the last has 16 nodes
};

/// Merges the symbols of a chunk: the pair of lowest rank first, the leftmost
/// on ties, until no pair has a rank. Keeps its buffers between chunks; one per
/// thread.
class Bpe {
public:
  explicit Bpe(const TableView &tables) : tables(tables) {}

  /// Begins a chunk, then appends the id of its next code point.
  void clear() { symbols.clear(); }
  void push(uint32_t id) { symbols.push_back(id); }
  /// Merges the chunk's symbols and appends the ids. O(n log n).
  void encode(std::vector<int32_t> &ids);

private:
  int32_t rank(uint32_t left, uint32_t right) const;
  void mergeShort(std::vector<int32_t> &ids);
  void mergeLong(std::vector<int32_t> &ids);

  const TableView &tables;
  std::vector<uint32_t> symbols;        // ids, by position
  std::vector<uint32_t> next, previous; // positions of neighbours
  MinTree ranks;                        // of the pair that begins at a position
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_BPE_H
