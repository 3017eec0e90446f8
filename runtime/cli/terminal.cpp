//===- terminal.cpp - Keys from a terminal, bytes to it -------------------===//

#include "runtime/cli/terminal.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace gemcut::cli;

bool gemcut::cli::canMoveCursor() {
  const char *terminal = getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && terminal &&
         *terminal && strcmp(terminal, "dumb") != 0;
}

RawMode::RawMode() {
  isSet = tcgetattr(STDIN_FILENO, &before) == 0;
  if (!isSet)
    return;
  termios raw = before;
  raw.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
  raw.c_cflag |= CS8;
  raw.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  isSet = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  writeToTerminal("\x1b[?2004h");
}

RawMode::~RawMode() {
  if (!isSet)
    return;
  writeToTerminal("\x1b[?2004l");
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

ScreenSize gemcut::cli::getScreenSize() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 4)
    size.ws_col = 80;
  if (size.ws_row < 2)
    size.ws_row = 24;
  return {size.ws_col, size.ws_row};
}

void gemcut::cli::writeToTerminal(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR)
      return;
    if (count > 0)
      bytes.remove_prefix(size_t(count));
  }
}
