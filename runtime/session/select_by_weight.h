//===- select_by_weight.h - Selection without an index ----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_SELECT_BY_WEIGHT_H
#define GEMCUT_RUNTIME_SESSION_SELECT_BY_WEIGHT_H

#include "runtime/abi/memory_plan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gemcut {

/// Where values in descending order reach a weight.
struct Selection {
  float value = 0;
  double above = 0; // what all larger values weigh
};

/// The largest value that weighs, together with all larger ones, at least
/// `limit`; the least of all if rounding lets none. Equal values and those with
/// the same bits are one, as are 0 and -0. A radix sort that follows one
/// bucket: it reads the values three times and needs the GEMCUT_SAMPLER_SUMS
/// `sums` alone. `visit(add)` calls `add(value, weight)` for every value, at
/// least one, with weights above 0 and without NaN.
template <typename Visit>
Selection selectByWeight(double limit, double *sums, const Visit &visit) {
  static_assert(GEMCUT_SAMPLER_SUMS == 1 << 11);
  Selection selection;
  uint32_t prefix = 0;
  for (int shift : {21, 10, 0}) {
    int bits = shift ? 11 : 10, prefixShift = shift + bits;
    uint32_t mask = (uint32_t(1) << bits) - 1;
    std::fill(sums, sums + mask + 1, 0.0);
    uint32_t top = 0;
    visit([&](float value, double weight) {
      value += 0.0f; // -0 becomes 0
      uint32_t key;
      std::memcpy(&key, &value, sizeof key);
      key ^= key >> 31 ? ~uint32_t(0) : uint32_t(1) << 31; // in their order
      if (prefixShift == 32 || key >> prefixShift == prefix) {
        uint32_t bucket = key >> shift & mask;
        sums[bucket] += weight;
        top = std::max(top, bucket);
      }
    });
    uint32_t chosen = 0;
    double next = selection.above;
    for (uint32_t bucket = top + 1; bucket-- > 0 && next < limit;)
      if (sums[bucket] > 0) {
        chosen = bucket;
        selection.above = next;
        next += sums[bucket];
      }
    prefix = prefix << bits | chosen;
  }
  prefix ^= prefix >> 31 ? uint32_t(1) << 31 : ~uint32_t(0);
  std::memcpy(&selection.value, &prefix, sizeof prefix);
  return selection;
}

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_SELECT_BY_WEIGHT_H
