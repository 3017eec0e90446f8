//===- read_bandwidth.cpp - How fast this machine reads memory ------------===//

#include "runtime/cli/read_bandwidth.h"

#include "runtime/core/clock.h"

#include <algorithm>

using namespace gemcut;

static constexpr size_t kStreams = 4;
static constexpr size_t kLine = 64;

namespace {
/// One cache line; an operation on it compiles to the widest loads that the
/// function's target attribute allows.
using Line = uint64_t __attribute__((vector_size(kLine), may_alias));

using FoldFn = uint64_t (*)(const uint8_t *data, size_t bytes);

/// A cache line per thread.
struct Sink {
  alignas(64) uint64_t value;
};
} // namespace

static Sink sinks[kMaxThreads]; // so that no read can be left out

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

/// Reads `rows` bytes at `weights` in pieces of `first_position` bytes.
static void readPieces(const gemcut_step *step, int64_t thread) {
  FoldFn fold = chooseFold();
  size_t bytes = size_t(step->rows), piece = size_t(step->first_position);
  int64_t pieces = int64_t((bytes + piece - 1) / piece);
  uint64_t sum = 0;
  int64_t i;
  while ((i = gemcut_team_claim(step->team, thread, pieces)) >= 0) {
    size_t start = size_t(i) * piece;
    sum ^= fold(step->weights + start, std::min(piece, bytes - start));
    sinks[thread].value = sum;
  }
  gemcut_team_barrier(step->team, thread);
}

double cli::timeRead(Team &team, const uint8_t *data, size_t bytes) {
  gemcut_step step = {};
  step.team = team.state();
  step.weights = data;
  step.rows = int64_t(bytes);
  // At most 4 MiB, and several pieces per thread, so that all end together.
  size_t share = bytes / (size_t(team.threads()) * 8);
  step.first_position =
      int64_t(std::clamp<size_t>(share / 4096 * 4096, 16384, 4 << 20));
  double start = seconds();
  team.run(readPieces, &step);
  return seconds() - start;
}
