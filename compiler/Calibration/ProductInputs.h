//===- ProductInputs.h - Which values the matrices multiply -----*- C++ -*-===//

#ifndef GEMCUT_COMPILER_CALIBRATION_PRODUCTINPUTS_H
#define GEMCUT_COMPILER_CALIBRATION_PRODUCTINPUTS_H

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace gemcut::calibration {

/// A matrix of the checkpoint and what it multiplies.
struct ProductInput {
  std::string weight; ///< the tensor's name
  mlir::Value input;  ///< rows of `columns` values
  int64_t columns = 0;
  bool isTable = false; ///< its rows are token embeddings as well
};

/// The inputs of all products of `module`, which is as imported, in the order
/// of the program; without those of matrices that multiply one part of their
/// input per expert.
std::vector<ProductInput> findProductInputs(mlir::ModuleOp module);

} // namespace gemcut::calibration

#endif // GEMCUT_COMPILER_CALIBRATION_PRODUCTINPUTS_H
