//===- terminal.h - Keys from a terminal, bytes to it -----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_TERMINAL_H
#define GEMCUT_RUNTIME_CLI_TERMINAL_H

#include <string_view>
#include <termios.h>

namespace gemcut::cli {

/// stdin and stderr are a terminal that can move its cursor.
bool canMoveCursor();

/// While it lives, the terminal gives keys as they come, and marks pasted text
/// (bracketed paste).
class RawMode {
public:
  RawMode();
  ~RawMode();
  RawMode(const RawMode &) = delete;
  RawMode &operator=(const RawMode &) = delete;

  /// False if the terminal did not allow it.
  bool isOn() const { return isSet; }

private:
  bool isSet;
  termios before;
};

/// Of the screen; 80 and 24 where it is not known or too small to be true.
struct ScreenSize {
  int columns, rows;
};
ScreenSize getScreenSize();

/// To stderr.
void writeToTerminal(std::string_view bytes);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_TERMINAL_H
