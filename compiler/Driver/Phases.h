//===- Phases.h - How long each phase takes ---------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_PHASES_H
#define GEMCUT_COMPILER_DRIVER_PHASES_H

#include <chrono>
#include <string>

namespace gemcut::driver {

/// With `enabled` a line on stderr at the end of every phase: seconds, and the
/// process's largest resident size so far.
class Phases {
public:
  explicit Phases(bool enabled) : enabled(enabled) {}
  ~Phases() { end(); }
  void begin(std::string name);
  void end();

private:
  bool enabled;
  std::string current;
  std::chrono::steady_clock::time_point start;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_PHASES_H
