//===- Commands.h - The commands of gemcut ----------------------*- C++ -*-===//
//
// Each runs one command from its options. Progress and warnings go to stderr,
// results to stdout. An error is one sentence for people; diagnostics that name
// an op are already printed when the error says so.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_COMMANDS_H
#define GEMCUT_COMPILER_DRIVER_COMMANDS_H

#include "compiler/Driver/Options.h"

#include "llvm/Support/Error.h"

namespace gemcut::driver {

llvm::Error runCompile(const CompileOptions &options);
llvm::Error runInspect(const InspectOptions &options);
llvm::Error runExplain(const ExplainOptions &options);
llvm::Error runQuantizeReport(const QuantizeReportOptions &options);
llvm::Error runTargets();

/// Parses the command line and runs the command. Exit codes: 0 done, 1 the
/// input is at fault, 2 usage.
int runCommandLine(int argc, const char *const *argv);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_COMMANDS_H
