//===- CompileChecks.h - Options that go together ---------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_COMPILECHECKS_H
#define GEMCUT_COMPILER_DRIVER_COMPILECHECKS_H

#include "compiler/Driver/Options.h"
#include "targets/Common/Target.h"

namespace gemcut::driver {

/// What --target and --cpu name.
struct TargetChoice {
  const targets::Target *target;
  targets::TargetSpec spec;
};

/// Checks what can be said before a model is read. Errors: UsageError; files of
/// text that cannot be read.
llvm::Expected<TargetChoice> checkCompileOptions(const CompileOptions &options);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_COMPILECHECKS_H
