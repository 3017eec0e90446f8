//===- Progress.h - How far packing is --------------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_PROGRESS_H
#define GEMCUT_COMPILER_DRIVER_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <string>

namespace gemcut::driver {

/// On a terminal: one line that is rewritten, with bar, bytes and time left.
/// Else: a plain line at every tenth. Writes to stderr. Not thread-safe.
class Progress {
public:
  explicit Progress(std::string what);
  void update(uint64_t done, uint64_t total);
  /// Ends the line, if one was begun.
  void finish();

private:
  std::string what;
  bool terminal;
  bool begun = false;
  int lastTenth = 0;
  std::chrono::steady_clock::time_point start, lastShown;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_PROGRESS_H
