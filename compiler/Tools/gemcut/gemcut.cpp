//===- gemcut.cpp - The compiler ------------------------------------------===//

#include "compiler/Driver/Commands.h"

#include <csignal>

int main(int argc, char **argv) {
  // A file that may not grow is an error of its write, with a message. Blocked,
  // not ignored: LLVM sets handlers of its own.
  sigset_t fileSize;
  sigemptyset(&fileSize);
  sigaddset(&fileSize, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &fileSize, nullptr);
  return gemcut::driver::runCommandLine(argc, argv);
}
