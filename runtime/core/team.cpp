//===- team.cpp - The threads that run a step together --------------------===//

#include "runtime/core/team.h"

#include "runtime/core/error.h"

#include <climits>
#include <cstring>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace gemcut;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the stage number is the second half of its word");

static constexpr uint64_t kOneStage = uint64_t(1) << 32;
static constexpr uint64_t kOneInside = uint64_t(1) << 24;

static uint32_t getStage(uint64_t word) { return uint32_t(word >> 32); }
static uint32_t getInside(uint64_t word) { return uint8_t(word >> 24); }
static int64_t getNext(uint64_t word) { return int64_t(word % kOneInside); }

static void pauseOnce() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

static void futexWait(const void *word, uint32_t seen) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

static void futexWakeAll(const void *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

/// Waits until read() is not `seen` any more: `spin` pauses, then asleep on
/// `word`, where read() finds its value, and counted in `sleepers`.
template <typename Read>
static void waitForChange(Read read, const void *word, uint32_t seen,
                          int32_t spin, uint32_t *sleepers) {
  for (int32_t i = spin;; --i) {
    if (read() != seen)
      return;
    if (i <= 0)
      break;
    pauseOnce();
  }
  // Sequentially consistent, as is the waker's change: either it sees the
  // sleeper, or the futex call sees the change.
  __atomic_fetch_add(sleepers, 1, __ATOMIC_SEQ_CST);
  while (read() == seen)
    futexWait(word, seen);
  __atomic_fetch_sub(sleepers, 1, __ATOMIC_RELAXED);
}

static void wake(const void *word, const uint32_t *sleepers) {
  if (__atomic_load_n(sleepers, __ATOMIC_SEQ_CST) != 0)
    futexWakeAll(word);
}

/// The stage number, where the futex finds it.
static const void *getStageNumber(const TeamState &team) {
  return reinterpret_cast<const char *>(&team.stage) + sizeof(uint32_t);
}

/// Changes the stage's word if nobody else did, else loads it.
static bool exchange(TeamState &team, uint64_t &word, uint64_t after) {
  if (__atomic_compare_exchange_n(&team.stage, &word, after, /*weak=*/false,
                                  __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
    return true;
  pauseOnce();
  return false;
}

/// Takes a thread, which holds no chunk now, out of the stage. The last one out
/// of a stage whose chunks were all claimed ends it. False if others changed
/// the word.
static bool leave(TeamState &team, TeamMember &me, int64_t chunks,
                  uint64_t &word) {
  if (!me.isInside)
    return true;
  bool isOver = getNext(word) >= chunks && getInside(word) == 1;
  uint64_t after =
      isOver ? (word / kOneStage + 1) * kOneStage : word - kOneInside;
  // Before others can see the stage's end; nobody else can end it.
  if (isOver && __builtin_expect(team.trace != nullptr, 0))
    team.trace->endStage(getStage(word));
  if (!exchange(team, word, after))
    return false;
  me.isInside = false;
  if (isOver)
    wake(getStageNumber(team), &team.sleepers);
  return true;
}

/// How many of `left` chunks a thread claims at once: half of its even share.
/// Long runs of neighbouring chunks are long streams of weights; towards the
/// end of a stage they become short, so that all threads end together.
static int64_t getRun(int64_t left, int32_t threads) {
  if (threads == 1)
    return left;
  int64_t run = left / (2 * threads);
  return run > 1 ? run : 1;
}

int64_t gemcut_team_claim(gemcut_team *shared, int64_t thread, int64_t chunks) {
  auto &team = *static_cast<TeamState *>(shared);
  TeamMember &me = team.members[thread];
  if (me.nextOfRun < me.endOfRun)
    return me.nextOfRun++;
  uint64_t word = __atomic_load_n(&team.stage, __ATOMIC_ACQUIRE);
  while (getStage(word) == me.stage) {
    int64_t chunk = getNext(word);
    bool canClaim = chunk < chunks;
    if (!canClaim && !me.isInside && getInside(word) != 0)
      return -1;
    if (!canClaim && me.isInside) {
      if (leave(team, me, chunks, word))
        return -1;
      continue;
    }
    if (team.threads > 1 && me.pace.isDue()) {
      if (leave(team, me, chunks, word)) {
        me.pace.yield();
        word = __atomic_load_n(&team.stage, __ATOMIC_ACQUIRE);
      }
      continue;
    }
    // A stage without chunks is entered, too: somebody has to end it.
    int64_t run = canClaim ? getRun(chunks - chunk, team.threads) : 0;
    if (!exchange(team, word, word + run + (me.isInside ? 0 : kOneInside)))
      continue;
    me.isInside = true;
    if (canClaim) {
      me.nextOfRun = chunk + 1;
      me.endOfRun = chunk + run;
      return chunk;
    }
    word = __atomic_load_n(&team.stage, __ATOMIC_ACQUIRE);
  }
  return -1;
}

void gemcut_team_barrier(gemcut_team *shared, int64_t thread) {
  auto &team = *static_cast<TeamState *>(shared);
  TeamMember &me = team.members[thread];
  waitForChange(
      [&] { return getStage(__atomic_load_n(&team.stage, __ATOMIC_SEQ_CST)); },
      getStageNumber(team), me.stage, team.spin, &team.sleepers);
  ++me.stage;
}

void Team::publish(gemcut_entry_fn entry, const gemcut_step *step) {
  Run next = {reinterpret_cast<uint64_t>(entry),
              __atomic_load_n(&shared.stage, __ATOMIC_ACQUIRE),
              {}};
  if (step)
    memcpy(next.step, step, sizeof(next.step));
  auto *from = reinterpret_cast<const uint64_t *>(&next);
  auto *to = reinterpret_cast<uint64_t *>(&current);
  // A sequence lock: whoever copies looks at the number before and after.
  __atomic_store_n(&runNumber, runNumber + 1, __ATOMIC_RELAXED);
  for (size_t i = 0; i < sizeof(Run) / 8; ++i)
    __atomic_store_n(to + i, from[i], __ATOMIC_RELEASE);
  __atomic_store_n(&runNumber, runNumber + 1, __ATOMIC_SEQ_CST);
  wake(&runNumber, &idle);
}

bool Team::copyRun(uint32_t number, Run &copy) const {
  auto *from = reinterpret_cast<const uint64_t *>(&current);
  auto *to = reinterpret_cast<uint64_t *>(&copy);
  for (size_t i = 0; i < sizeof(Run) / 8; ++i)
    to[i] = __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
  return __atomic_load_n(&runNumber, __ATOMIC_RELAXED) == number;
}

uint32_t Team::waitForRun(uint32_t seen) {
  uint32_t number;
  do {
    auto read = [&] { return __atomic_load_n(&runNumber, __ATOMIC_SEQ_CST); };
    waitForChange(read, &runNumber, seen, shared.spin, &idle);
    number = read();
  } while (number % 2 != 0);
  return number;
}

void *Team::work(void *argument) {
  auto *worker = static_cast<Worker *>(argument);
  Team *team = worker->team;
  TeamMember &me = team->shared.members[worker->index];
  for (uint32_t number = worker->firstRun;;) {
    number = team->waitForRun(number);
    Run run;
    if (!team->copyRun(number, run))
      continue;
    if (run.entry == 0)
      return nullptr;
    me.stage = getStage(run.stage);
    gemcut_step step;
    memcpy(&step, run.step, sizeof(step));
    reinterpret_cast<gemcut_entry_fn>(run.entry)(&step, worker->index);
  }
}

gemcut_status Team::start(int threads, int cores) {
  stop();
  if (threads < 1 || threads > kMaxThreads)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%d threads were asked for, but a team has 1 to %d", threads,
                kMaxThreads);
  shared.spin = threads <= cores ? kSpinPauses : 0;

  // Signals are for the thread that reads the terminal.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  int error = 0;
  for (shared.threads = 1; shared.threads < threads; ++shared.threads) {
    Worker &worker = workers[shared.threads];
    worker = {this, shared.threads, runNumber, {}};
    error = pthread_create(&worker.handle, &attributes, work, &worker);
    if (error != 0)
      break;
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0)
    return GEMCUT_OK;
  int missing = shared.threads;
  stop();
  return fail(GEMCUT_SYSTEM_ERROR, "cannot start thread %d of %d: %s", missing,
              threads, strerror(error));
}

void Team::stop() {
  if (shared.threads == 0)
    return;
  publish(nullptr, nullptr);
  for (int i = 1; i < shared.threads; ++i)
    pthread_join(workers[i].handle, nullptr);
  shared.threads = 0;
}

void Team::run(gemcut_entry_fn entry, const gemcut_step *step) {
  shared.members[0].stage =
      getStage(__atomic_load_n(&shared.stage, __ATOMIC_ACQUIRE));
  if (shared.trace)
    shared.trace->beginRun(shared.members[0].stage);
  publish(entry, step); // from here on others may finish stages
  entry(step, /*thread=*/0);
  if (shared.trace)
    shared.trace->endRun(shared.members[0].stage);
}
