//===- Rewrites.h - What several gemma passes need --------------*- C++ -*-===//

#ifndef GEMCUT_PASSES_GEMMA_REWRITES_H
#define GEMCUT_PASSES_GEMMA_REWRITES_H

#include "dialects/Gemma/GemmaOps.h"

#include "mlir/IR/PatternMatch.h"

namespace gemcut::gemma {

/// The ops of type Op in `function`, in order, safe to erase while visited.
template <typename Op>
llvm::SmallVector<Op> collectOps(mlir::func::FuncOp function) {
  llvm::SmallVector<Op> ops;
  function.walk([&](Op op) { ops.push_back(op); });
  return ops;
}

/// True for a linear with one weight, scale 1 and no cap: a plain product.
bool isPlain(LinearOp linear);

/// The linear that defines `value`, if it is plain and nothing else reads it.
LinearOp getPlainLinear(mlir::Value value);

/// True for a norm with a weight over the whole row.
bool isRowNorm(RmsNormOp norm);

/// The number of columns of a matrix of rows.
int64_t getColumns(mlir::Value rows);

/// True if dimension 0 of `type` counts rows.
bool hasRows(mlir::Type type);

/// Makes `value` available at `point`, an op of the same block: moves what
/// defines it in front of `point` if that is free of effects. Fails, without
/// moving anything, if it is not.
mlir::LogicalResult makeAvailable(mlir::Value value, mlir::Operation *point);

/// Erases those of `ops` that nothing reads, in the given order. Null entries
/// are skipped; an op may occur twice.
void eraseUnused(mlir::RewriterBase &rewriter,
                 llvm::ArrayRef<mlir::Operation *> ops);

} // namespace gemcut::gemma

#endif // GEMCUT_PASSES_GEMMA_REWRITES_H
