//===- OperandChecks.h - Found against expected, for operands ---*- C++ -*-===//
//
// What verifiers of the kernel dialect ask of one operand. Each emits an error
// that names the operand, what was found and what was expected.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_DIALECTS_KERNEL_OPERANDCHECKS_H
#define GEMCUT_DIALECTS_KERNEL_OPERANDCHECKS_H

#include "dialects/Kernel/KernelOps.h"

namespace gemcut::kernel {

/// Operand `what` has `found` columns; `reason` is why it must have `expected`.
mlir::LogicalResult expectColumns(mlir::Operation *op, llvm::StringRef what,
                                  int64_t found, llvm::StringRef reason,
                                  int64_t expected);

/// Operand `what` of type `type` has one of the `allowed` element types.
mlir::LogicalResult expectElement(mlir::Operation *op, llvm::StringRef what,
                                  BufferType type,
                                  llvm::ArrayRef<Element> allowed);

/// Weight `what` of type `type` is a vector of `size` values.
mlir::LogicalResult expectVector(mlir::Operation *op, llvm::StringRef what,
                                 WeightType type, int64_t size);

} // namespace gemcut::kernel

#endif // GEMCUT_DIALECTS_KERNEL_OPERANDCHECKS_H
