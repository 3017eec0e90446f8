//===- VectorParts.h - Vectors wider than a register ------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_VECTORPARTS_H
#define GEMCUT_TARGETS_COMMON_VECTORPARTS_H

#include "targets/Common/Emitter.h"

namespace gemcut::targets {

int64_t lanesOf(mlir::Value vector);

/// `parts` equal slices of a vector.
llvm::SmallVector<mlir::Value> split(Emitter &e, mlir::Value vector,
                                     int64_t parts);

/// The slices as one vector; their number is a power of two.
mlir::Value join(Emitter &e, llvm::SmallVector<mlir::Value> slices);

/// Four bytes of an i32 in each of `lanes` lanes.
mlir::Value broadcastBytes(Emitter &e, mlir::Value x, int64_t lanes);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_VECTORPARTS_H
