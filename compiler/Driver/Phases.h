//===- Phases.h - How long each phase takes ---------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_PHASES_H
#define GEMCUT_COMPILER_DRIVER_PHASES_H

#include "compiler/Driver/Reporter.h"

#include <chrono>
#include <string>

namespace gemcut::driver {

/// Tells a reporter where a command is. With `isTimed` also a line on stderr at
/// the end of every phase: seconds, and the process's largest resident size so
/// far.
class Phases {
public:
  explicit Phases(Reporter &reporter, bool isTimed = false)
      : listener(reporter), isTimed(isTimed) {}
  ~Phases() { end(); }
  /// CancelledError if the reporter asks to stop.
  llvm::Error begin(std::string name);
  void end();

  Reporter &reporter() const { return listener; }

private:
  Reporter &listener;
  bool isTimed;
  std::string current;
  std::chrono::steady_clock::time_point start;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_PHASES_H
