//===- SamplerTest.cpp - The sampler against a slow, obvious one ----------===//

#include "runtime/session/sampler.h"
#include "runtime/core/error.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

using namespace gemcut;

namespace {

gemcut_model_info makeModel(int32_t vocabulary) {
  gemcut_model_info model = {};
  model.vocab_size = vocabulary;
  return model;
}

/// Probability of every id by sorting everything, in float64 where the sampler
/// adds up float32 weights.
std::vector<double> getProbabilities(std::vector<float> logits,
                                     const gemcut_model_info &model,
                                     const SamplerOptions &options) {
  size_t n = logits.size();
  for (int32_t i = 0; i < model.suppressed_id_count; ++i)
    logits[size_t(model.suppressed_ids[i])] = -INFINITY;
  for (float &logit : logits)
    logit /= options.temperature;
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  });
  if (options.topK > 0 && size_t(options.topK) < n) {
    float least = logits[order[size_t(options.topK) - 1]];
    order.erase(std::remove_if(order.begin(), order.end(),
                               [&](size_t id) { return logits[id] < least; }),
                order.end());
  }
  std::map<size_t, double> weights;
  double total = 0;
  for (size_t id : order)
    total += weights[id] =
        std::exp(double(logits[id]) - double(logits[order[0]]));
  std::vector<double> result(n);
  double before = 0, kept = 0;
  for (size_t id : order) {
    bool isTop = before < double(options.topP) * total || options.topP >= 1;
    if (isTop && weights[id] >= double(options.minP))
      kept += result[id] = weights[id];
    before += weights[id];
  }
  for (double &probability : result)
    probability /= kept;
  return result;
}

std::vector<float> makeLogits(size_t n, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(n);
  for (float &logit : logits)
    logit = normal(random);
  return logits;
}

int32_t pick(Sampler &sampler, std::vector<float> logits) {
  int32_t id = -1;
  EXPECT_EQ(sampler.pick(logits.data(), id), GEMCUT_OK) << gemcut_last_error();
  return id;
}

} // namespace

TEST(Pcg32, ReferenceSequence) {
  // Round 1 of pcg32-demo (pcg_basic.c): seed 42, sequence 54.
  Pcg32 random(42, 54);
  for (uint32_t expected : {0xa15c02b7u, 0x7b47f409u, 0xba1d3330u, 0x83d2f293u,
                            0xbfa4784bu, 0xcbed606eu})
    EXPECT_EQ(random.next(), expected);
}

/// The sampler must pick exactly the id where the reference's cumulative
/// distribution, over ascending ids, passes the same uniform number.
TEST(Sampler, PicksWhatTheSlowOnePicks) {
  int compared = 0;
  for (int32_t vocabulary : {1, 2, 17, 100, 5000})
    for (float spread : {0.1f, 1.0f, 5.0f})
      for (int32_t topK : {0, 1, 5, 64, 5000})
        for (float topP : {1.0f, 0.95f, 0.5f, 0.01f})
          for (float minP : {0.0f, 0.1f, 1.0f}) {
            SamplerOptions options;
            options.temperature = spread > 1 ? 1.0f : 0.7f;
            options.topK = topK;
            options.topP = topP;
            options.minP = minP;
            options.seed = uint64_t(vocabulary) * 1000 + uint64_t(topK);
            gemcut_model_info model = makeModel(vocabulary);
            if (vocabulary > 10) {
              model.suppressed_ids[0] = 7;
              model.suppressed_id_count = 1;
            }
            Sampler sampler;
            ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
            auto logits =
                makeLogits(size_t(vocabulary), spread, uint32_t(options.seed));
            auto expected = getProbabilities(logits, model, options);
            Pcg32 random(options.seed);
            for (int draw = 0; draw < 20; ++draw) {
              double target = random.uniform(), sum = 0;
              int32_t id = pick(sampler, logits);
              ASSERT_GT(expected[size_t(id)], 0) << "not in the kept set";
              for (int32_t i = 0; i < id; ++i)
                sum += expected[size_t(i)];
              // Float32 weights move the edges of the intervals a little.
              ASSERT_LE(sum, target + 1e-5);
              ASSERT_GE(sum + expected[size_t(id)], target - 1e-5);
              ++compared;
            }
          }
  EXPECT_EQ(compared, 5 * 3 * 5 * 4 * 3 * 20);
}

TEST(Sampler, FrequenciesFollowTheProbabilities) {
  gemcut_model_info model = makeModel(12);
  SamplerOptions options;
  options.temperature = 1.3f;
  options.topK = 9;
  options.topP = 0.93f;
  options.seed = 7;
  Sampler sampler;
  ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
  auto logits = makeLogits(12, 1.5f, 3);
  auto expected = getProbabilities(logits, model, options);
  const int draws = 40000;
  std::vector<int> counts(12);
  for (int i = 0; i < draws; ++i)
    ++counts[size_t(pick(sampler, logits))];
  double chiSquared = 0;
  int kept = 0;
  for (size_t id = 0; id < 12; ++id) {
    if (expected[id] == 0) {
      EXPECT_EQ(counts[id], 0);
      continue;
    }
    double mean = expected[id] * draws;
    chiSquared += (counts[id] - mean) * (counts[id] - mean) / mean;
    ++kept;
  }
  EXPECT_GE(kept, 4);
  EXPECT_LE(kept, 9);
  EXPECT_LT(chiSquared, 26.1); // 0.1 % quantile of 8 degrees of freedom
}

/// Quotients round, so logits below the k-th largest may become equal to it.
TEST(Sampler, TopKIsOfTheQuotients) {
  std::mt19937 random(5);
  for (float temperature : {0.3f, 0.7f, 3.0f, 1e30f, 1e38f})
    for (float scale : {1.0f, -1.0f, 1e-38f}) {
      const int32_t vocabulary = 1000;
      gemcut_model_info model = makeModel(vocabulary);
      SamplerOptions options;
      options.temperature = temperature;
      options.topK = 20;
      Sampler sampler;
      ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
      // Neighbouring numbers, in any order.
      std::vector<float> logits(vocabulary);
      float value = 1.5f;
      for (float &logit : logits)
        logit = scale * (value = std::nextafter(value, 2.0f));
      std::shuffle(logits.begin(), logits.end(), random);
      auto expected = getProbabilities(logits, model, options);
      Pcg32 uniform(options.seed);
      for (int draw = 0; draw < 50; ++draw) {
        double target = uniform.uniform(), sum = 0;
        int32_t id = pick(sampler, logits);
        ASSERT_GT(expected[size_t(id)], 0) << "not in the kept set";
        for (int32_t i = 0; i < id; ++i)
          sum += expected[size_t(i)];
        ASSERT_LE(sum, target + 1e-5);
        ASSERT_GE(sum + expected[size_t(id)], target - 1e-5);
      }
    }
}

/// Any distribution is ranked in the planned memory, with no entry per id.
TEST(Sampler, RanksManyIdsInLittleMemory) {
  const int32_t vocabulary = 70001;
  gemcut_model_info model = makeModel(vocabulary);
  std::vector<uint8_t> work(gemcut_sampler_bytes(vocabulary) + 64, 0xa5);
  ASSERT_LT(work.size(), size_t(vocabulary));
  for (float spread : {0.0f, 0.01f, 1.0f, 20.0f})
    for (int32_t topK : {0, 30, 1000, 60000}) {
      SamplerOptions options;
      options.topK = topK;
      options.topP = 0.9f;
      options.seed = uint64_t(topK);
      Sampler sampler;
      ASSERT_EQ(sampler.open(model, options, work.data()), GEMCUT_OK);
      auto logits = makeLogits(size_t(vocabulary), spread, uint32_t(topK));
      auto expected = getProbabilities(logits, model, options);
      Pcg32 random(options.seed);
      for (int draw = 0; draw < 10; ++draw) {
        double target = random.uniform(), sum = 0;
        int32_t id = pick(sampler, logits);
        ASSERT_GT(expected[size_t(id)], 0) << "not in the kept set";
        for (int32_t i = 0; i < id; ++i)
          sum += expected[size_t(i)];
        ASSERT_LE(sum, target + 1e-5);
        ASSERT_GE(sum + expected[size_t(id)], target - 1e-5);
      }
    }
  for (size_t i = work.size() - 64; i < work.size(); ++i)
    EXPECT_EQ(work[i], 0xa5);
}

/// Of equal logits at top-p's boundary, 0 and -0 included, the lowest ids stay.
TEST(Sampler, TopPKeepsTheLowestOfEqualIds) {
  gemcut_model_info model = makeModel(8);
  SamplerOptions options;
  options.topP = 0.5f;
  Sampler sampler;
  ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
  std::vector<float> logits = {-0.0f, 0, -0.0f, 0, 0, -0.0f, 0, 0};
  std::vector<int> counts(8);
  for (int i = 0; i < 2000; ++i)
    ++counts[size_t(pick(sampler, logits))];
  for (size_t id = 0; id < 8; ++id)
    EXPECT_EQ(counts[id] > 100, id < 4) << id;
}

/// Blocks of 64 logits, the last one not full.
TEST(Sampler, GreedyFindsTheLargestAnywhere) {
  for (int32_t vocabulary : {1, 63, 64, 65, 200, 1000}) {
    gemcut_model_info model = makeModel(vocabulary);
    SamplerOptions options;
    options.temperature = 0;
    Sampler sampler;
    ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
    for (int32_t at = 0; at < vocabulary; ++at) {
      auto logits = makeLogits(size_t(vocabulary), 1, uint32_t(at));
      logits[size_t(at)] = 20;
      EXPECT_EQ(pick(sampler, logits), at);
    }
  }
}

TEST(Sampler, GreedyTakesTheLowestOfEqualIds) {
  gemcut_model_info model = makeModel(40);
  SamplerOptions options;
  options.temperature = 0;
  Sampler sampler;
  ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
  std::vector<float> logits(40, -1);
  logits[11] = logits[12] = logits[39] = 2;
  EXPECT_EQ(pick(sampler, logits), 11);
  // A temperature that overflows is greedy too.
  options.temperature = 1e-45f;
  ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
  EXPECT_EQ(pick(sampler, logits), 11);
}

TEST(Sampler, TiesAtTheTopKBoundaryAreAllKept) {
  gemcut_model_info model = makeModel(8);
  SamplerOptions options;
  options.topK = 2;
  Sampler sampler;
  ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
  std::vector<float> logits = {0, 1, 2, 1, 0, 1, 0, 0};
  std::vector<int> counts(8);
  for (int i = 0; i < 2000; ++i)
    ++counts[size_t(pick(sampler, logits))];
  for (size_t id : {1, 2, 3, 5})
    EXPECT_GT(counts[id], 100) << id;
  for (size_t id : {0, 4, 6, 7})
    EXPECT_EQ(counts[id], 0) << id;
}

TEST(Sampler, NoRepeatAndSuppression) {
  gemcut_model_info model = makeModel(5);
  model.suppressed_ids[0] = 4;
  model.suppressed_id_count = 1;
  SamplerOptions options;
  options.temperature = 0;
  options.noRepeat = true;
  Sampler sampler;
  ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
  std::vector<float> logits = {1, 3, 2, 0, 9};
  for (int32_t expected : {1, 2, 0, 3}) {
    EXPECT_EQ(pick(sampler, logits), expected);
    sampler.forbid(expected);
  }
  int32_t id;
  auto copy = logits;
  EXPECT_EQ(sampler.pick(copy.data(), id), GEMCUT_INVALID_ARGUMENT);
  sampler.forgetForbidden();
  EXPECT_EQ(pick(sampler, logits), 1);
}

TEST(Sampler, BadLogitsAreErrors) {
  for (float temperature : {0.0f, 1.0f})
    for (size_t at : {0, 15, 16, 36}) // in vectors and in the tail
      for (float bad : {NAN, INFINITY}) {
        gemcut_model_info model = makeModel(37);
        SamplerOptions options;
        options.temperature = temperature;
        Sampler sampler;
        ASSERT_EQ(sampler.open(model, options), GEMCUT_OK);
        std::vector<float> logits(37, 1);
        logits[at] = bad;
        int32_t id;
        EXPECT_EQ(sampler.pick(logits.data(), id), GEMCUT_INVALID_ARGUMENT);
      }
}

TEST(Sampler, BadOptionsAreErrors) {
  gemcut_model_info model = makeModel(5);
  auto rejected = [&](auto change) {
    SamplerOptions options;
    change(options);
    Sampler sampler;
    EXPECT_EQ(sampler.open(model, options), GEMCUT_INVALID_ARGUMENT);
  };
  rejected([](SamplerOptions &o) { o.temperature = -1; });
  rejected([](SamplerOptions &o) { o.temperature = NAN; });
  rejected([](SamplerOptions &o) { o.topK = -1; });
  rejected([](SamplerOptions &o) { o.topP = 0; });
  rejected([](SamplerOptions &o) { o.topP = 1.5f; });
  rejected([](SamplerOptions &o) { o.minP = NAN; });
}
