//===- QuantizeRows.cpp - Scales and levels of rows
//------------------------===//

#include "compiler/Artifact/QuantizeRows.h"

#include "compiler/Artifact/SmallFloats.h"
#include "compiler/Artifact/VectorCode.h"
#include "runtime/abi/packed_layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace gemcut::artifact;

namespace {

constexpr int kGroup = GEMCUT_GROUP;

constexpr int kLanes = 16;

/// Adds up the lanes pairwise.
GEMCUT_INLINE float sumOfLanes(float *lanes) {
  for (int width = kLanes / 2; width; width /= 2)
    for (int i = 0; i < width; ++i)
      lanes[i] += lanes[i + width];
  return lanes[0];
}

/// The nearest of the 16 levels of int4, -8 .. 7.
GEMCUT_INLINE float int4Level(float value) {
  return std::min(std::max(std::nearbyint(value), -8.0f), 7.0f);
}

/// Sum of squared errors of a group under `scale`, which is not zero.
GEMCUT_INLINE float int4Error(const float *x, float scale) {
  float inverse = 1 / scale;
  float lanes[kLanes] = {};
  for (int from = 0; from < kGroup; from += kLanes)
    for (int i = 0; i < kLanes; ++i) {
      float difference = x[from + i] - int4Level(x[from + i] * inverse) * scale;
      lanes[i] += difference * difference;
    }
  return sumOfLanes(lanes);
}

/// The scale that fits the levels chosen under `scale` best, by least squares:
/// sum(x q) / sum(q q). 0 if all levels are 0.
GEMCUT_INLINE float int4Refit(const float *x, float scale) {
  float inverse = 1 / scale;
  float products[kLanes] = {}, squares[kLanes] = {};
  for (int from = 0; from < kGroup; from += kLanes)
    for (int i = 0; i < kLanes; ++i) {
      float level = int4Level(x[from + i] * inverse);
      products[i] += x[from + i] * level;
      squares[i] += level * level;
    }
  float square = sumOfLanes(squares);
  return square > 0 ? sumOfLanes(products) / square : 0;
}

/// The f16 scale of a group of q4_0 values.
GEMCUT_INLINE float q4_0Scale(const float *x) {
  float most = 0, magnitude = 0;
  for (int i = 0; i < kGroup; ++i)
    if (std::fabs(x[i]) > magnitude) {
      magnitude = std::fabs(x[i]);
      most = x[i];
    }
  float best = fromHalf(toHalf(most / -8));
  if (best == 0)
    return 0;
  float least = int4Error(x, best);
  auto consider = [&](float wanted) __attribute__((always_inline)) {
    float scale = fromHalf(toHalf(wanted));
    if (scale == 0)
      return;
    float error = int4Error(x, scale);
    if (error < least) { // an infinite scale gives NaN, which is not less
      least = error;
      best = scale;
    }
  };
  // What `most` becomes in units of the scale. The whole ones find every group
  // that some scale represents exactly: 4 serves for 1 and 2, 6 for 3. The
  // others clip `most` or leave room above it, which often errs less in sum.
  constexpr float kUnits[] = {7, 6, 5, 4, -9.4f, -8.9f, -8.4f, -7.6f, 8, 8.9f};
  for (float units : kUnits) {
    if (least == 0)
      return best;
    consider(most / units);
  }
  if (least > 0)
    consider(int4Refit(x, best));
  return best;
}

/// The levels of a group under `scale`, as stored: 0 .. 15.
GEMCUT_INLINE void putLevels(const float *x, float scale, uint8_t *quants) {
  float inverse = scale != 0 ? 1 / scale : 0;
  for (int i = 0; i < kGroup; ++i)
    quants[i] = uint8_t(int4Level(x[i] * inverse) + 8);
}

/// A row whose values are all smaller is stored as zeros: its scale would lose
/// bits as a subnormal number.
constexpr float kLeastMagnitude = 0x1p-100f;

/// The nearest of the levels low .. high.
GEMCUT_INLINE float nearestLevel(float value, float low, float high) {
  return std::min(std::max(std::nearbyint(value), low), high);
}

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

/// Sum of squared errors of `count` values under `scale`, which is not zero,
/// with the levels low .. high; or, once a part of it is above `limit`, that
/// part.
GEMCUT_INLINE float rowError(const float *x, int64_t count, float scale,
                             float low, float high, float limit) {
  constexpr int64_t kPiece = 128;
  const float inverse = 1 / scale;
  const Lanes lowest = low - Lanes{}, highest = high - Lanes{};
  Lanes errors = {};
  for (int64_t from = 0; from < count; from += kLanes) {
    Lanes value;
    std::memcpy(&value, x + from, sizeof(value));
    Lanes level = __builtin_elementwise_min(
        __builtin_elementwise_max(
            __builtin_elementwise_nearbyint(value * inverse), lowest),
        highest);
    Lanes difference = value - level * scale;
    errors += difference * difference;
    if (from % kPiece == kPiece - kLanes) {
      float lanes[kLanes];
      std::memcpy(lanes, &errors, sizeof(lanes));
      // Squares only add, so that the whole is no smaller.
      if (float sum = sumOfLanes(lanes); sum > limit)
        return sum;
    }
  }
  float lanes[kLanes];
  std::memcpy(lanes, &errors, sizeof(lanes));
  return sumOfLanes(lanes);
}

/// The scale that fits the levels of `count` values under `scale` best, as
/// int4Refit.
GEMCUT_INLINE float rowRefit(const float *x, int64_t count, float scale,
                             float low, float high) {
  float inverse = 1 / scale;
  float products[kLanes] = {}, squares[kLanes] = {};
  for (int64_t from = 0; from < count; from += kLanes)
    for (int i = 0; i < kLanes; ++i) {
      float value = x[from + i];
      float level = nearestLevel(value * inverse, low, high);
      products[i] += value * level;
      squares[i] += level * level;
    }
  float square = sumOfLanes(squares);
  return square > 0 ? sumOfLanes(products) / square : 0;
}

} // namespace

GEMCUT_MULTIVERSION
void gemcut::artifact::quantizeQ4_0(const float *x, int64_t groups,
                                    float *scales, uint8_t *quants) {
  for (int64_t g = 0; g < groups; ++g) {
    scales[g] = q4_0Scale(x + g * kGroup);
    putLevels(x + g * kGroup, scales[g], quants + g * kGroup);
  }
}

GEMCUT_MULTIVERSION
void gemcut::artifact::quantizeInt8(const float *x, int64_t groups,
                                    float *scales, int8_t *quants) {
  for (int64_t g = 0; g < groups; ++g) {
    float magnitude = 0;
    for (int i = 0; i < kGroup; ++i)
      magnitude = std::max(magnitude, std::fabs(x[g * kGroup + i]));
    float scale = fromHalf(toHalf(magnitude / 127));
    float inverse = scale != 0 ? 1 / scale : 0;
    scales[g] = scale;
    for (int i = 0; i < kGroup; ++i) {
      float q = std::nearbyint(x[g * kGroup + i] * inverse);
      quants[g * kGroup + i] = int8_t(std::min(std::max(q, -127.0f), 127.0f));
    }
  }
}

GEMCUT_MULTIVERSION
void gemcut::artifact::quantizeKnown(const float *x, int64_t groups,
                                     const float *scales, float low, float high,
                                     int8_t *levels) {
  for (int64_t g = 0; g < groups; ++g) {
    float inverse = scales[g] != 0 ? 1 / scales[g] : 0;
    for (int64_t i = g * kGroup; i < (g + 1) * kGroup; ++i)
      levels[i] =
          int8_t(std::min(std::max(std::nearbyint(x[i] * inverse), low), high));
  }
}

GEMCUT_MULTIVERSION
float gemcut::artifact::chooseRowScale(const float *x, int64_t count,
                                       int64_t bits) {
  float largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::fabs(x[i]));
  if (largest < kLeastMagnitude)
    return 0;
  if (bits == 8)
    return largest / 127;
  float high = float((1 << (bits - 1)) - 1), low = -high - 1;
  // From scales that clip all but a third of the range of levels, as wide tails
  // want it, to one that clips nothing on either side.
  float best = largest / high, least = std::numeric_limits<float>::infinity();
  for (float sign : {1.0f, -1.0f})
    // From the widest on: narrow scales, which clip, are soon worse.
    for (int tenths = 11; tenths >= 3; --tenths) {
      float scale = sign * largest / -low * float(tenths) / 10;
      float error = rowError(x, count, scale, low, high, least);
      if (error < least) {
        least = error;
        best = scale;
      }
    }
  float refit = rowRefit(x, count, best, low, high);
  if (refit != 0 && rowError(x, count, refit, low, high, least) < least)
    best = refit;
  return best;
}

GEMCUT_MULTIVERSION
void gemcut::artifact::putRowLevels(const float *x, int64_t count, float scale,
                                    int64_t bits, int8_t *quants) {
  if (scale == 0) {
    std::fill_n(quants, count, int8_t(0));
    return;
  }
  float high = float((1 << (bits - 1)) - 1), low = -high - 1;
  // Divided: a value that is a multiple of the scale gives that multiple.
  for (int64_t i = 0; i < count; ++i)
    quants[i] = int8_t(nearestLevel(x[i] / scale, low, high));
}
