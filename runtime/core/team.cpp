//===- team.cpp - The threads that run a step together --------------------===//

#include "runtime/core/team.h"

#include "runtime/core/error.h"

#include <climits>
#include <cstddef>
#include <cstring>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace gemcut;

static_assert(offsetof(gemcut_team, arrived) == 64 &&
                  offsetof(gemcut_team, generation) == 68 &&
                  sizeof(gemcut_team) == 128,
              "generated code relies on these offsets");

static void pauseOnce() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

static void futexWait(uint32_t *word, uint32_t seen) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

static void futexWakeAll(uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void gemcut_team_barrier(gemcut_team *team) {
  // Read before arriving: the last arriver may release at once afterwards.
  uint32_t seen = __atomic_load_n(&team->generation, __ATOMIC_RELAXED);
  uint32_t others = uint32_t(team->threads) - 1;
  if (__atomic_fetch_add(&team->arrived, 1, __ATOMIC_ACQ_REL) == others) {
    __atomic_store_n(&team->next_chunk, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->arrived, 0, __ATOMIC_RELAXED);
    // Sequentially consistent, as is the sleeper's increment: either the
    // sleeper is counted here, or its futex call sees the new generation.
    __atomic_store_n(&team->generation, seen + 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&team->sleepers, __ATOMIC_SEQ_CST) != 0)
      futexWakeAll(&team->generation);
    return;
  }
  for (int32_t i = team->spin; i > 0; --i) {
    if (__atomic_load_n(&team->generation, __ATOMIC_ACQUIRE) != seen)
      return;
    pauseOnce();
  }
  __atomic_fetch_add(&team->sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&team->generation, __ATOMIC_ACQUIRE) == seen)
    futexWait(&team->generation, seen);
  __atomic_fetch_sub(&team->sleepers, 1, __ATOMIC_RELAXED);
}

void *Team::work(void *argument) {
  auto *worker = static_cast<Worker *>(argument);
  Team *team = worker->team;
  while (true) {
    // The caller's arrival is what starts a run; the second barrier ends it.
    gemcut_team_barrier(&team->shared);
    if (!team->entry)
      return nullptr;
    team->entry(team->step, worker->index);
    gemcut_team_barrier(&team->shared);
  }
}

gemcut_status Team::start(int threads, int cores) {
  stop();
  if (threads < 1 || threads > kMaxThreads)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%d threads were asked for, but a team has 1 to %d", threads,
                kMaxThreads);
  shared = {};
  shared.threads = threads;
  shared.spin = threads <= cores ? kSpinPauses : 0;

  // Signals are for the thread that reads the terminal.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  // Generated code keeps tiles in registers and on the stack, nothing large.
  pthread_attr_setstacksize(&attributes, 1 << 20);
  int error = 0, started = 1;
  for (; started < threads && error == 0; ++started) {
    workers[started] = {this, started, {}};
    error = pthread_create(&workers[started].handle, &attributes, work,
                           &workers[started]);
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0)
    return GEMCUT_OK;

  // The last one counted does not exist; the others wait in the barrier for
  // `threads` arrivals. The missing ones arrive here, one by one.
  int missing = threads - (started - 2);
  entry = nullptr;
  shared.spin = 0;
  __atomic_fetch_add(&shared.arrived, uint32_t(missing - 1), __ATOMIC_ACQ_REL);
  gemcut_team_barrier(&shared);
  for (int i = 1; i < started - 1; ++i)
    pthread_join(workers[i].handle, nullptr);
  shared.threads = 0;
  return fail(GEMCUT_SYSTEM_ERROR, "cannot start thread %d of %d: %s",
              started - 1, threads, strerror(error));
}

void Team::stop() {
  if (shared.threads == 0)
    return;
  run(nullptr, nullptr);
  for (int i = 1; i < shared.threads; ++i)
    pthread_join(workers[i].handle, nullptr);
  shared.threads = 0;
}

void Team::run(gemcut_entry_fn function, const gemcut_step *arguments) {
  entry = function;
  step = arguments;
  gemcut_team_barrier(&shared);
  if (!function)
    return;
  function(arguments, /*thread=*/0);
  gemcut_team_barrier(&shared);
}
