//===- gemcut.cpp - The compiler ------------------------------------------===//

#include "compiler/Driver/Commands.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <pthread.h>
#include <sys/resource.h>
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

/// Compiling recurses: gives this thread, whose stack grows up to a limit, and
/// those to come what shells usually do, if the limit was lowered and may be
/// raised. False if even little is forbidden.
static bool ensureStack(rlimit &limit) {
  constexpr rlim_t kUsual = 8 << 20, kLeast = 1 << 20;
  if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kUsual)
    return true;
  const rlim_t size = std::min(limit.rlim_max, kUsual);
  rlimit raised = {size, limit.rlim_max};
  pthread_attr_t threads;
  pthread_attr_init(&threads);
  pthread_attr_setstacksize(&threads, size);
  return size >= kLeast && setrlimit(RLIMIT_STACK, &raised) == 0 &&
         pthread_setattr_default_np(&threads) == 0;
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
  if (rlimit limit; !ensureStack(limit)) {
    fprintf(stderr,
            "gemcut: error: the stack is limited to %llu KiB, but 1024 are "
            "needed; raise the limit with ulimit -s\n",
            (unsigned long long)(limit.rlim_cur >> 10));
    return 1;
  }
  return gemcut::driver::runCommandLine(argc, argv);
}
