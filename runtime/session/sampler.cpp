//===- sampler.cpp - Logits to the next token -----------------------------===//

#include "runtime/session/sampler.h"

#include "runtime/core/error.h"
#include "runtime/session/kth_largest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

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

gemcut_status gemcut::checkSampling(const SamplerOptions &options) {
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
                            const SamplerOptions &what, uint8_t *work) {
  model = &info;
  options = what;
  random = Pcg32(options.seed);
  if (gemcut_status status = checkSampling(options))
    return status;
  size_t vocabulary = size_t(info.vocab_size);
  static_assert(sizeof(Candidate) == 12, "as gemcut_sampler_bytes counts it");
  if (!work) {
    if (gemcut_status status =
            ownWork.allocate(gemcut_sampler_bytes(info.vocab_size), "sampler"))
      return status;
    work = ownWork.data();
  }
  candidates = reinterpret_cast<Candidate *>(work);
  ranked = reinterpret_cast<uint32_t *>(candidates + vocabulary);
  maxima = reinterpret_cast<float *>(ranked + vocabulary);
  return options.noRepeat ? forbidden.allocate(vocabulary, "sampler")
                          : GEMCUT_OK;
}

void Sampler::exchange(SamplerOptions &otherOptions, Pcg32 &otherRandom) {
  std::swap(options, otherOptions);
  std::swap(random, otherRandom);
}

size_t Sampler::countNeeded() const {
  if (options.noRepeat)
    return 0;
  return options.temperature == 0 ? 1 : size_t(options.topK);
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

float Sampler::scanBlocks(const float *logits) {
  // Independent lanes, which become vectors of the baseline ISA.
  constexpr size_t kLanes = 16;
  float *largest = maxima;
  uint32_t unordered[kLanes] = {};
  for (size_t block = 0; block < blockCount(); ++block) {
    const float *values = logits + block * kBlock;
    size_t count = blockEnd(block) - block * kBlock, i = 0;
    float lanes[kLanes];
    std::fill(lanes, lanes + kLanes, kNever);
    for (; i + kLanes <= count; i += kLanes)
      for (size_t lane = 0; lane < kLanes; ++lane) {
        float value = values[i + lane];
        lanes[lane] = value > lanes[lane] ? value : lanes[lane];
        unordered[lane] |= value != value;
      }
    for (size_t lane = 0; i + lane < count; ++lane) {
      float value = values[i + lane];
      lanes[lane] = value > lanes[lane] ? value : lanes[lane];
      unordered[lane] |= value != value;
    }
    for (size_t width = kLanes / 2; width; width /= 2)
      for (size_t lane = 0; lane < width; ++lane)
        lanes[lane] = lanes[lane + width] > lanes[lane] ? lanes[lane + width]
                                                        : lanes[lane];
    largest[block] = lanes[0];
  }
  for (uint32_t bad : unordered)
    if (bad)
      return NAN;
  return *std::max_element(largest, largest + blockCount());
}

int32_t Sampler::findFirst(const float *logits, float largest) const {
  const float *of = maxima;
  size_t block = size_t(std::find(of, of + blockCount(), largest) - of);
  const float *begin = logits + block * kBlock;
  return int32_t(std::find(begin, logits + blockEnd(block), largest) - logits);
}

float Sampler::findKthLargest(const float *logits, size_t k) {
  float *heap = reinterpret_cast<float *>(ranked);
  if (k >= blockCount())
    return gemcut::findKthLargest(logits, size_t(model->vocab_size), k, heap);
  // k blocks reach the k-th largest maximum, so at least k logits do, and few
  // blocks hold them all.
  const float *largest = maxima;
  float bound = gemcut::findKthLargest(largest, blockCount(), k, heap);
  float *reaching = reinterpret_cast<float *>(candidates);
  size_t count = 0;
  for (size_t block = 0; block < blockCount(); ++block)
    if (largest[block] >= bound)
      for (size_t i = block * kBlock; i < blockEnd(block); ++i)
        if (logits[i] >= bound)
          reaching[count++] = logits[i];
  return gemcut::findKthLargest(reaching, count, k, heap);
}

/// exp(x) for x <= 0 within 2 ulp, 0 below the smallest normal number; the
/// same on every machine. Without branches, so that loops become vectors.
/// Polynomial: Cephes expf.c, exp(r) = 1 + r + r^2 P(r) for |r| <= ln(2) / 2.
static inline float expOfNegative(float x) {
  constexpr float kLeast = -87.33654f; // ln(2^-126)
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  float clamped = x > kLeast ? x : kLeast;
  int32_t power = int32_t(clamped * 1.44269504f - 0.5f); // to the nearest
  float r = clamped - float(power) * kLn2High - float(power) * kLn2Low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  float value = p * r * r + r + 1;
  int32_t bits = (power + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return x > kLeast ? value * scale : 0;
}

size_t Sampler::collect(const float *logits, float least, float largest) {
  // A quotient that rounds to `least` or more exceeds the number before
  // `least`.
  float before = std::nextafter(least, kNever);
  float reach = float(double(before) * double(options.temperature));
  reach = std::nextafter(reach, kNever);
  Candidate *kept = candidates;
  const float *of = maxima;
  size_t count = 0;
  for (size_t block = 0; block < blockCount(); ++block) {
    if (!(of[block] >= reach) || of[block] == kNever)
      continue;
    const float *from = logits + block * kBlock;
    size_t size = blockEnd(block) - block * kBlock;
    float scaled[kBlock], weights[kBlock];
    for (size_t i = 0; i < size; ++i) {
      scaled[i] = from[i] / options.temperature;
      weights[i] = expOfNegative(scaled[i] - largest);
    }
    for (size_t i = 0; i < size; ++i) {
      // Written in any case: there is room, and no branch to mispredict.
      kept[count] = {scaled[i], weights[i], int32_t(block * kBlock + i)};
      count += scaled[i] >= least && from[i] != kNever;
    }
  }
  return count;
}

size_t Sampler::keepTopP(size_t count) {
  Candidate *kept = candidates;
  uint32_t *order = ranked;
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
  float largest = scanBlocks(logits);
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
    id = findFirst(logits, largest);
    return GEMCUT_OK;
  }

  // Division by the temperature keeps the order, so the k-th largest quotient
  // is that of the k-th largest logit.
  largest /= options.temperature;
  size_t k = size_t(options.topK);
  float least = k > 0 && k < vocabulary
                    ? findKthLargest(logits, k) / options.temperature
                    : kNever;
  if (options.topP >= 1 && options.minP > 0) {
    // What min-p drops below need not be looked at; 0.01 is far more than the
    // error of the logarithm and of the weights.
    least = std::max(least, largest + std::log(options.minP) - 0.01f);
  }
  size_t count = collect(logits, least, largest);
  if (options.topP < 1)
    count = keepTopP(count);

  // The largest weight is exp(0) = 1.
  const Candidate *kept = candidates;
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
