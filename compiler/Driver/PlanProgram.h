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

/// `quant`, or where it is empty what fits the weights: keep for those of a
/// quantized checkpoint, mobile for random ones of a mobile release, else int4.
std::string chooseQuant(const LoadedModel &model, llvm::StringRef quant);

/// Rows of a prompt chunk, where the user names none: the largest power of two,
/// 32 to 256, whose quantized activations of `hiddenSize` columns fill at most
/// half of a core's second cache (`l2Bytes`), so that every block of weights
/// finds them there. At 256 rows, reading the weights for each chunk anew is
/// 2 % of the work (a byte of int4 is used in 480 multiply-adds; a Zen core
/// does ten per byte that it can read), which more rows could save.
int64_t choosePrefillChunk(int64_t hiddenSize, int64_t l2Bytes);

/// Imports the model into `context` and runs the gemma pipeline and, unless
/// `until` says less, the kernel pipeline. Reports phases and dumps IR on the
/// way. Errors: the first diagnostic of whatever failed; CancelledError.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
planProgram(mlir::MLIRContext &context, const LoadedModel &model,
            const PlanOptions &options, int64_t l2Bytes, PlanUntil until,
            Phases &phases, IrDumps &dumps);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_PLANPROGRAM_H
