//===- Calibrate.h - What a text says of a model's inputs -------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_CALIBRATE_H
#define GEMCUT_COMPILER_DRIVER_CALIBRATE_H

#include "compiler/Calibration/MeasuredInputs.h"
#include "compiler/Driver/LoadedModel.h"
#include "compiler/Driver/Reporter.h"
#include "compiler/Driver/TextQuality.h"

#include "mlir/IR/BuiltinOps.h"

namespace gemcut::driver {

struct CalibrationResult {
  std::shared_ptr<calibration::MeasuredInputs> inputs;
  TextName text;
  int64_t tokens = 0;
};

/// Runs the text of `options` through `model` with the reference interpreter,
/// in sequences that begin at each <bos> and have at most 512 tokens. `planned`
/// is the program of both. Errors: one without int4, which is all that texts
/// round; a text that cannot be read or holds no two tokens, a model without a
/// tokenizer, weights that cannot be read; CancelledError.
llvm::Expected<CalibrationResult> calibrate(const CompileOptions &options,
                                            const LoadedModel &model,
                                            mlir::ModuleOp planned,
                                            Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_CALIBRATE_H
