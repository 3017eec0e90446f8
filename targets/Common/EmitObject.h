//===- EmitObject.h - LLVM dialect -> object, assembly, LLVM IR -*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_EMITOBJECT_H
#define GEMCUT_TARGETS_COMMON_EMITOBJECT_H

#include "targets/Common/Target.h"

#include "llvm/IR/Module.h"

namespace gemcut::targets {

/// Function attribute: instructions stay in the order of the LLVM IR. The
/// machine scheduler interleaves the steps of a register block, which then
/// needs more registers than there are (a block of 6 x 2 int4 vectors spilled
/// 40 of them per 128 columns, LLVM 22), and gathers prefetches that were
/// spread.
inline constexpr llvm::StringLiteral kKeepOrderAttribute = "gemcut-keep-order";

/// While it lives, emitModule on this thread asks between passes and functions
/// whether it should stop. It then soon returns an error, which says nothing
/// else. Scopes do not nest.
class StopScope {
public:
  explicit StopScope(llvm::function_ref<bool()> shouldStop);
  StopScope(const StopScope &) = delete;
  StopScope &operator=(const StopScope &) = delete;
  ~StopScope();
};

/// Translates a module of the LLVM dialect, optimizes it for `level` and
/// returns it in the form of `kind`. The LLVM target of `triple` must be
/// initialized.
llvm::Expected<llvm::SmallVector<char, 0>> emitModule(mlir::ModuleOp module,
                                                      llvm::StringRef triple,
                                                      const IsaLevel &level,
                                                      EmitKind kind);

/// The same for a finished llvm::Module (constants, tables), not optimized.
llvm::Expected<llvm::SmallVector<char, 0>>
emitLlvmModule(llvm::Module &module, llvm::StringRef triple);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_EMITOBJECT_H
