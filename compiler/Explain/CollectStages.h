//===- CollectStages.h - The stages of a planned program --------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_EXPLAIN_COLLECTSTAGES_H
#define GEMCUT_COMPILER_EXPLAIN_COLLECTSTAGES_H

#include "compiler/Explain/StageReport.h"

#include "mlir/IR/BuiltinOps.h"

namespace gemcut::explain {

/// Describes the stages of every entry point of a kernel program that the
/// kernel pipeline has planned. Names come from the ops' locations.
StageReport collectStages(mlir::ModuleOp kernelModule);

} // namespace gemcut::explain

#endif // GEMCUT_COMPILER_EXPLAIN_COLLECTSTAGES_H
