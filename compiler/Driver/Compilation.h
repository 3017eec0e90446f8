//===- Compilation.h - Compiling as a part of a command ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_COMPILATION_H
#define GEMCUT_COMPILER_DRIVER_COMPILATION_H

#include "compiler/Driver/Options.h"
#include "compiler/Driver/Reporter.h"

#include "llvm/Support/Error.h"

#include "compiler/Driver/MemoryPlan.h"

#include <memory>

namespace gemcut::calibration {
class MeasuredInputs;
}

namespace gemcut::driver {

/// What was compiled.
struct CompileResult {
  CompileOptions options; ///< with what --quant and --max-ram left open chosen
  MemoryPlan plan;
  std::string sidecar; ///< path of the file with the weights; empty: none
  std::string summary; ///< lines for people; empty where no program was made
};

/// Writes what the options ask for; nothing is printed. Errors: one sentence;
/// UsageError, CancelledError, MemoryLimitError, checkpoint::CheckpointError.
llvm::Expected<CompileResult> compile(const CompileOptions &options,
                                      Reporter &reporter);

/// compile without notes, as a part of something else: `name` says what it
/// makes. int4 is rounded under `inputs`, if not null, whatever the options say
/// of calibration; nothing is certified.
llvm::Error compileQuietly(const CompileOptions &options,
                           std::shared_ptr<calibration::MeasuredInputs> inputs,
                           Reporter &reporter, llvm::StringRef name);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_COMPILATION_H
