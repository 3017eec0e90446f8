//===- BakePrefix.h - The state that conversations begin with ---*- C++ -*-===//
//
// `--bake-prefix`: runs the program that is being compiled on what its
// conversations begin with, once for each ISA level that this machine has.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_BAKEPREFIX_H
#define GEMCUT_COMPILER_DRIVER_BAKEPREFIX_H

#include "compiler/Artifact/OutputFile.h"
#include "compiler/Driver/Options.h"
#include "compiler/Driver/Reporter.h"

#include "llvm/Support/Error.h"

#include <vector>

namespace gemcut::driver {

/// The text of --bake-prefix as JSON (runtime/session/prefix_text.h): a file
/// that ends in .json as it is, any other as a message of the system. Errors:
/// it cannot be read, or is empty.
llvm::Expected<std::string> readPrefixJson(const std::string &path);

struct BakedPrefix {
  std::vector<uint8_t> section; ///< runtime/abi/prefix.h
  int64_t tokens = 0;
  std::vector<std::string> levels; ///< that have a state
  uint64_t stateBytes = 0;         ///< of one level
};

/// What can be run before the output has its name: the linked program, and the
/// file whose sections are its weights.
struct UnnamedProgram {
  llvm::ArrayRef<uint8_t> image; ///< with its own sections, if it has some
  int weights;                   ///< descriptor
};

/// Runs `program`. Errors: what it says of the prefix, as that it is too long
/// for the context; this machine has none of its levels.
llvm::Expected<BakedPrefix> bakePrefix(const CompileOptions &options,
                                       const UnnamedProgram &program,
                                       Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_BAKEPREFIX_H
