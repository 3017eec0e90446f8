//===- read_bandwidth.cpp - How fast this machine reads memory ------------===//

#include "runtime/cli/read_bandwidth.h"

#include "runtime/core/clock.h"

#include <algorithm>
#include <cstring>

using namespace gemcut;

static constexpr size_t kStreams = 4;
static constexpr size_t kLine = 64;

namespace {
/// One cache line; an operation on it compiles to the widest loads that the
/// function's target attribute allows.
using Line = uint64_t __attribute__((vector_size(kLine), may_alias));

using FoldFn = uint64_t (*)(const uint8_t *data, size_t bytes);

struct Job {
  gemcut_step step; // first: `step` is what threads are called with
  const uint8_t *data;
  size_t bytes, piece;
  FoldFn fold;
  int64_t pieces;
  uint64_t sinks[kMaxThreads * 8]; // a cache line per thread
};
} // namespace

/// Folds all lines of `data`, so that no load can be left out.
static inline __attribute__((always_inline)) uint64_t
foldLines(const uint8_t *data, size_t bytes) {
  size_t part = bytes / kStreams / kLine * kLine;
  Line sums[kStreams] = {};
  for (size_t at = 0; at < part; at += kLine)
    for (size_t stream = 0; stream < kStreams; ++stream)
      sums[stream] ^=
          *reinterpret_cast<const Line *>(data + stream * part + at);
  Line sum = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
  return sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7];
}

static uint64_t foldBaseline(const uint8_t *data, size_t bytes) {
  return foldLines(data, bytes);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t foldAvx2(const uint8_t *data,
                                                         size_t bytes) {
  return foldLines(data, bytes);
}

__attribute__((target("avx512f"))) static uint64_t
foldAvx512(const uint8_t *data, size_t bytes) {
  return foldLines(data, bytes);
}
#endif

static FoldFn chooseFold() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return foldAvx512;
  if (__builtin_cpu_supports("avx2"))
    return foldAvx2;
#endif
  return foldBaseline;
}

static void readPieces(const gemcut_step *step, int64_t thread) {
  Job *job = const_cast<Job *>(reinterpret_cast<const Job *>(step));
  uint64_t sink = 0;
  while (true) {
    int64_t piece =
        __atomic_fetch_add(&step->team->next_chunk, 1, __ATOMIC_RELAXED);
    if (piece >= job->pieces)
      break;
    size_t start = size_t(piece) * job->piece;
    sink ^=
        job->fold(job->data + start, std::min(job->piece, job->bytes - start));
  }
  job->sinks[thread * 8] = sink;
}

double cli::timeRead(Team &team, const uint8_t *data, size_t bytes) {
  static Job job; // large, and one benchmark runs at a time
  std::memset(&job, 0, sizeof(job));
  job.step.team = team.state();
  job.data = data;
  job.bytes = bytes;
  job.fold = chooseFold();
  // At most 4 MiB, and several pieces per thread, so that all end together.
  size_t share = bytes / (size_t(team.threads()) * 8);
  job.piece = std::clamp<size_t>(share / 4096 * 4096, 16384, 4 << 20);
  job.pieces = int64_t((bytes + job.piece - 1) / job.piece);
  double start = seconds();
  team.run(readPieces, &job.step);
  return seconds() - start;
}
