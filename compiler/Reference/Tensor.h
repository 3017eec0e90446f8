//===- Tensor.h - What the reference computes with --------------*- C++ -*-===//
//
// Rows of float32, ids, positions, and the two handles: a weight, whose values
// are read where they are used, and a KV state.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_REFERENCE_TENSOR_H
#define GEMCUT_COMPILER_REFERENCE_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gemcut::reference {

/// A matrix (rows, columns) of float32, row-major; one row per token.
struct Tensor {
  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<float> values;

  Tensor() = default;
  Tensor(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), values(rows * columns) {}

  llvm::MutableArrayRef<float> row(int64_t r) {
    return {values.data() + r * columns, size_t(columns)};
  }
  llvm::ArrayRef<float> row(int64_t r) const {
    return {values.data() + r * columns, size_t(columns)};
  }
};

using Ids = std::vector<int32_t>;
using Positions = std::vector<int64_t>;

/// A tensor of the checkpoint: a matrix (rows, columns), a vector with one row,
/// or matrices of experts one below the other; or a range of its rows.
struct Weight {
  std::string name;
  int64_t rows = 0;
  int64_t columns = 0;
  /// Scales that products round their input and output under; 0: they do not.
  float inputScale = 0, outputScale = 0;
  int64_t firstRow = 0;
  /// The same of experts, one of each, and of each of their matrices; or none.
  std::vector<float> inputScales = {}, outputScales = {};

  /// Matrix `index`, of `count` rows as all of them, which is one of `expert`.
  Weight getMatrix(int64_t index, int64_t count, int64_t expert) const {
    Weight part{name, count, columns};
    part.firstRow = firstRow + index * count;
    part.inputScale = inputScales.empty() ? 0 : inputScales[size_t(expert)];
    part.outputScale = outputScales.empty() ? 0 : outputScales[size_t(index)];
    return part;
  }
};

/// The keys and values of one layer: every position that was written.
class KvCache {
public:
  /// K after norm and RoPE, V after norm; each (heads * head_dim).
  struct Entry {
    std::vector<float> key, value;
  };

  KvCache(int64_t heads, int64_t headDim, int64_t window)
      : heads(heads), headDim(headDim), window(window) {}

  /// The entries that a query at `position` sees: positions t <= position and,
  /// with a window W > 0, t > position - W; ascending.
  std::vector<const Entry *> visibleFrom(int64_t position) const {
    auto first =
        window ? entries.upper_bound(position - window) : entries.begin();
    std::vector<const Entry *> visible;
    for (auto it = first; it != entries.end() && it->first <= position; ++it)
      visible.push_back(&it->second);
    return visible;
  }

  const int64_t heads, headDim, window;
  std::map<int64_t, Entry> entries;
  /// Number of writes so far; tells an old state from the newest.
  int64_t version = 0;
};

/// A value of type !gemma.kv: the cache as it was after `version` writes.
struct KvState {
  KvCache *cache = nullptr;
  int64_t version = 0;
};

} // namespace gemcut::reference

#endif // GEMCUT_COMPILER_REFERENCE_TENSOR_H
