//===- Compilation.h - Compiling as a part of a command ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_COMPILATION_H
#define GEMCUT_COMPILER_DRIVER_COMPILATION_H

#include "compiler/Driver/Options.h"

#include "llvm/Support/Error.h"

#include <memory>

namespace gemcut::calibration {
class MeasuredInputs;
}

namespace gemcut::driver {

/// runCompile without notes and report. int4 is rounded under `inputs`, if not
/// null, whatever the options say of calibration; nothing is certified.
llvm::Error compileQuietly(const CompileOptions &options,
                           std::shared_ptr<calibration::MeasuredInputs> inputs);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_COMPILATION_H
