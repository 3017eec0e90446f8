//===- Registration.cpp - What the compiler consists of -------------------===//

#include "compiler/Pipeline/Registration.h"

#include "dialects/Gemma/GemmaOps.h"
#include "dialects/Kernel/KernelOps.h"
#include "passes/GemmaToKernel/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void gemcut::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<gemma::GemmaDialect, kernel::KernelDialect,
                  mlir::func::FuncDialect, mlir::arith::ArithDialect>();
}

void gemcut::registerAllPasses() {
  mlir::registerTransformsPasses();
  registerGemmaToKernelPasses();
}
