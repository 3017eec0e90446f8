//===- Passes.h - From the imported model to fused layers -------*- C++ -*-===//

#ifndef GEMCUT_PASSES_GEMMA_PASSES_H
#define GEMCUT_PASSES_GEMMA_PASSES_H

#include "dialects/Gemma/GemmaOps.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace gemcut::gemma {

#define GEN_PASS_DECL
#include "passes/Gemma/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Gemma/Passes.h.inc"

} // namespace gemcut::gemma

#endif // GEMCUT_PASSES_GEMMA_PASSES_H
