//===- RowMath.h - What stages on rows share --------------------*- C++ -*-===//
//
// Loops over a stage's rows, sums over columns, and the norm of a group.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_ROWMATH_H
#define GEMCUT_TARGETS_COMMON_KERNELS_ROWMATH_H

#include "targets/Common/StageEmitter.h"

namespace gemcut::targets {

/// Runs `body(row)` for rows 0 .. rows-1 (i64), shared out in chunks of the
/// partition's size, then waits at the team's barrier.
void forRows(StageEmitter &e, mlir::Value rows, kernel::PartitionAttr partition,
             llvm::function_ref<void(mlir::Value row)> body);

/// The f32 sum over `columns` (static) columns of what `body` adds up:
/// `body(column, lanes, sum)` returns `sum` (16 lanes) plus the terms of
/// columns column .. column + lanes - 1; missing lanes add 0. Four independent
/// sums hide the latency of the additions.
mlir::Value
sumColumns(Emitter &e, int64_t columns,
           llvm::function_ref<mlir::Value(mlir::Value column, int64_t lanes,
                                          mlir::Value sum)>
               body);

/// sum + value^2; `value` may have fewer lanes than `sum`.
mlir::Value addSquare(Emitter &e, mlir::Value value, mlir::Value sum);

/// (sumOfSquares / columns + eps)^(-1/2), by square root and division.
mlir::Value inverseRms(Emitter &e, mlir::Value sumOfSquares, int64_t columns,
                       float eps);

/// The inverse RMS of `columns` f32 values at `source`.
mlir::Value rowInverseRms(Emitter &e, mlir::Value source, int64_t columns,
                          float eps);

/// The largest |x| of `columns` (static) f32 values at `source`.
mlir::Value largestMagnitude(Emitter &e, mlir::Value source, int64_t columns);

/// The scale of int8 numbers -127 .. 127 for values up to `magnitude`, and its
/// reciprocal, 0 where all values count as zero.
struct Int8Scale {
  mlir::Value scale, inverse;
};
Int8Scale int8Scale(Emitter &e, mlir::Value magnitude);

/// round(x * inverse) as i32 lanes.
mlir::Value quantizeLanes(Emitter &e, mlir::Value x, mlir::Value inverse);

/// `lanes` f32 values at column `column` of `base`.
mlir::Value loadColumns(Emitter &e, mlir::Value base, mlir::Value column,
                        int64_t lanes = kLanes);
void storeColumns(Emitter &e, mlir::Value value, mlir::Value base,
                  mlir::Value column);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_ROWMATH_H
