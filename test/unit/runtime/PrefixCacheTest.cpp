//===- PrefixCacheTest.cpp - Beginnings of earlier prompts ----------------===//

#include "runtime/session/prefix_cache.h"
#include "test/unit/runtime/FakeProgram.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::test;

namespace {

/// A page of 64 ids.
constexpr uint64_t kPageBytes = 256;

class PrefixCacheTest : public testing::Test {
protected:
  void SetUp() override {
    SessionOptions options;
    options.level = "baseline";
    options.slots = kFakeSlots;
    ASSERT_EQ(session.open(getFakeProgram(), options), GEMCUT_OK);
    cache.open(gemcut_model, 1 << 20);
  }

  void run(const std::vector<int32_t> &ids, size_t from = 0) {
    float *logits = nullptr;
    ASSERT_EQ(session.prefill(0, ids.data() + from, ids.size() - from, logits),
              GEMCUT_OK);
    ASSERT_EQ(std::vector<float>(logits, logits + kFakeVocab),
              expectedLogits(ids, ids.size()));
  }
  void keep(const std::vector<int32_t> &ids, std::vector<size_t> positions) {
    ASSERT_EQ(session.reset(0), GEMCUT_OK);
    run(ids);
    for (size_t position : positions)
      cache.keep(session, 0, position);
  }

  Session session;
  PrefixCache cache;
};

} // namespace

TEST_F(PrefixCacheTest, TakesUpAtAnyPosition) {
  std::vector<int32_t> first = makeIds(36, 1);
  keep(first, {7, 20, 36});
  EXPECT_EQ(cache.getSequenceCount(), 1u);
  for (size_t parting : {39, 36, 30, 25, 16, 15, 1}) {
    std::vector<int32_t> prompt = makeIds(40, 1);
    if (parting < 39)
      prompt[parting] = prompt[parting] ? 0 : 1;
    size_t expected = std::min<size_t>(parting, 36);
    if (expected < 16) // as fast run as copied
      expected = 0;
    ASSERT_EQ(cache.restore(session, 0, prompt), expected) << parting;
    EXPECT_EQ(session.getTokenCount(0), expected);
    run(prompt, expected);
  }
}

TEST_F(PrefixCacheTest, LeavesARowToRun) {
  std::vector<int32_t> ids = makeIds(30, 1);
  keep(ids, {30});
  EXPECT_EQ(cache.restore(session, 0, ids), 29u);
  ids.resize(20);
  EXPECT_EQ(cache.restore(session, 0, ids), 19u);
}

TEST_F(PrefixCacheTest, SequencesGrowAndBranch) {
  std::vector<int32_t> ids = makeIds(38, 1);
  keep(ids, {20});
  keep(ids, {35}); // the same sequence, longer
  keep(ids, {30}); // and nothing new
  EXPECT_EQ(cache.getSequenceCount(), 1u);
  std::vector<int32_t> other = ids;
  for (size_t i = 25; i < other.size(); ++i)
    other[i] = (other[i] + 1) % kFakeVocab;
  keep(other, {33});
  EXPECT_EQ(cache.getSequenceCount(), 2u);
  EXPECT_EQ(cache.restore(session, 0, other), 33u);
  run(other, 33);
  EXPECT_EQ(cache.restore(session, 0, ids), 35u);
  run(ids, 35);
  other[30] = (other[30] + 1) % kFakeVocab;
  EXPECT_EQ(cache.restore(session, 0, other), 30u);
  run(other, 30);
}

TEST_F(PrefixCacheTest, TheLeastRecentlyUsedGoFirst) {
  cache.open(gemcut_model, 3 * kPageBytes);
  std::vector<std::vector<int32_t>> all;
  for (int32_t seed = 0; seed < 3; ++seed) {
    all.push_back(makeIds(25, seed));
    keep(all.back(), {20});
  }
  EXPECT_EQ(cache.getBytes(), 3 * kPageBytes);
  EXPECT_EQ(cache.restore(session, 0, all[0]), 20u);
  keep(makeIds(25, 3), {20});
  EXPECT_EQ(cache.getSequenceCount(), 3u);
  EXPECT_EQ(cache.restore(session, 0, all[1]), 0u); // gone
  EXPECT_EQ(cache.restore(session, 0, all[0]), 20u);
  EXPECT_EQ(cache.restore(session, 0, all[2]), 20u);
  cache.open(gemcut_model, kPageBytes / 2);
  keep(makeIds(25, 4), {20});
  EXPECT_EQ(cache.getSequenceCount(), 0u); // nothing fits
  EXPECT_EQ(cache.getBytes(), 0u);
}

TEST_F(PrefixCacheTest, WhatIsPinnedStays) {
  cache.open(gemcut_model, 0);
  std::vector<int32_t> ids = makeIds(38, 1), other = makeIds(30, 2);
  ASSERT_EQ(session.reset(0), GEMCUT_OK);
  run(ids);
  cache.pin(session, 0, 30);
  EXPECT_EQ(cache.restore(session, 0, ids), 30u);
  run(ids, 30);
  cache.keep(session, 0, 38); // there is room for nothing else
  EXPECT_EQ(cache.getBytes(), kPageBytes);
  keep(other, {30});
  EXPECT_EQ(cache.restore(session, 0, other), 0u);
  EXPECT_EQ(cache.restore(session, 0, ids), 30u);
  size_t visited = 0;
  EXPECT_EQ(cache.visit(session, 0, [&] { return ++visited, GEMCUT_OK; }),
            GEMCUT_OK);
  EXPECT_EQ(visited, 0u); // it is where it came from
}
