//===- Parallel.h - A loop over all cores -----------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_REFERENCE_PARALLEL_H
#define GEMCUT_COMPILER_REFERENCE_PARALLEL_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace gemcut::reference {

/// Calls body(i) for every i in [0, count), on `threads` threads (0: one per
/// core). Every i writes its own results, so the outcome is always the same.
inline void parallelFor(int64_t count, unsigned threads,
                        llvm::function_ref<void(int64_t)> body) {
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t i; (i = next++) < count;)
      body(i);
  };
  std::vector<std::thread> others;
  for (unsigned t = 1; t < threads && t < count; ++t)
    others.emplace_back(work);
  work();
  for (std::thread &other : others)
    other.join();
}

} // namespace gemcut::reference

#endif // GEMCUT_COMPILER_REFERENCE_PARALLEL_H
