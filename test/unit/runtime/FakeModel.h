//===- FakeModel.h - A tiny model whose logits can be checked ---*- C++ -*-===//
//
// The entry points of a "model" that remembers tokens in its KV memory and
// computes logits from all tokens that a row may see, so that wrong positions,
// slots, chunks or first positions change the result. Defines gemcut_model and
// gemcut_levels.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_TEST_UNIT_RUNTIME_FAKEMODEL_H
#define GEMCUT_TEST_UNIT_RUNTIME_FAKEMODEL_H

#include "runtime/abi/model.h"

#include <cstdint>

namespace gemcut::test {

#ifdef GEMCUT_FAKE_CHAT
// The vocabulary and control tokens of examples/tiny-gemma4.
constexpr int32_t kFakeVocab = 4096;
constexpr int32_t kFakeContext = 512;
constexpr gemcut_special_ids kFakeSpecial = {0, 2, 1, 15, 16, 12, 13, 14};
#else
constexpr int32_t kFakeVocab = 50;
constexpr int32_t kFakeContext = 40;
constexpr gemcut_special_ids kFakeSpecial = {0, 2, 1, 10, 3, 11, 12, 13};
#endif
constexpr int32_t kFakeSlots = 3;
constexpr int32_t kFakeLayers = 5;
constexpr int32_t kFakePrefillChunk = 7;
constexpr int32_t kFakeScoreChunk = 4;
constexpr uint64_t kFakeWeightBytes = 4096;
constexpr int32_t kFakeStopId = 3;
constexpr int32_t kFakeSuppressedId = 5;

/// Sum over the sequence of (token + 1) * (position + 1), first position
/// included.
uint64_t fakeState(const int32_t *tokens, int64_t count, int64_t firstPosition);

/// Logit of id `v` after a sequence with this state; `weight` is weights[0].
float fakeLogit(uint64_t state, int32_t v, uint8_t weight);

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_RUNTIME_FAKEMODEL_H
