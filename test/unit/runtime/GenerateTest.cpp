//===- GenerateTest.cpp - Answers token by token --------------------------===//

#include "runtime/session/generate.h"
#include "test/unit/runtime/FakeProgram.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::test;

namespace {

class GenerateTest : public testing::Test {
protected:
  void SetUp() override {
    SessionOptions options;
    options.level = "baseline";
    options.threads = 2;
    ASSERT_EQ(session.open(getFakeProgram(), options), GEMCUT_OK);
  }

  gemcut_status run(const std::vector<int32_t> &prompt, bool noRepeat = false) {
    SamplerOptions sampling;
    sampling.temperature = 0;
    sampling.noRepeat = noRepeat;
    EXPECT_EQ(sampler.open(gemcut_model, sampling, session.getSamplerWork()),
              GEMCUT_OK);
    EXPECT_EQ(session.reset(0), GEMCUT_OK);
    answer.clear();
    return generate(
        session, sampler, 0, prompt.data(), prompt.size(), options,
        [](void *context, int32_t id) {
          auto *self = static_cast<GenerateTest *>(context);
          self->answer.push_back(id);
          return self->answer.size() != self->stopAfter;
        },
        this, stats);
  }

  /// Greedy ids by recomputing everything.
  std::vector<int32_t> getGreedy(std::vector<int32_t> ids, size_t count,
                                 bool noRepeat) {
    std::vector<int32_t> result;
    while (result.size() < count) {
      auto logits = expectedLogits(ids, ids.size());
      logits[kFakeSuppressedId] = -1;
      if (noRepeat)
        for (int32_t id : ids)
          logits[size_t(id)] = -1;
      ids.push_back(int32_t(std::max_element(logits.begin(), logits.end()) -
                            logits.begin()));
      result.push_back(ids.back());
    }
    return result;
  }

  Session session;
  Sampler sampler;
  GenerateOptions options;
  GenerateStats stats;
  std::vector<int32_t> answer;
  size_t stopAfter = SIZE_MAX;
};

bool isStop(int32_t id) { return id == 1 || id == kFakeStopId; }

} // namespace

TEST_F(GenerateTest, StopsAtStopIds) {
  int stopped = 0;
  for (int32_t seed = 0; seed < 60; ++seed) {
    auto prompt = makeIds(size_t(5 + seed % 4), seed);
    options.limit = 20;
    ASSERT_EQ(run(prompt), GEMCUT_OK);
    auto expected = getGreedy(prompt, 20, false);
    auto stop = std::find_if(expected.begin(), expected.end(), isStop);
    stopped += stop != expected.end();
    EXPECT_EQ(stats.reason == StopReason::StopId, stop != expected.end());
    expected.erase(stop, expected.end());
    ASSERT_EQ(answer, expected);
    EXPECT_EQ(stats.newTokens, expected.size());
    EXPECT_EQ(stats.promptTokens, prompt.size());

    options.ignoreStop = true;
    ASSERT_EQ(run(prompt), GEMCUT_OK);
    EXPECT_EQ(answer, getGreedy(prompt, 20, false));
    EXPECT_EQ(stats.reason, StopReason::Limit);
    options.ignoreStop = false;
  }
  EXPECT_GT(stopped, 5);
  EXPECT_LT(stopped, 60);
}

TEST_F(GenerateTest, NoRepeatNeverUsesAnIdTwice) {
  options.limit = 30;
  options.ignoreStop = true;
  auto prompt = makeIds(7);
  ASSERT_EQ(run(prompt, /*noRepeat=*/true), GEMCUT_OK);
  EXPECT_EQ(answer, getGreedy(prompt, 30, true));
}

TEST_F(GenerateTest, LimitsAndCaller) {
  options.ignoreStop = true;
  options.limit = 0;
  ASSERT_EQ(run(makeIds(3)), GEMCUT_OK);
  EXPECT_TRUE(answer.empty());
  options.limit = 1;
  ASSERT_EQ(run(makeIds(3)), GEMCUT_OK);
  EXPECT_EQ(answer.size(), 1u);
  EXPECT_EQ(session.getTokenCount(0), 3u); // the last token is not run
  options.limit = -1;
  ASSERT_EQ(run(makeIds(3)), GEMCUT_OK);
  EXPECT_EQ(stats.reason, StopReason::ContextFull);
  // 3 + 37 tokens were run; the 38th was chosen from the last logits.
  EXPECT_EQ(answer.size(), size_t(kFakeContext - 3 + 1));
  EXPECT_EQ(answer, getGreedy(makeIds(3), answer.size(), false));
  stopAfter = 4;
  ASSERT_EQ(run(makeIds(3)), GEMCUT_OK);
  EXPECT_EQ(stats.reason, StopReason::Caller);
  EXPECT_EQ(answer.size(), 4u);
}

TEST_F(GenerateTest, PromptThatDoesNotFit) {
  EXPECT_EQ(run(makeIds(kFakeContext + 1)), GEMCUT_CONTEXT_FULL);
  EXPECT_TRUE(answer.empty());
}
