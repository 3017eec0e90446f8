//===- LlvmPipeline.h - Loops and vectors -> LLVM dialect -------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_LLVMPIPELINE_H
#define GEMCUT_TARGETS_COMMON_LLVMPIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace gemcut::targets {

/// Appends the upstream passes from lowered programs (func, scf, arith, vector
/// on
/// `!llvm.ptr`) to the LLVM dialect. All upstream pass creation for CPUs is
/// here.
void buildLlvmPipeline(mlir::OpPassManager &pm);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_LLVMPIPELINE_H
