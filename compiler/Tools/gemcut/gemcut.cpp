//===- gemcut.cpp - The compiler ------------------------------------------===//

#include "compiler/Driver/Commands.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"

#include <csignal>
#include <new>
#include <unistd.h>

/// Allocates nothing.
[[noreturn]] static void reportNoMemory() {
  static constexpr char kMessage[] =
      "gemcut: error: out of memory; close other programs, raise the limit "
      "(ulimit -v), or take fewer --threads\n";
  llvm::sys::RunInterruptHandlers(); // removes temporary files
  (void)!write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(1);
}

int main(int argc, char **argv) {
  // A file that may not grow is an error of its write, with a message. Blocked,
  // not ignored: LLVM sets handlers of its own.
  sigset_t fileSize;
  sigemptyset(&fileSize);
  sigaddset(&fileSize, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &fileSize, nullptr);
  std::set_new_handler(reportNoMemory);
  llvm::install_bad_alloc_error_handler(
      [](void *, const char *, bool) { reportNoMemory(); });
  return gemcut::driver::runCommandLine(argc, argv);
}
