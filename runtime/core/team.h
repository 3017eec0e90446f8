//===- team.h - The threads that run a step together ------------*- C++ -*-===//
//
// SPMD: every thread of the team calls the same entry point with the same step
// and its own index. Between stages they meet in `gemcut_team_barrier`
// (runtime/abi/step.h). A stage ends with its last chunk, so nobody waits for a
// thread that does nothing.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CORE_TEAM_H
#define GEMCUT_RUNTIME_CORE_TEAM_H

#include "runtime/abi/status.h"
#include "runtime/abi/step.h"
#include "runtime/core/pace.h"
#include "runtime/core/trace.h"

#include <cstdint>
#include <pthread.h>

namespace gemcut {

constexpr int kMaxThreads = 64;

/// Stack of a thread that runs generated code, which keeps tiles in registers
/// and on the stack: at most half of this, where weights are unpacked
/// (targets/Common/Kernels/Product.cpp).
constexpr size_t kStackBytes = 1 << 20;

/// Pauses before a waiting thread sleeps. Two threads on two cores: 0.1 us per
/// barrier for any value in 200..20000; a neighbour that takes a core makes
/// long spins expensive (20000: 635 us, measured on Sapphire Rapids).
constexpr int kSpinPauses = 1000;

/// Where one thread is; nobody else reads or writes it.
struct alignas(64) TeamMember {
  uint32_t stage = 0;    ///< number of the stage that it is in
  bool isInside = false; ///< whether it may hold a chunk of that stage
  int64_t nextOfRun = 0, endOfRun = 0; ///< claimed chunks that it has not begun
  Pace pace;
};

/// What the threads of a team share.
struct TeamState : gemcut_team {
  /// The stage that is being worked on: its number in the upper half (a futex
  /// word), then how many threads are inside (8 bits), then the next chunk to
  /// be claimed (24 bits). All of a stage goes through this one word: entering
  /// and claiming add to it, and the thread that leaves last, when no chunk is
  /// left to be claimed, moves on to the next number.
  alignas(64) uint64_t stage = 0;
  uint32_t sleepers = 0;  ///< threads in, or about to enter, the futex
  int32_t spin = 0;       ///< pauses before sleeping; 0: threads exceed cores
  Trace *trace = nullptr; ///< null: nothing is timed; set it between runs
  TeamMember members[kMaxThreads];
};

/// A fixed set of threads. The caller of `run` is thread 0; the others live
/// from `start` to `stop`. One thread at a time may use a team.
class Team {
public:
  Team() = default;
  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;
  ~Team() { stop(); }

  /// Starts `threads` - 1 workers. `cores` is how many of them can run at once;
  /// with more threads than that nobody spins. GEMCUT_INVALID_ARGUMENT for
  /// threads outside 1..64, GEMCUT_SYSTEM_ERROR when a thread cannot be
  /// created.
  [[nodiscard]] gemcut_status start(int threads, int cores);
  /// Ends the workers; `start` may follow.
  void stop();

  /// Calls entry(step, t) on thread 0 and on every other thread t that comes in
  /// time, and returns when all chunks of all stages are done. What the caller
  /// wrote before is visible to all threads, what they wrote inside chunks is
  /// visible to the caller afterwards. Other threads get a copy of the step and
  /// may still walk through their calls, without claiming anything, after `run`
  /// has returned.
  void run(gemcut_entry_fn entry, const gemcut_step *step);

  int threads() const { return shared.threads; }
  /// What belongs into gemcut_step.team.
  TeamState *state() { return &shared; }

private:
  struct Worker {
    Team *team;
    int64_t index;
    uint32_t firstRun; ///< number of the run before its first
    pthread_t handle;
  };
  /// What a run is, in words that can be copied while they change.
  static constexpr size_t kStepWords = sizeof(gemcut_step) / 8;
  static_assert(sizeof(gemcut_step) % 8 == 0, "copied word by word");
  struct Run {
    uint64_t entry, stage, step[kStepWords];
  };

  static void *work(void *worker);
  void publish(gemcut_entry_fn entry, const gemcut_step *step);
  uint32_t waitForRun(uint32_t seen);
  bool copyRun(uint32_t number, Run &copy) const;

  TeamState shared = {};
  /// Even: `current` holds run number / 2. Odd: it is being written.
  alignas(64) uint32_t runNumber = 0;
  uint32_t idle = 0; ///< workers in, or about to enter, the futex of runNumber
  Run current = {};
  Worker workers[kMaxThreads];
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_TEAM_H
