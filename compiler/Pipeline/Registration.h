//===- Registration.h - What the compiler consists of -----------*- C++ -*-===//
//
// The explicit lists of dialects and passes. There are no global registries:
// reading these two functions tells what the tools contain.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_PIPELINE_REGISTRATION_H
#define GEMCUT_COMPILER_PIPELINE_REGISTRATION_H

namespace mlir {
class DialectRegistry;
}

namespace gemcut {

/// Adds every dialect that some form of the program uses.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Makes every pass and pipeline known by its flag, for gemcut-opt.
void registerAllPasses();

} // namespace gemcut

#endif // GEMCUT_COMPILER_PIPELINE_REGISTRATION_H
