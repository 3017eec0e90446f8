//===- Registration.cpp - What the compiler consists of -------------------===//

#include "compiler/Pipeline/Registration.h"

#include "compiler/Pipeline/GemmaPipeline.h"
#include "compiler/Pipeline/KernelPipeline.h"
#include "dialects/Gemma/GemmaOps.h"
#include "dialects/Kernel/KernelOps.h"
#include "passes/Gemma/Passes.h"
#include "passes/GemmaToKernel/Passes.h"
#include "passes/Kernel/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void gemcut::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<gemma::GemmaDialect, kernel::KernelDialect,
                  mlir::func::FuncDialect, mlir::arith::ArithDialect,
                  mlir::scf::SCFDialect, mlir::vector::VectorDialect,
                  mlir::LLVM::LLVMDialect>();
}

void gemcut::registerAllPasses() {
  mlir::registerTransformsPasses();
  gemma::registerGemmaPasses();
  registerGemmaPipeline();
  registerGemmaToKernelPasses();
  kernel::registerKernelPasses();
  registerKernelPipeline();
}
