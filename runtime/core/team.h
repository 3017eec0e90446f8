//===- team.h - The threads that run a step together ------------*- C++ -*-===//
//
// SPMD: every thread of the team calls the same entry point with the same step
// and its own index. Between stages they meet in `gemcut_team_barrier`
// (runtime/abi/step.h), which spins for a bounded time and then sleeps.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CORE_TEAM_H
#define GEMCUT_RUNTIME_CORE_TEAM_H

#include "runtime/abi/status.h"
#include "runtime/abi/step.h"

#include <pthread.h>

namespace gemcut {

constexpr int kMaxThreads = 64;

/// Pauses before a waiting thread sleeps. Two threads on two cores: 0.1 us per
/// barrier for any value in 200..20000; a neighbour that takes a core makes
/// long spins expensive (20000: 635 us, measured on Sapphire Rapids).
constexpr int kSpinPauses = 1000;

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

  /// Calls entry(step, t) once on every thread t and returns when all have
  /// returned. What the caller wrote before is visible to all threads, what
  /// they wrote is visible to the caller afterwards. `next_chunk` is 0 at the
  /// start.
  void run(gemcut_entry_fn entry, const gemcut_step *step);

  int threads() const { return shared.threads; }
  /// What belongs into gemcut_step.team.
  gemcut_team *state() { return &shared; }

private:
  struct Worker {
    Team *team;
    int64_t index;
    pthread_t handle;
  };
  static void *work(void *worker);

  alignas(64) gemcut_team shared = {};
  gemcut_entry_fn entry = nullptr;
  const gemcut_step *step = nullptr;
  Worker workers[kMaxThreads];
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_TEAM_H
