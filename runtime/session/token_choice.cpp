//===- token_choice.cpp - The next token of one of many sequences ---------===//

#include "runtime/session/token_choice.h"

#include "runtime/session/log_softmax.h"

#include <algorithm>
#include <cmath>

using namespace gemcut;

size_t TokenChoice::countNeeded() const {
  size_t needed = sampling.temperature == 0 ? 1 : size_t(sampling.topK);
  if (needed == 0 || request->logprobs >= 0 || request->presencePenalty != 0 ||
      request->frequencyPenalty != 0 || request->filter)
    return 0;
  // Forbidden ids may be among the largest; other changes may bring any up.
  for (const LogitBias &bias : request->biases)
    if (bias.value != -INFINITY)
      return 0;
  return needed + request->biases.size();
}

void TokenChoice::applyBiases(float *logits) const {
  for (const LogitBias &bias : request->biases)
    logits[bias.id] += bias.value;
  for (const Count &count : seen)
    logits[count.id] -=
        request->presencePenalty +
        request->frequencyPenalty * static_cast<float>(count.times);
}

/// The `most` largest logits, as logarithms of probabilities.
static std::vector<TokenLogprob> rank(const float *logits, size_t vocabulary,
                                      double logSum, size_t most) {
  auto isBefore = [&](int32_t a, int32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  };
  std::vector<int32_t> best; // in descending order
  for (size_t i = 0; i < vocabulary && most > 0; ++i) {
    int32_t id = int32_t(i);
    if (best.size() == most && !isBefore(id, best.back()))
      continue;
    if (best.size() == most)
      best.pop_back();
    best.insert(std::upper_bound(best.begin(), best.end(), id, isBefore), id);
  }
  std::vector<TokenLogprob> ranked;
  for (int32_t id : best)
    ranked.push_back({id, double(logits[id]) - logSum});
  return ranked;
}

gemcut_status TokenChoice::choose(Sampler &sampler, float *logits,
                                  size_t vocabulary, BatchToken &token) {
  bool isReported = request->logprobs >= 0;
  double logSum = 0;
  std::vector<LogitBias> own; // the model's logits of ids that are changed
  if (isReported) {
    logSum = getLogSumExp(logits, vocabulary);
    token.likeliest =
        rank(logits, vocabulary, logSum, size_t(request->logprobs));
    for (const LogitBias &bias : request->biases)
      own.push_back({bias.id, logits[bias.id]});
    for (const Count &count : seen)
      own.push_back({count.id, logits[count.id]});
  }
  applyBiases(logits);
  if (request->filter)
    request->filter->apply(logits);
  sampler.exchange(sampling, random);
  gemcut_status status = sampler.pick(logits, token.id);
  sampler.exchange(sampling, random);
  if (status)
    return status;
  if (isReported) {
    auto changed = std::find_if(own.begin(), own.end(), [&](auto &entry) {
      return entry.id == token.id;
    });
    float logit = changed == own.end() ? logits[token.id] : changed->value;
    token.chosen = {token.id, double(logit) - logSum};
  }
  if (request->presencePenalty != 0 || request->frequencyPenalty != 0) {
    auto known = std::find_if(seen.begin(), seen.end(), [&](auto &entry) {
      return entry.id == token.id;
    });
    if (known == seen.end())
      seen.push_back({token.id, 1});
    else
      ++known->times;
  }
  return GEMCUT_OK;
}
