//===- sampler_benchmark.cpp - Time to pick a token -----------------------===//
//
// Microseconds of Sampler::pick on logits of a real vocabulary's size: best and
// median of 200 picks. The logits are copied before each pick, outside of what
// is timed, so they are in the cache as they are behind a decode step.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/clock.h"
#include "runtime/session/sampler.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

using namespace gemcut;

static void measure(const char *name, const std::vector<float> &logits,
                    SamplerOptions options) {
  gemcut_model_info model = {};
  model.vocab_size = int32_t(logits.size());
  Sampler sampler;
  if (sampler.open(model, options))
    return;
  std::vector<float> copy(logits.size());
  std::vector<double> times;
  int64_t sum = 0;
  for (int i = 0; i < 200; ++i) {
    std::copy(logits.begin(), logits.end(), copy.begin());
    int32_t id = 0;
    double start = seconds();
    if (sampler.pick(copy.data(), id))
      return;
    times.push_back((seconds() - start) * 1e6);
    sum += id;
  }
  std::sort(times.begin(), times.end());
  std::printf("%-34s best %8.1f us  median %8.1f us  (ids %lld)\n", name,
              times.front(), times[times.size() / 2], (long long)sum);
}

int main() {
  // A standard deviation of 4 and a best token 5 to 8 of them above the mean.
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> logits(262144);
  for (float &logit : logits)
    logit = normal(random);
  logits[200000] = 28;
  logits[1234] = 27;

  SamplerOptions options;
  options.temperature = 0;
  measure("greedy", logits, options);
  options.temperature = 1;
  options.topK = 64;
  options.topP = 0.95f;
  measure("top-k 64, top-p 0.95", logits, options);
  options.temperature = 0.7f;
  measure("top-k 64, top-p 0.95, temp 0.7", logits, options);
  options.topK = 0;
  measure("top-p 0.95", logits, options);
  options.topP = 1;
  options.minP = 0.05f;
  measure("min-p 0.05", logits, options);
  options.minP = 0;
  measure("temperature only", logits, options);
}
