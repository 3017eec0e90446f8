//===- PropagateArguments.h - Constants that callers pass -------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_PROPAGATEARGUMENTS_H
#define GEMCUT_TARGETS_COMMON_PROPAGATEARGUMENTS_H

#include "mlir/IR/BuiltinOps.h"

namespace gemcut::targets {

/// Replaces arguments of private functions for which all calls pass the same
/// constant: the single row of decoding, say, on its way from the entry point
/// through layers to stages. Constants are looked for where they are passed,
/// not computed; LowerProgram's calls need no more.
void propagateArguments(mlir::ModuleOp program);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_PROPAGATEARGUMENTS_H
