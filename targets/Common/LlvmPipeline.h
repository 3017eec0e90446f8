//===- LlvmPipeline.h - Loops and vectors -> LLVM dialect -------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_LLVMPIPELINE_H
#define GEMCUT_TARGETS_COMMON_LLVMPIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace gemcut::targets {

/// Appends the passes from lowered programs (func, scf, arith, and vector of
/// one dimension, on `!llvm.ptr`) to the LLVM dialect. All upstream passes and
/// patterns for CPUs are here.
void buildLlvmPipeline(mlir::OpPassManager &pm);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_LLVMPIPELINE_H
