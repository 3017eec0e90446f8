//===- TwoStageHeadTest.cpp - Discarding tiles never changes the best -----===//

#include "runtime/core/error.h"
#include "runtime/session/two_stage_head.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

using namespace gemcut;

namespace {

/// A head whose logits and bounds are given.
struct FakeHead {
  explicit FakeHead(std::vector<float> exact) : exact(std::move(exact)) {
    model.vocab_size = int32_t(this->exact.size());
    EXPECT_EQ(head.open(model), GEMCUT_OK) << gemcut_last_error();
    out.assign(this->exact.size(), 77);
  }

  static void rescore(void *context, const int32_t *tiles, size_t count) {
    auto *self = static_cast<FakeHead *>(context);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(i == 0 || tiles[i - 1] < tiles[i]);
      for (int32_t id = 16 * tiles[i]; id < 16 * tiles[i] + 16; ++id) {
        EXPECT_EQ(self->out[size_t(id)], 77) << "computed twice";
        self->out[size_t(id)] = self->exact[size_t(id)];
      }
    }
  }

  void choose(const std::vector<float> &bounds, size_t best) {
    std::fill(out.begin(), out.end(), 77.0f);
    head.choose(bounds.data(), best, rescore, this, out.data());
  }

  /// Every logit that reaches the best-th largest is there, every other one is
  /// exact or -inf.
  void expectBest(size_t best) {
    std::vector<float> order;
    for (size_t id = 0; id < exact.size(); ++id)
      if (std::find(model.suppressed_ids,
                    model.suppressed_ids + model.suppressed_id_count,
                    int32_t(id)) ==
          model.suppressed_ids + model.suppressed_id_count)
        order.push_back(exact[id]);
    std::sort(order.begin(), order.end(), std::greater<float>());
    float least = order[std::min(best, order.size()) - 1];
    for (size_t id = 0; id < exact.size(); ++id)
      if (exact[id] >= least || out[id] != -INFINITY)
        ASSERT_EQ(out[id], exact[id]) << "id " << id;
  }

  std::vector<float> exact, out;
  gemcut_model_info model = {};
  TwoStageHead head;
};

std::vector<float> normal(size_t count, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0, spread);
  std::vector<float> values(count);
  for (float &value : values)
    value = distribution(random);
  return values;
}

TEST(TwoStageHead, FindsTheBestUnderAnyBounds) {
  for (size_t tiles : {1, 2, 31, 64, 700})
    for (size_t best : {1, 2, 64, 256})
      for (float slack : {0.0f, 0.1f, 2.0f, 100.0f})
        for (uint32_t seed = 0; seed < 3; ++seed) {
          size_t count = 16 * tiles;
          FakeHead head(normal(count, 2, seed));
          head.model.suppressed_ids[0] =
              int32_t(std::max_element(head.exact.begin(), head.exact.end()) -
                      head.exact.begin());
          head.model.suppressed_id_count = seed == 2;
          std::vector<float> bounds = normal(count, slack, seed + 100);
          for (size_t i = 0; i < count; ++i)
            bounds[i] = head.exact[i] + std::fabs(bounds[i]);
          head.choose(bounds, best);
          head.expectBest(best);
        }
}

TEST(TwoStageHead, TiesAndBoundsThatAreReached) {
  // All equal, in pairs, and a best logit whose bound equals it.
  for (int kind : {0, 1, 2}) {
    std::vector<float> exact(16 * 400);
    for (size_t i = 0; i < exact.size(); ++i)
      exact[i] = kind == 0   ? 3.0f
                 : kind == 1 ? float(i / 2 % 50)
                             : float(i % 7);
    if (kind == 2)
      exact[5000] = exact[17] = 9;
    FakeHead head(exact);
    for (size_t best : {1, 2, 3, 64}) {
      head.choose(head.exact, best);
      head.expectBest(best);
    }
  }
}

TEST(TwoStageHead, ReadsFewTilesWhereBoundsAreClose) {
  FakeHead head(normal(16 * 4096, 2, 1));
  head.exact[12345] = 30;
  std::vector<float> bounds = head.exact;
  for (float &bound : bounds)
    bound += 3;
  head.choose(bounds, 1);
  head.expectBest(1);
  EXPECT_EQ(head.head.getCounters().tried, 1u);
  EXPECT_EQ(head.head.getCounters().rescored, 32u);
  EXPECT_EQ(head.head.getCounters().fellBack, 0u);
  EXPECT_TRUE(head.head.shouldTry());
}

TEST(TwoStageHead, NanIsNeverDiscarded) {
  for (size_t at : {0, 1000, 16 * 200 - 1}) {
    FakeHead head(normal(16 * 200, 2, 1));
    head.exact[50] = 40;
    std::vector<float> bounds = head.exact;
    bounds[at] = head.exact[at] = NAN;
    head.choose(bounds, 1);
    EXPECT_TRUE(std::isnan(head.out[at]));
  }
}

TEST(TwoStageHead, LeavesMoreAndMoreStepsAloneAfterFallbacks) {
  FakeHead head(normal(16 * 300, 1, 1));
  std::vector<float> hopeless(head.exact.size(), 1e6f);
  uint64_t expected = 0;
  for (int round = 1; round <= 12; ++round) {
    EXPECT_TRUE(head.head.shouldTry());
    head.choose(hopeless, 1);
    EXPECT_EQ(head.out, head.exact);
    uint32_t pause = (1u << std::min(round, 10)) - 1;
    for (uint32_t i = 0; i < pause; ++i)
      EXPECT_FALSE(head.head.shouldTry());
    expected += pause;
  }
  EXPECT_EQ(head.head.getCounters().fellBack, 12u);
  EXPECT_EQ(head.head.getCounters().rescored, 12u * 300u);
  EXPECT_EQ(head.head.getCounters().leftAlone, expected);
  // One success, and every step tries again.
  EXPECT_TRUE(head.head.shouldTry());
  head.choose(head.exact, 1);
  EXPECT_TRUE(head.head.shouldTry());
}

} // namespace
