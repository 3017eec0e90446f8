//===- TerminalReporter.h - Notes and progress on stderr --------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_TERMINALREPORTER_H
#define GEMCUT_COMPILER_DRIVER_TERMINALREPORTER_H

#include "compiler/Driver/Progress.h"
#include "compiler/Driver/Reporter.h"

#include <optional>

namespace gemcut::driver {

/// Writes to stderr; progress as class Progress shows it.
class TerminalReporter : public Reporter {
public:
  void note(llvm::StringRef sentence) override;
  void progress(llvm::StringRef activity, llvm::StringRef unit, uint64_t done,
                uint64_t total) override;
  void endProgress() override;

private:
  std::optional<Progress> shown;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_TERMINALREPORTER_H
