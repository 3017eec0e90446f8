//===- sampler.cpp - Logits to the next token -----------------------------===//

#include "runtime/session/sampler.h"

#include "runtime/core/error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

using namespace gemcut;

static constexpr float kNever = -INFINITY;

SamplerOptions gemcut::getDefaultSampling(const gemcut_model_info &model) {
  SamplerOptions options;
  options.temperature = model.do_sample ? model.temperature : 0;
  options.topK = model.top_k;
  options.topP = model.top_p;
  options.minP = model.min_p;
  return options;
}

gemcut_status Sampler::checkOptions() const {
  // Negated comparisons, so that NaN fails too.
  if (!(options.temperature >= 0) || std::isinf(options.temperature))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the temperature is %g, but must be at least 0",
                double(options.temperature));
  if (options.topK < 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "top-k is %d, but must be at least 1, or 0 to switch it off",
                options.topK);
  if (!(options.topP > 0 && options.topP <= 1))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "top-p is %g, but must be above 0 and at most 1",
                double(options.topP));
  if (!(options.minP >= 0 && options.minP <= 1))
    return fail(GEMCUT_INVALID_ARGUMENT, "min-p is %g, but must be from 0 to 1",
                double(options.minP));
  return GEMCUT_OK;
}

gemcut_status Sampler::open(const gemcut_model_info &info,
                            const SamplerOptions &what) {
  model = &info;
  options = what;
  random = Pcg32(options.seed);
  if (gemcut_status status = checkOptions())
    return status;
  size_t vocabulary = size_t(info.vocab_size);
  if (gemcut_status status =
          candidates.allocate(vocabulary * sizeof(Candidate), "sampler"))
    return status;
  if (gemcut_status status =
          ranked.allocate(vocabulary * sizeof(uint32_t), "sampler"))
    return status;
  return options.noRepeat ? forbidden.allocate(vocabulary, "sampler")
                          : GEMCUT_OK;
}

void Sampler::forbid(int32_t id) {
  if (options.noRepeat)
    forbidden.data()[id] = 1;
}

void Sampler::forgetForbidden() {
  if (options.noRepeat)
    std::memset(forbidden.data(), 0, forbidden.size());
}

void Sampler::suppress(float *logits) const {
  for (int32_t i = 0; i < model->suppressed_id_count; ++i) {
    int32_t id = model->suppressed_ids[i];
    if (id >= 0 && id < model->vocab_size)
      logits[id] = kNever;
  }
  if (options.noRepeat)
    for (int32_t id = 0; id < model->vocab_size; ++id)
      if (forbidden.data()[id])
        logits[id] = kNever;
}

/// The largest of `count` values; NaN if one of them is.
static float findLargest(const float *values, size_t count) {
  // Independent lanes, which become vectors of the baseline ISA.
  constexpr size_t kLanes = 16;
  float lanes[kLanes];
  uint32_t unordered[kLanes] = {};
  std::fill(lanes, lanes + kLanes, kNever);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      float value = values[i + lane];
      lanes[lane] = value > lanes[lane] ? value : lanes[lane];
      unordered[lane] |= value != value;
    }
  for (; i < count; ++i) {
    lanes[0] = values[i] > lanes[0] ? values[i] : lanes[0];
    unordered[0] |= values[i] != values[i];
  }
  for (uint32_t bad : unordered)
    if (bad)
      return NAN;
  return *std::max_element(lanes, lanes + kLanes);
}

float Sampler::findKthLargest(const float *logits, size_t k) {
  // The k largest so far, smallest on top.
  float *heap = ranked.as<float>();
  std::copy(logits, logits + k, heap);
  std::make_heap(heap, heap + k, std::greater<float>());
  for (size_t i = k; i < size_t(model->vocab_size); ++i) {
    if (!(logits[i] > heap[0]))
      continue;
    std::pop_heap(heap, heap + k, std::greater<float>());
    heap[k - 1] = logits[i];
    std::push_heap(heap, heap + k, std::greater<float>());
  }
  return heap[0];
}

size_t Sampler::collect(const float *logits, float least, float largest) {
  auto *kept = candidates.as<Candidate>();
  size_t count = 0;
  for (int32_t id = 0; id < model->vocab_size; ++id)
    if (logits[id] >= least && logits[id] != kNever)
      kept[count++] = {logits[id], std::exp(logits[id] - largest), id};
  return count;
}

size_t Sampler::keepTopP(size_t count) {
  auto *kept = candidates.as<Candidate>();
  auto *order = ranked.as<uint32_t>();
  double total = 0;
  for (size_t i = 0; i < count; ++i)
    total += kept[i].weight;
  // Weights below this add up to less than 1 - top-p of the total, so none of
  // them is needed. For a peaked distribution hardly any candidate is left.
  double least = (1 - double(options.topP)) * total / double(count);
  size_t needed = 0;
  for (size_t i = 0; i < count; ++i)
    if (kept[i].weight >= least)
      order[needed++] = uint32_t(i);
  // Candidates are in ascending order of ids.
  auto before = [&](uint32_t a, uint32_t b) {
    return kept[a].logit > kept[b].logit ||
           (kept[a].logit == kept[b].logit && a < b);
  };
  // Quickselect for the last token to keep: all in front of `low` are kept and
  // weigh `mass`, all from `high` on are not.
  double limit = double(options.topP) * total, mass = 0;
  size_t low = 0, high = needed;
  constexpr size_t kSmall = 32;
  while (high - low > kSmall) {
    size_t middle = low + (high - low) / 2;
    std::nth_element(order + low, order + middle, order + high, before);
    double upper = 0;
    for (size_t i = low; i < middle; ++i)
      upper += kept[order[i]].weight;
    if (mass + upper >= limit) {
      high = middle;
    } else {
      mass += upper;
      low = middle;
    }
  }
  std::sort(order + low, order + high, before);
  size_t last = low; // the most likely token always stays
  while (last + 1 < high && mass + kept[order[last]].weight < limit)
    mass += kept[order[last++]].weight;

  uint32_t boundary = order[last];
  float logit = kept[boundary].logit;
  size_t left = 0;
  for (size_t i = 0; i < count; ++i)
    if (kept[i].logit > logit || (kept[i].logit == logit && i <= boundary))
      kept[left++] = kept[i];
  return left;
}

gemcut_status Sampler::pick(float *logits, int32_t &id) {
  size_t vocabulary = size_t(model->vocab_size);
  suppress(logits);
  float largest = findLargest(logits, vocabulary);
  if (std::isnan(largest) || largest == INFINITY)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the model returned a logit that is %s; the weights or their "
                "quantization overflow",
                std::isnan(largest) ? "not a number" : "infinite");
  if (largest == kNever)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "no token is left to choose: all are suppressed");
  // A temperature so small that the division overflows is no different from 0.
  if (options.temperature == 0 || std::isinf(largest / options.temperature)) {
    id = int32_t(std::find(logits, logits + vocabulary, largest) - logits);
    return GEMCUT_OK;
  }

  if (options.temperature != 1) {
    for (size_t i = 0; i < vocabulary; ++i)
      logits[i] /= options.temperature;
    largest /= options.temperature;
  }
  size_t k = size_t(options.topK);
  float least = k > 0 && k < vocabulary ? findKthLargest(logits, k) : kNever;
  size_t count = collect(logits, least, largest);
  if (options.topP < 1)
    count = keepTopP(count);

  // The largest weight is exp(0) = 1.
  const auto *kept = candidates.as<Candidate>();
  double total = 0;
  for (size_t i = 0; i < count; ++i)
    if (kept[i].weight >= options.minP)
      total += kept[i].weight;
  double target = random.uniform() * total, sum = 0;
  for (size_t i = 0; i < count; ++i) {
    if (kept[i].weight < options.minP)
      continue;
    sum += kept[i].weight;
    id = kept[i].id; // rounding of the sums must not run off the end
    if (sum > target)
      break;
  }
  return GEMCUT_OK;
}
