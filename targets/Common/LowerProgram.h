//===- LowerProgram.h - Kernel program -> functions on pointers -*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_LOWERPROGRAM_H
#define GEMCUT_TARGETS_COMMON_LOWERPROGRAM_H

#include "targets/Common/VectorIsa.h"

namespace gemcut::targets {

/// Builds a module of func, scf, arith, vector and LLVM operations from a
/// planned kernel module: every stage through its builder, buffers, weights and
/// caches as addresses. An entry point E becomes `gemcut_E_<level>(step,
/// thread)`; another function gets (step, frame, thread) in front of its own
/// arguments and stays private. Errors: an op without a builder, or a missing
/// plan, at the op's location.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
lowerProgram(mlir::ModuleOp kernelModule, const VectorIsa &isa);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_LOWERPROGRAM_H
