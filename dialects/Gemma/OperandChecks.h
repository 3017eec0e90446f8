//===- OperandChecks.h - Found against expected, for operands ---*- C++ -*-===//
//
// What verifiers of the gemma dialect ask of ranked tensors. A check that fails
// emits an error that names what was found and what was expected.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_DIALECTS_GEMMA_OPERANDCHECKS_H
#define GEMCUT_DIALECTS_GEMMA_OPERANDCHECKS_H

#include "dialects/Gemma/GemmaOps.h"

namespace gemcut::gemma {

/// The size of the first dimension.
int64_t rowsOf(mlir::Value value);

/// The size of the last dimension.
int64_t columnsOf(mlir::Value value);

/// `what` is `found`; `reason` is what it must be, `expected`.
mlir::LogicalResult expectSize(mlir::Operation *op, llvm::StringRef what,
                               int64_t found, llvm::StringRef reason,
                               int64_t expected);

/// All row operands and results have the same number of rows and static
/// columns.
mlir::LogicalResult expectSameRows(mlir::Operation *op,
                                   mlir::ValueRange values);

} // namespace gemcut::gemma

#endif // GEMCUT_DIALECTS_GEMMA_OPERANDCHECKS_H
