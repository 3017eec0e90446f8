//===- weight_pages.h - Which pages of the weights are mapped ---*- C++ -*-===//
//
// Weights are a mapping of the file. Most of it is read by every step and
// wants huge pages; of a row table (runtime/abi/model.h) a step reads a few
// rows, which are read ahead one by one and unmapped again before they become
// many. All of this is advice: without it everything works, slower. Reasons and
// measurements: compiler/Docs/decisions/20261125-mapped-weights.md.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CORE_WEIGHT_PAGES_H
#define GEMCUT_RUNTIME_CORE_WEIGHT_PAGES_H

#include "runtime/abi/model.h"

#include <cstddef>
#include <cstdint>
#include <sys/mman.h>

namespace gemcut {

class WeightPages {
public:
  using AdviseFn = int (*)(void *address, size_t length, int advice);

  /// `weights` is a shared, read-only mapping of the weight section.
  /// `tableBytes` bounds what is mapped of all row tables together; 0: nothing
  /// is ever unmapped. Weights of more than `memoryBytes` (0: those of the
  /// machine) get no huge pages: a fault would read megabytes that others may
  /// need less, such as experts that nobody has chosen.
  void open(const gemcut_model_info &model, const uint8_t *weights,
            uint64_t tableBytes, AdviseFn advise = madvise,
            uint64_t memoryBytes = 0);

  /// The next step reads the table rows of these tokens, ids in the vocabulary.
  /// Unmaps what earlier steps read, if the bound would be exceeded.
  void beginStep(const int32_t *ids, size_t count);

  /// A later step will read the table rows of these tokens: starts reading them
  /// from the disk, if they are not in memory.
  void readAhead(const int32_t *ids, size_t count);

  /// Bytes of tables that may be mapped now, at most.
  uint64_t getMappedBound() const { return mapped; }

private:
  template <typename VisitFn>
  void visitRows(const int32_t *ids, size_t count, VisitFn visit) const;

  const gemcut_model_info *model = nullptr;
  const uint8_t *weights = nullptr; // null: no table, or none to be advised
  AdviseFn advise = nullptr;
  uint64_t limit = 0, mapped = 0;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_WEIGHT_PAGES_H
