//===- FakeProgram.h - The fake model, to open sessions with ----*- C++ -*-===//
#ifndef GEMCUT_TEST_UNIT_RUNTIME_FAKEPROGRAM_H
#define GEMCUT_TEST_UNIT_RUNTIME_FAKEPROGRAM_H

#include "runtime/session/session.h"
#include "test/unit/runtime/FakeModel.h"

#include <vector>

namespace gemcut::test {

inline constexpr uint8_t kFakeWeights[kFakeWeightBytes] = {9};

inline Program getFakeProgram(const gemcut_model_info &model = gemcut_model) {
  return {&model, gemcut_levels, gemcut_level_count, kFakeWeights,
          kFakeWeightBytes};
}

/// Ids that are not in order; other ones for each seed.
inline std::vector<int32_t> makeIds(size_t count, int32_t seed = 0) {
  std::vector<int32_t> ids(count);
  for (size_t i = 0; i < count; ++i)
    ids[i] = int32_t((i * 13 + size_t(seed) * 7 + 6) % kFakeVocab);
  return ids;
}

/// The (V,) logits behind the first `count` ids at positions from `first` on.
inline std::vector<float> expectedLogits(const std::vector<int32_t> &ids,
                                         size_t count, int64_t first = 0) {
  std::vector<float> logits(kFakeVocab);
  uint64_t state = fakeState(ids.data(), int64_t(count), first);
  for (int32_t v = 0; v < kFakeVocab; ++v)
    logits[size_t(v)] = fakeLogit(state, v, kFakeWeights[0]);
  return logits;
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_RUNTIME_FAKEPROGRAM_H
