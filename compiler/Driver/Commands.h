//===- Commands.h - The commands of gemcut ----------------------*- C++ -*-===//
//
// Each runs one command from its options. Progress and warnings go to a
// reporter, results to stdout. An error is one sentence for people; diagnostics
// that name an op are already printed when the error says so.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_DRIVER_COMMANDS_H
#define GEMCUT_COMPILER_DRIVER_COMMANDS_H

#include "compiler/Driver/Options.h"
#include "compiler/Driver/Reporter.h"

#include "llvm/Support/Error.h"

namespace gemcut::driver {

llvm::Error runCompile(const CompileOptions &options, Reporter &reporter);
llvm::Error runInspect(const InspectOptions &options, Reporter &reporter);
llvm::Error runExplain(const ExplainOptions &options);
llvm::Error runQuantizeReport(const QuantizeReportOptions &options,
                              Reporter &reporter);
llvm::Error runTargets();

/// Parses the command line and runs the command. Exit codes: 0 done, 1 the
/// input is at fault, 2 usage.
int runCommandLine(int argc, const char *const *argv);

/// The options that "compile ARGUMENTS...", "inspect ..." and "quantize-report
/// ..." stand for: what programs that use the driver as a library start from.
/// Errors: UsageError, as the command line prints it.
llvm::Expected<CompileOptions>
parseCompile(llvm::ArrayRef<std::string> arguments);
llvm::Expected<InspectOptions>
parseInspect(llvm::ArrayRef<std::string> arguments);
llvm::Expected<QuantizeReportOptions>
parseQuantizeReport(llvm::ArrayRef<std::string> arguments);

/// What `gemcut inspect --json` and `gemcut quantize-report --json` print.
llvm::Expected<std::string> inspectAsJson(const InspectOptions &options,
                                          Reporter &reporter);
llvm::Expected<std::string>
quantizeReportAsJson(const QuantizeReportOptions &options, Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_COMMANDS_H
