//===- CompileLevels.h - Machine code of every level ------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_COMPILELEVELS_H
#define GEMCUT_COMPILER_DRIVER_COMPILELEVELS_H

#include "compiler/Driver/IrDumps.h"
#include "compiler/Driver/Reporter.h"
#include "targets/Common/Target.h"

namespace gemcut::driver {

/// An object, or another form of `kind`, for each level of `spec`, in their
/// order. They need each other: what levels have in common is in one of them
/// (targets/Common/ShareFunctions.h). Levels are compiled side by side, and IR
/// is dumped per level. `module`: the planned kernel program. Errors: one
/// sentence; CancelledError.
llvm::Expected<std::vector<llvm::SmallVector<char, 0>>>
compileLevels(const targets::Target &target, const targets::TargetSpec &spec,
              mlir::ModuleOp module, targets::EmitKind kind, IrDumps &dumps,
              Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_COMPILELEVELS_H
