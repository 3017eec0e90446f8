//===- RunEntry.h - Calls an entry point on several threads -----*- C++ -*-===//
//
// For the test's own process and for the emulated ones. Their calls are
// described by a ForeignCall in shared memory.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TEST_NUMERICS_RUNENTRY_H
#define GEMCUT_TEST_NUMERICS_RUNENTRY_H

#include "runtime/abi/step.h"
#include "runtime/core/team.h"

#include <atomic>
#include <thread>
#include <vector>

namespace gemcut::test {

/// Most rows of a step and most layers of a program.
inline constexpr int64_t kMostRows = 4096, kMostLayers = 256;

/// A call of an entry point; pointers of `step` that are null in the caller's
/// step point into this.
struct ForeignCall {
  char entry[64]; ///< "decode"
  int64_t threads;
  gemcut_step step;
  int32_t tokens[kMostRows], positions[kMostRows], slots[kMostRows];
  uint64_t layerRows[kMostLayers];
};

/// An entry point of a program that was linked for an emulated process; a table
/// of them, which ends with nulls, is called gemcut_test_entries.
struct ForeignEntry {
  const char *name; ///< "decode"
  gemcut_entry_fn function;
};

/// Calls `entry` on `threads` threads of a new team.
inline void runEntry(gemcut_entry_fn entry, gemcut_step step, int threads) {
  TeamState team = {};
  team.threads = threads;
  step.team = &team;
  // All begin together, so that none finds the work done.
  std::atomic<int> missing = threads;
  auto call = [&](int thread) {
    --missing;
    while (missing != 0)
      std::this_thread::yield();
    entry(&step, thread);
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread)
    others.emplace_back(call, thread);
  call(0);
  for (std::thread &thread : others)
    thread.join();
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_RUNENTRY_H
