//===- Phases.cpp - How long each phase takes -----------------------------===//

#include "compiler/Driver/Phases.h"

#include "compiler/Driver/MemoryPlan.h"

#include <fmt/format.h>

#include <cstdio>
#include <sys/resource.h>

using namespace gemcut::driver;

llvm::Error Phases::begin(std::string name) {
  end();
  if (llvm::Error error = checkCancelled(listener))
    return error;
  current = std::move(name);
  listener.phase(current);
  start = std::chrono::steady_clock::now();
  return llvm::Error::success();
}

void Phases::end() {
  if (current.empty())
    return;
  if (isTimed) {
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fmt::print(stderr, "phase {:<14} {:8.3f} s   peak memory {}\n", current,
               seconds, formatBytes(uint64_t(usage.ru_maxrss) << 10));
  }
  current.clear();
}
