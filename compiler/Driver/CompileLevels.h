//===- CompileLevels.h - Machine code of a kernel program -------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_COMPILELEVELS_H
#define GEMCUT_COMPILER_DRIVER_COMPILELEVELS_H

#include "compiler/Driver/IrDumps.h"
#include "compiler/Driver/Reporter.h"
#include "targets/Common/Target.h"

namespace gemcut::driver {

/// What `target` emits of the kernel program `module` for each level of `spec`,
/// in their order; levels are compiled side by side. IR is dumped per level.
/// Errors: one sentence; CancelledError.
llvm::Expected<std::vector<llvm::SmallVector<char, 0>>>
compileLevels(const targets::Target &target, const targets::TargetSpec &spec,
              mlir::ModuleOp module, targets::EmitKind kind, IrDumps &dumps,
              Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_COMPILELEVELS_H
