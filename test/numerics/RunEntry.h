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
#include <cstring>
#include <thread>
#include <vector>

namespace gemcut::test {

/// Most rows of a step and most layers of a program.
inline constexpr int64_t kMostRows = 4096, kMostLayers = 256;

/// Copies of what a step works on, from gemcut_step.arena on, one behind each
/// stage.
struct Snapshots {
  uint8_t *memory = nullptr; ///< (most, bytes), shared; null: none are made
  int64_t bytes = 0, most = 0;
  /// Behind this stage the lowest bit of the word at `changedByte` changes; -1:
  /// of none.
  int64_t changedStage = -1, changedByte = 0;

  void take(uint8_t *arena, int64_t stage) const {
    if (stage == changedStage)
      arena[changedByte] ^= 1;
    if (stage < most)
      std::memcpy(memory + stage * bytes, arena, size_t(bytes));
  }
};

/// A call of an entry point; pointers of `step` that are null in the caller's
/// step point into this.
struct ForeignCall {
  char entry[64]; ///< "decode"
  int64_t threads;
  gemcut_step step;
  Snapshots snapshots;
  int32_t tokens[kMostRows], positions[kMostRows], slots[kMostRows];
  uint64_t layerRows[kMostLayers];
};

/// An entry point of a program that was linked for an emulated process; a table
/// of them, which ends with nulls, is called gemcut_test_entries.
struct ForeignEntry {
  const char *name; ///< "decode"
  gemcut_entry_fn function;
};

/// What a team calls at the end of a stage.
struct SnapshotTrace : Trace {
  SnapshotTrace(const Snapshots &snapshots, uint8_t *arena)
      : snapshots(snapshots), arena(arena) {}
  const Snapshots &snapshots;
  uint8_t *arena;
};

/// Calls `entry` on `threads` threads of a new team.
inline void runEntry(gemcut_entry_fn entry, gemcut_step step, int threads,
                     const Snapshots &snapshots = {}) {
  TeamState team = {};
  team.threads = threads;
  step.team = &team;
  SnapshotTrace trace(snapshots, step.arena);
  if (snapshots.memory)
    team.trace = &trace;
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

// In the place of runtime/core/trace.cpp, which times stages: linkers leave it
// in its archive.
namespace gemcut {
__attribute__((used)) inline void Trace::beginRun(uint32_t stage) {
  firstStage = runStage = stage;
}
__attribute__((used)) inline void Trace::endRun(uint32_t) {}
__attribute__((used)) inline void Trace::endStage(uint32_t stage) {
  auto *self = static_cast<test::SnapshotTrace *>(this);
  self->snapshots.take(self->arena, stage - firstStage);
}
} // namespace gemcut

#endif // GEMCUT_TEST_NUMERICS_RUNENTRY_H
