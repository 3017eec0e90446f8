//===- gemcut-opt.cpp - Any pass on any form of the program ---------------===//

#include "compiler/Pipeline/Registration.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  gemcut::registerAllPasses();
  mlir::DialectRegistry registry;
  gemcut::registerAllDialects(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "gemcut-opt: runs gemcut passes on gemma, kernel or LLVM IR\n",
      registry));
}
