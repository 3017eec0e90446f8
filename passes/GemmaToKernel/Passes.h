//===- Passes.h - From layers on tensors to stages on buffers ---*- C++ -*-===//

#ifndef GEMCUT_PASSES_GEMMATOKERNEL_PASSES_H
#define GEMCUT_PASSES_GEMMATOKERNEL_PASSES_H

#include "dialects/Kernel/KernelOps.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace gemcut {

#define GEN_PASS_DECL
#include "passes/GemmaToKernel/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/GemmaToKernel/Passes.h.inc"

} // namespace gemcut

#endif // GEMCUT_PASSES_GEMMATOKERNEL_PASSES_H
