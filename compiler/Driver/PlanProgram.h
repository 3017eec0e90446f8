//===- PlanProgram.h - From a loaded model to a planned program -*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_PLANPROGRAM_H
#define GEMCUT_COMPILER_DRIVER_PLANPROGRAM_H

#include "compiler/Driver/Diagnostics.h"
#include "compiler/Driver/IrDumps.h"
#include "compiler/Driver/LoadedModel.h"
#include "compiler/Driver/Phases.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace gemcut::driver {

/// How far the program is taken.
enum class PlanUntil { Gemma, Kernel };

/// Fails (usage) unless `--quant` is the name of a built-in recipe or the path
/// of a readable recipe.
llvm::Error checkQuant(llvm::StringRef quant);

/// Imports the model into `context` and runs the gemma pipeline and, unless
/// `until` says less, the kernel pipeline. Times phases and dumps IR on the
/// way. Errors: the first diagnostic of whatever failed.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
planProgram(mlir::MLIRContext &context, const LoadedModel &model,
            const PlanOptions &options, int64_t l2Bytes, PlanUntil until,
            Phases &phases, IrDumps &dumps);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_PLANPROGRAM_H
