//===- two_stage_head.cpp - Which logits must be computed -----------------===//

#include "runtime/session/two_stage_head.h"

#include "runtime/abi/packed_layout.h"
#include "runtime/session/kth_largest.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace gemcut;

static constexpr size_t kRows = GEMCUT_TILE_ROWS;
/// Tiles whose logits say what is good enough: at least this many, and twice
/// those wanted, since a good bound is not always a good logit.
static constexpr size_t kFirstTiles = 32;
static constexpr size_t kMostFirstTiles = 2 * TwoStageHead::kMostBest;
/// The coarse pass reads 3/4 of the head, so that more than 1/5 of its tiles
/// behind it win nothing.
static constexpr size_t kFallbackShare = 5;
static constexpr uint32_t kMostFallbacks = 10;

gemcut_status TwoStageHead::open(const gemcut_model_info &what) {
  model = &what;
  tileCount = size_t(what.vocab_size) / kRows;
  const char *name = "two-stage head";
  if (gemcut_status status =
          tileBounds.allocate(tileCount * sizeof(float), name))
    return status;
  if (gemcut_status status = chosen.allocate(tileCount * sizeof(int32_t), name))
    return status;
  if (gemcut_status status = isExact.allocate(tileCount, name))
    return status;
  if (gemcut_status status =
          known.allocate(kMostFirstTiles * kRows * sizeof(float), name))
    return status;
  return heap.allocate(kMostFirstTiles * sizeof(float), name);
}

bool TwoStageHead::shouldTry() {
  if (waiting == 0)
    return true;
  --waiting;
  ++counters.leftAlone;
  return false;
}

void TwoStageHead::findTileBounds(const float *bounds) {
  float *largest = tileBounds.as<float>();
  for (size_t tile = 0; tile < tileCount; ++tile) {
    float lanes[kRows];
    uint32_t unordered[kRows];
    for (size_t i = 0; i < kRows; ++i) {
      lanes[i] = bounds[tile * kRows + i];
      unordered[i] = lanes[i] != lanes[i];
    }
    for (size_t width = kRows / 2; width; width /= 2)
      for (size_t i = 0; i < width; ++i) {
        lanes[i] = lanes[i + width] > lanes[i] ? lanes[i + width] : lanes[i];
        unordered[i] |= unordered[i + width];
      }
    // A NaN bounds nothing.
    largest[tile] = unordered[0] ? INFINITY : lanes[0];
  }
}

/// Lists the `wanted` tiles of largest bound.
size_t TwoStageHead::chooseFirst(size_t wanted) {
  const float *bounds = tileBounds.as<float>();
  auto *list = chosen.as<int32_t>();
  uint8_t *exact = isExact.data();
  float least = findKthLargest(bounds, tileCount, wanted, heap.as<float>());
  size_t above = size_t(std::count_if(bounds, bounds + tileCount,
                                      [&](float b) { return b > least; }));
  size_t count = 0, equal = wanted - above;
  for (size_t tile = 0; tile < tileCount; ++tile) {
    bool take = bounds[tile] > least || (bounds[tile] == least && equal > 0);
    if (take) {
      equal -= bounds[tile] == least;
      list[count++] = int32_t(tile);
    }
    exact[tile] = take;
  }
  return count;
}

/// The `best`-th largest logit of the first `tiles` chosen tiles; -inf if they
/// have fewer, or a NaN.
float TwoStageHead::findLeast(const float *logits, size_t tiles, size_t best) {
  const auto *list = chosen.as<int32_t>();
  float *values = known.as<float>();
  size_t count = 0;
  for (size_t i = 0; i < tiles; ++i)
    for (size_t row = 0; row < kRows; ++row) {
      int32_t id = list[i] * int32_t(kRows) + int32_t(row);
      float logit = logits[id];
      if (std::isnan(logit))
        return -INFINITY;
      const int32_t *end = model->suppressed_ids + model->suppressed_id_count;
      if (std::find(model->suppressed_ids, end, id) == end)
        values[count++] = logit;
    }
  return count < best ? -INFINITY
                      : findKthLargest(values, count, best, heap.as<float>());
}

void TwoStageHead::choose(const float *bounds, size_t best, RescoreFn rescore,
                          void *context, float *logits) {
  findTileBounds(bounds);
  auto *list = chosen.as<int32_t>();
  uint8_t *exact = isExact.data();
  size_t wanted =
      std::min({std::max(kFirstTiles, 2 * best), kMostFirstTiles, tileCount});
  size_t first = chooseFirst(wanted);
  rescore(context, list, first);
  float least = findLeast(logits, first, best);

  const float *largest = tileBounds.as<float>();
  size_t more = 0;
  for (size_t tile = 0; tile < tileCount; ++tile) {
    if (exact[tile])
      continue;
    if (largest[tile] < least)
      std::fill_n(logits + tile * kRows, kRows, -INFINITY);
    else
      list[more++] = int32_t(tile);
  }
  if (more)
    rescore(context, list, more);

  ++counters.tried;
  counters.rescored += first + more;
  bool won = (first + more) * kFallbackShare <= tileCount;
  counters.fellBack += !won;
  fallbacks = won ? 0 : std::min(fallbacks + 1, kMostFallbacks);
  waiting = (1u << fallbacks) - 1;
}
