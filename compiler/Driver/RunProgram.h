//===- RunProgram.h - Runs executables that gemcut made ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_RUNPROGRAM_H
#define GEMCUT_COMPILER_DRIVER_RUNPROGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>

namespace gemcut::driver {

/// What a program printed.
struct ProgramOutput {
  int code; ///< exit code, or -1 if a signal ended it
  std::string out, error;
};

/// Runs `file` with `arguments` to its end, without input. Errors: it cannot be
/// run, or a signal ended it.
llvm::Expected<ProgramOutput> runProgram(const std::string &file,
                                         llvm::ArrayRef<std::string> arguments);

/// Sees what passes from one program to another. False: close the pipes.
using WatchPipe = llvm::function_ref<bool(llvm::ArrayRef<char> bytes)>;

/// Runs two programs at once: what the first writes to its descriptor 3 is the
/// standard input of the second. When one ends early, or `watch` closes the
/// pipes, the other finds its pipe closed. Errors: one cannot be run.
llvm::Expected<std::pair<ProgramOutput, ProgramOutput>>
runPiped(const std::string &first, llvm::ArrayRef<std::string> firstArguments,
         const std::string &second, llvm::ArrayRef<std::string> secondArguments,
         WatchPipe watch);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_RUNPROGRAM_H
