//===- sampler.cpp - Logits to the next token -----------------------------===//

#include "runtime/session/sampler.h"

#include "runtime/core/error.h"
#include "runtime/session/kth_largest.h"
#include "runtime/session/select_by_weight.h"

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
  if (!work) {
    if (gemcut_status status =
            ownWork.allocate(gemcut_sampler_bytes(info.vocab_size), "sampler"))
      return status;
    work = ownWork.data();
  }
  sums = reinterpret_cast<double *>(work);
  masses = sums + GEMCUT_SAMPLER_SUMS;
  maxima = reinterpret_cast<float *>(masses + blockCount());
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

float Sampler::findKthLargest(const float *logits, size_t k) const {
  // k blocks reach the k-th largest maximum, so at least k logits do, and few
  // blocks hold them all.
  float bound = kNever;
  float *heap = reinterpret_cast<float *>(sums);
  constexpr size_t kHeap = GEMCUT_SAMPLER_SUMS * sizeof(double) / sizeof(float);
  if (k < blockCount() && k <= kHeap) {
    bound = gemcut::findKthLargest(maxima, blockCount(), k, heap);
    float *reaching = reinterpret_cast<float *>(masses);
    size_t count = 0, room = blockCount() * sizeof(double) / sizeof(float);
    visitFrom(logits, bound, [&](float logit) {
      if (count < room)
        reaching[count] = logit;
      ++count;
    });
    if (count <= room)
      return gemcut::findKthLargest(reaching, count, k, heap);
  }
  return selectByWeight(double(k), sums,
                        [&](const auto &add) {
                          visitFrom(logits, bound,
                                    [&](float logit) { add(logit, 1); });
                        })
      .value;
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

size_t Sampler::weigh(const float *logits, const Candidates &candidates,
                      size_t block, Block &weighed) const {
  const float *from = logits + block * kBlock;
  size_t size = blockEnd(block) - block * kBlock;
  for (size_t i = 0; i < size; ++i) {
    float quotient = from[i] / options.temperature;
    float weight = expOfNegative(quotient - candidates.largest);
    bool isKept = candidates.contain(quotient, int32_t(block * kBlock + i)) &
                  (from[i] != kNever);
    weighed.quotients[i] = quotient;
    weighed.weights[i] = isKept ? weight : 0;
  }
  return size;
}

template <typename Visit>
void Sampler::weighAll(const float *logits, const Candidates &candidates,
                       float least, const Visit &visit) const {
  // A quotient that rounds to `least` or more exceeds the number before
  // `least`.
  float before = std::nextafter(least, kNever);
  float reach = float(double(before) * double(options.temperature));
  reach = std::nextafter(reach, kNever);
  Block weighed;
  for (size_t block = 0; block < blockCount(); ++block)
    if (maxima[block] >= reach && maxima[block] != kNever)
      visit(block, weighed, weigh(logits, candidates, block, weighed));
}

/// What `weights` of at least `least` weigh.
static double addUp(const float *weights, size_t count, float least) {
  constexpr size_t kLanes = 8;
  double lanes[kLanes] = {};
  for (size_t i = 0; i < count; ++i)
    lanes[i % kLanes] += weights[i] >= least ? double(weights[i]) : 0.0;
  double sum = 0;
  for (double lane : lanes)
    sum += lane;
  return sum;
}

void Sampler::keepTopP(const float *logits, Candidates &candidates) const {
  double total = 0;
  size_t count = 0;
  weighAll(logits, candidates, candidates.least,
           [&](size_t, const Block &weighed, size_t size) {
             total += addUp(weighed.weights, size, 0);
             count += size;
           });
  // Weights below this add up to less than 1 - top-p of the total, so none of
  // them is needed. For a peaked distribution hardly any candidate is left.
  double needed = (1 - double(options.topP)) * total / double(count);
  // As for min-p, in quotients with room for rounding.
  float least = candidates.largest + float(std::log(needed)) - 0.01f;
  least = std::max(least, candidates.least);
  double limit = double(options.topP) * total;
  Selection selection = selectByWeight(limit, sums, [&](const auto &add) {
    weighAll(logits, candidates, least,
             [&](size_t, const Block &weighed, size_t size) {
               for (size_t i = 0; i < size; ++i)
                 if (weighed.weights[i] >= needed)
                   add(weighed.quotients[i], weighed.weights[i]);
             });
  });
  // Of equal ones, the lowest ids.
  double mass = selection.above;
  Candidates equal = candidates;
  candidates.least = equal.least = selection.value;
  candidates.last = -1;
  weighAll(logits, equal, equal.least,
           [&](size_t block, const Block &weighed, size_t size) {
             for (size_t i = 0; i < size && mass < limit; ++i) {
               if (weighed.quotients[i] != equal.least)
                 continue;
               candidates.last = int32_t(block * kBlock + i);
               mass += weighed.weights[i];
             }
           });
}

int32_t Sampler::draw(const float *logits, const Candidates &candidates) {
  std::fill(masses, masses + blockCount(), 0.0);
  weighAll(logits, candidates, candidates.least,
           [&](size_t block, const Block &weighed, size_t size) {
             masses[block] = addUp(weighed.weights, size, options.minP);
           });
  double total = 0;
  for (size_t block = 0; block < blockCount(); ++block)
    total += masses[block];
  double target = random.uniform() * total;
  // The block in which the sum passes the target, and the id in it; rounding
  // must not run off their ends.
  size_t chosen = 0;
  double sum = 0, next = 0; // in front of the chosen block and behind it
  for (size_t block = 0; block < blockCount() && next <= target; ++block)
    if (masses[block] > 0) {
      chosen = block;
      sum = next;
      next += masses[block];
    }
  Block weighed;
  size_t size = weigh(logits, candidates, chosen, weighed);
  int32_t drawn = 0;
  for (size_t i = 0; i < size && sum <= target; ++i) {
    float weight = weighed.weights[i];
    if (weight == 0 || weight < options.minP)
      continue;
    sum += weight;
    drawn = int32_t(chosen * kBlock + i);
  }
  return drawn;
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
  Candidates candidates{largest / options.temperature, kNever};
  size_t k = size_t(options.topK);
  if (k > 0 && k < vocabulary)
    candidates.least = findKthLargest(logits, k) / options.temperature;
  if (options.topP < 1)
    keepTopP(logits, candidates);
  else if (options.minP > 0)
    // What min-p drops below need not be looked at; 0.01 is far more than the
    // error of the logarithm and of the weights.
    candidates.least = std::max(
        candidates.least, candidates.largest + std::log(options.minP) - 0.01f);
  id = draw(logits, candidates);
  return GEMCUT_OK;
}
