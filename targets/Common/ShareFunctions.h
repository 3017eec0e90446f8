//===- ShareFunctions.h - Code that levels have in common -------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_SHAREFUNCTIONS_H
#define GEMCUT_TARGETS_COMMON_SHAREFUNCTIONS_H

#include "targets/Common/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace gemcut::targets {

/// Attribute of the functions that other levels call.
inline constexpr llvm::StringLiteral kSharedAttribute = "gemcut.shared";

/// A level's program between Target::build and Target::finish.
struct LevelProgram {
  struct Function {
    mlir::func::FuncOp op;
    std::string text; ///< IR, in which callees are names
    llvm::SmallVector<std::string> callees;
  };

  /// Reads what shareFunctions compares.
  LevelProgram(const IsaLevel &level, mlir::ModuleOp module);

  const IsaLevel *level;
  mlir::ModuleOp module;
  llvm::StringMap<Function> functions; ///< internal ones, by name
};

/// Leaves each function that levels have alike in the lowest of them alone:
/// with the same name and body, and callees for which that holds as well. There
/// it becomes `NAME.LEVEL`, visible to the objects of other levels, which call
/// that. Levels share where their code generators differ in nothing but what
/// the function does not use: the same LLVM CPU and registers, and features of
/// which the lower ones are the first.
///
/// Names must mean the same at all levels, as they do in programs built from
/// one kernel module. `programs`: best first; their modules may belong to
/// different contexts.
void shareFunctions(llvm::MutableArrayRef<LevelProgram> programs);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_SHAREFUNCTIONS_H
