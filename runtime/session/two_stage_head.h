//===- two_stage_head.h - Which logits must be computed ---------*- C++ -*-===//
//
// The choice between the two stages of a head: upper bounds of all logits in,
// the weight tiles that can hold one of the best k out. Discarding is exact: a
// tile stays out only if its bounds are below k logits that are known.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_TWO_STAGE_HEAD_H
#define GEMCUT_RUNTIME_SESSION_TWO_STAGE_HEAD_H

#include "runtime/abi/model.h"
#include "runtime/abi/status.h"
#include "runtime/core/memory.h"

#include <cstddef>
#include <cstdint>

namespace gemcut {

class TwoStageHead {
public:
  struct Counters {
    uint64_t tried = 0;     // steps with both stages
    uint64_t rescored = 0;  // tiles of those steps
    uint64_t fellBack = 0;  // of the tried, so many tiles that nothing was won
    uint64_t leftAlone = 0; // steps with the full head, after those
  };

  /// Most logits that `choose` looks for: above, the full head is as good.
  static constexpr size_t kMostBest = 256;

  /// For a vocabulary that is a multiple of 16.
  [[nodiscard]] gemcut_status open(const gemcut_model_info &model);

  /// Whether the next step should try: after k fallbacks in a row, 2^k - 1
  /// steps (at most 1023) do not, so that text or weights without a clear best
  /// token cost little. Counts a step that does not.
  bool shouldTry();

  /// Computes the logits of `count` tiles, in ascending order, into the array
  /// that `choose` got.
  using RescoreFn = void (*)(void *context, const int32_t *tiles, size_t count);

  /// Fills `logits` (V,) from `bounds` (V,), bounds[i] >= logit i: every logit
  /// that is not below the `best`-th largest (suppressed ids of the model left
  /// aside) is exact, the others are exact or -inf. best: 1 .. kMostBest.
  void choose(const float *bounds, size_t best, RescoreFn rescore,
              void *context, float *logits);

  const Counters &getCounters() const { return counters; }
  size_t getTileCount() const { return tileCount; }

private:
  void findTileBounds(const float *bounds);
  size_t chooseFirst(size_t wanted);
  float findLeast(const float *logits, size_t tiles, size_t best);

  const gemcut_model_info *model = nullptr;
  size_t tileCount = 0;
  uint32_t fallbacks = 0; // in a row
  uint32_t waiting = 0;   // steps left without
  Counters counters;
  Memory tileBounds; // (tiles,) float: the largest bound of a tile
  Memory chosen;     // (tiles,) int32
  Memory isExact;    // (tiles,) uint8
  Memory known;      // (first tiles * 16,) float: logits of the first tiles
  Memory heap;       // (first tiles,) float
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_TWO_STAGE_HEAD_H
