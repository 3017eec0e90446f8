//===- PrefixCacheTest.cpp - Beginnings of earlier prompts ----------------===//

#include "runtime/session/prefix_cache.h"
#include "test/unit/runtime/FakeModel.h"

#include "gtest/gtest.h"

using namespace gemcut;
using namespace gemcut::test;

namespace {

const uint8_t kWeights[kFakeWeightBytes] = {9};
/// A block of 32 ids.
constexpr uint64_t kBlockBytes = 128;

class PrefixCacheTest : public testing::Test {
protected:
  void SetUp() override {
    SessionOptions options;
    options.level = "baseline";
    options.slots = kFakeSlots;
    ASSERT_EQ(session.open({&gemcut_model, gemcut_levels, gemcut_level_count,
                            kWeights, kFakeWeightBytes},
                           options),
              GEMCUT_OK);
    cache.open(gemcut_model, 1 << 20);
  }

  static std::vector<int32_t> makeIds(size_t count, int32_t seed) {
    std::vector<int32_t> ids(count);
    for (size_t i = 0; i < count; ++i)
      ids[i] = int32_t((i * 13 + size_t(seed) * 7 + 6) % kFakeVocab);
    return ids;
  }
  void run(const std::vector<int32_t> &ids, size_t from = 0) {
    float *logits = nullptr;
    ASSERT_EQ(session.prefill(0, ids.data() + from, ids.size() - from, logits),
              GEMCUT_OK);
    for (int32_t v = 0; v < kFakeVocab; ++v)
      ASSERT_EQ(logits[v],
                fakeLogit(fakeState(ids.data(), int64_t(ids.size()), 0), v,
                          kWeights[0]));
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

TEST_F(PrefixCacheTest, TakesUpAtSnapshotsOnly) {
  std::vector<int32_t> first = makeIds(36, 1);
  keep(first, {20, 30});
  EXPECT_EQ(cache.getSequenceCount(), 1u);
  std::vector<int32_t> prompt = makeIds(39, 1);
  PrefixCache::Found found = cache.restore(session, 0, prompt);
  EXPECT_EQ(found.restored, 30u);
  EXPECT_EQ(found.shared, 30u); // nothing is known of what followed
  EXPECT_EQ(session.getTokenCount(0), 30u);
  run(prompt, 30);
  prompt[25] = prompt[25] ? 0 : 1;
  found = cache.restore(session, 0, prompt);
  EXPECT_EQ(found.restored, 20u);
  EXPECT_EQ(found.shared, 25u);
  run(prompt, 20);
  prompt[10] = prompt[10] ? 0 : 1;
  found = cache.restore(session, 0, prompt);
  EXPECT_EQ(found.restored, 0u);
  EXPECT_EQ(found.shared, 10u);
  EXPECT_EQ(session.getTokenCount(0), 0u);
}

TEST_F(PrefixCacheTest, LeavesARowToRun) {
  std::vector<int32_t> ids = makeIds(30, 1);
  keep(ids, {20, 29});
  std::vector<int32_t> shorter(ids.begin(), ids.begin() + 29);
  EXPECT_EQ(cache.restore(session, 0, shorter).restored, 20u);
  EXPECT_EQ(cache.restore(session, 0, ids).restored, 29u);
}

TEST_F(PrefixCacheTest, SequencesGrowAndBranch) {
  std::vector<int32_t> ids = makeIds(38, 1);
  keep(ids, {20});
  keep(ids, {35}); // the same sequence, longer
  EXPECT_EQ(cache.getSequenceCount(), 1u);
  std::vector<int32_t> other = ids;
  for (size_t i = 25; i < other.size(); ++i)
    other[i] = (other[i] + 1) % kFakeVocab;
  keep(other, {33});
  EXPECT_EQ(cache.getSequenceCount(), 2u);
  EXPECT_EQ(cache.restore(session, 0, other).restored, 33u);
  run(other, 33);
  EXPECT_EQ(cache.restore(session, 0, ids).restored, 35u);
  run(ids, 35);
  // The branch took over the snapshot at 20.
  other[30] = (other[30] + 1) % kFakeVocab;
  EXPECT_EQ(cache.restore(session, 0, other).restored, 20u);
  run(other, 20);
}

TEST_F(PrefixCacheTest, TheLeastRecentlyUsedGoFirst) {
  cache.open(gemcut_model, 3 * kBlockBytes);
  std::vector<std::vector<int32_t>> all;
  for (int32_t seed = 0; seed < 3; ++seed) {
    all.push_back(makeIds(25, seed));
    keep(all.back(), {20});
  }
  EXPECT_EQ(cache.getBytes(), 3 * kBlockBytes);
  EXPECT_EQ(cache.restore(session, 0, all[0]).restored, 20u);
  keep(makeIds(25, 3), {20});
  EXPECT_EQ(cache.getSequenceCount(), 3u);
  EXPECT_EQ(cache.restore(session, 0, all[1]).restored, 0u); // gone
  EXPECT_EQ(cache.restore(session, 0, all[0]).restored, 20u);
  EXPECT_EQ(cache.restore(session, 0, all[2]).restored, 20u);
  cache.open(gemcut_model, kBlockBytes / 2);
  keep(makeIds(25, 4), {20});
  EXPECT_EQ(cache.getSequenceCount(), 0u); // nothing fits
  EXPECT_EQ(cache.getBytes(), 0u);
}

TEST_F(PrefixCacheTest, PositionsAreTurnsAndPartings) {
  int32_t turn = gemcut_model.special.turn_open;
  std::vector<int32_t> prompt(3000, 20);
  for (size_t at : {size_t(1), size_t(500), size_t(900), size_t(2990)})
    prompt[at] = turn;
  EXPECT_EQ(cache.choosePositions(prompt, {0, 700}),
            (std::vector<size_t>{500, 700, 2048, 2990}));
  EXPECT_EQ(cache.choosePositions(prompt, {700, 700}),
            (std::vector<size_t>{2048, 2990}));
  prompt[2990] = 20;
  EXPECT_EQ(cache.choosePositions(prompt, {0, 0}),
            (std::vector<size_t>{500, 2048, 2999}));
  EXPECT_EQ(cache.choosePositions({1, 2, 3}, {0, 0}), std::vector<size_t>());
  cache.open(gemcut_model, 0);
  EXPECT_EQ(cache.choosePositions(prompt, {0, 0}), std::vector<size_t>());
}
