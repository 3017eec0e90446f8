//===- PackPlan.h - The weight section in pieces of work --------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_PACKPLAN_H
#define GEMCUT_COMPILER_ARTIFACT_PACKPLAN_H

#include "dialects/Kernel/KernelOps.h"

#include <vector>

namespace gemcut::artifact {

/// One of the checkpoint's tensors that a packed tensor is made of.
struct PackSource {
  kernel::PackedOp op;
  unsigned index = 0; ///< into the op's sources
  llvm::StringRef name;

  kernel::WeightType getType() {
    return llvm::cast<kernel::WeightType>(op.getType());
  }
};

/// Rows [row, row + rows) of one source. In tiles, their tile t is tile
/// firstTile + t * tileStep of the packed tensor.
struct PackUnit {
  size_t source; ///< into the list of sources
  int64_t row, rows;
  int64_t firstTile, tileStep;
};

/// Adds the sources of a packed tensor, and units of a few MB that cover them,
/// to both lists; matrices that are interleaved take turns, so that
/// neighbouring tiles are made together.
void addUnits(kernel::PackedOp op, std::vector<PackSource> &sources,
              std::vector<PackUnit> &units);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_PACKPLAN_H
