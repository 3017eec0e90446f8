//===- Passes.h - Plans of memory and work for kernel programs --*- C++ -*-===//

#ifndef GEMCUT_PASSES_KERNEL_PASSES_H
#define GEMCUT_PASSES_KERNEL_PASSES_H

#include "dialects/Kernel/KernelOps.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace gemcut::kernel {

#define GEN_PASS_DECL
#include "passes/Kernel/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Kernel/Passes.h.inc"

} // namespace gemcut::kernel

#endif // GEMCUT_PASSES_KERNEL_PASSES_H
