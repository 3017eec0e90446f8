//===- PackPlan.cpp - The weight section in pieces of work ----------------===//

#include "compiler/Artifact/PackPlan.h"

#include "runtime/abi/packed_layout.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut;
using namespace gemcut::artifact;

/// Values that one unit of work reads: bounds the memory of a thread to a few
/// MB.
static constexpr int64_t kUnitValues = int64_t(1) << 20;

void gemcut::artifact::addUnits(kernel::PackedOp op,
                                std::vector<PackSource> &sources,
                                std::vector<PackUnit> &units) {
  auto type = llvm::cast<kernel::WeightType>(op.getType());
  int64_t step = std::max<int64_t>(kUnitValues / type.getColumns(), 1);
  if (type.getLayout() != kernel::Layout::Rows)
    step = gemcut_round_up(step, GEMCUT_TILE_ROWS);
  size_t first = sources.size();
  for (auto [index, name] :
       llvm::enumerate(op.getSources().getAsRange<mlir::StringAttr>()))
    sources.push_back({op, unsigned(index), name.getValue()});
  if (type.getLayout() != kernel::Layout::Interleaved) {
    for (int64_t row = 0; row < type.getRows(); row += step)
      units.push_back({first, row, std::min(step, type.getRows() - row),
                       row / GEMCUT_TILE_ROWS, 1});
    return;
  }
  // Pairs of matrices: two sources, or halves of every expert in one.
  bool isHalf = op.getExperts().has_value();
  int64_t experts = op.getExperts().value_or(1);
  int64_t rows = type.getRows() / 2 / experts;
  for (int64_t expert = 0; expert < experts; ++expert)
    for (int64_t row = 0; row < rows; row += step)
      for (int64_t matrix : {0, 1}) {
        int64_t tile =
            (expert * gemcut_round_up(rows, GEMCUT_TILE_ROWS) + row) /
            GEMCUT_TILE_ROWS;
        int64_t start = isHalf ? (2 * expert + matrix) * rows : 0;
        units.push_back({first + (isHalf ? 0 : matrix), start + row,
                         std::min(step, rows - row), 2 * tile + matrix, 2});
      }
}
