//===- Progress.h - How far packing is --------------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_PROGRESS_H
#define GEMCUT_COMPILER_DRIVER_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <string>

namespace gemcut::driver {

/// On a terminal: one line that is rewritten, with bar, amounts and time left.
/// Else: a plain line at every tenth. Writes to stderr. Not thread-safe.
class Progress {
public:
  /// `unit`: what is counted, such as "tokens"; empty: bytes.
  explicit Progress(std::string what, std::string unit = "");
  void update(uint64_t done, uint64_t total);
  /// Ends the line, if one was begun.
  void finish();

private:
  std::string format(uint64_t count) const;

  std::string what, unit;
  bool terminal;
  bool begun = false;
  int lastTenth = 0;
  std::chrono::steady_clock::time_point start, lastShown;
};

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_PROGRESS_H
