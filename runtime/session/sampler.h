//===- sampler.h - Logits to the next token ---------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_SAMPLER_H
#define GEMCUT_RUNTIME_SESSION_SAMPLER_H

#include "runtime/abi/memory_plan.h"
#include "runtime/abi/status.h"
#include "runtime/core/memory.h"
#include "runtime/session/random.h"

#include <cstddef>
#include <cstdint>

namespace gemcut {

struct SamplerOptions {
  float temperature = 1; // 0: the most likely token
  int32_t topK = 0;      // 0: off
  float topP = 1;        // 1: off
  float minP = 0;        // 0: off
  uint64_t seed = 0;
  bool noRepeat = false; // never an id that `forbid` was called with
};

/// The defaults that the model's generation_config.json gives.
SamplerOptions getDefaultSampling(const gemcut_model_info &model);

/// GEMCUT_INVALID_ARGUMENT: temperature or min-p below 0, top-p outside (0, 1],
/// min-p above 1, top-k below 0, or one is not a number.
[[nodiscard]] gemcut_status checkSampling(const SamplerOptions &options);

/// Picks tokens. On float32 logits, in this order (transformers 5.24,
/// generation/logits_process.py):
///
/// * suppress: ids of the model's list, and with noRepeat the ids already
///   seen, get -inf
/// * temperature: l / temperature; 0 takes the largest logit, the lowest id of
///   equal ones, and uses no random number
/// * top-k: keeps logits >= the k-th largest, so all that are equal to it
/// * top-p: orders by (logit descending, id ascending) and keeps a token if
///   the probability of all before it is below top-p
/// * min-p: keeps tokens with probability >= min-p times the largest
/// * draw: u * (sum of weights) with one Pcg32::uniform(), walking the kept
///   ids in ascending order
///
/// Weights are exp(l - max l) in float32, their sums in float64. One pass over
/// the logits finds the largest of each block of 64; what follows looks only
/// into the blocks that can hold what it wants, and computes weights again
/// where it needs them: candidates are never stored. `pick` allocates nothing.
class Sampler {
public:
  /// `work`: gemcut_sampler_bytes that nobody else uses during `pick`
  /// (Session::getSamplerWork); null: the sampler allocates them. Errors: as
  /// checkSampling.
  [[nodiscard]] gemcut_status open(const gemcut_model_info &model,
                                   const SamplerOptions &options,
                                   uint8_t *work = nullptr);

  /// Swaps in another sequence's options and random numbers, which share the
  /// memory of this sampler. The options must have passed `checkSampling`;
  /// noRepeat must be off in both.
  void exchange(SamplerOptions &otherOptions, Pcg32 &otherRandom);

  /// Chooses from `logits` (V,); those of suppressed ids become -inf.
  /// GEMCUT_INVALID_ARGUMENT: a logit is NaN or +inf, or no token is left.
  [[nodiscard]] gemcut_status pick(float *logits, int32_t &id);

  /// How many of the largest logits (suppressed ids of the model left aside,
  /// all that are equal to the last included) decide what `pick` gives; it
  /// takes -inf for any other. 0: all of them.
  size_t countNeeded() const;

  /// With noRepeat, `id` is not picked from now on.
  void forbid(int32_t id);
  void forgetForbidden();

  const SamplerOptions &getOptions() const { return options; }

private:
  static constexpr size_t kBlock = GEMCUT_SAMPLER_BLOCK;

  size_t blockCount() const {
    return (size_t(model->vocab_size) + kBlock - 1) / kBlock;
  }
  size_t blockEnd(size_t block) const {
    size_t end = (block + 1) * kBlock, count = size_t(model->vocab_size);
    return end < count ? end : count;
  }

  void suppress(float *logits) const;
  /// The largest logit, also of each block; NaN if one is.
  float scanBlocks(const float *logits);
  /// The lowest id whose logit is the largest.
  int32_t findFirst(const float *logits, float largest) const;
  float findKthLargest(const float *logits, size_t k) const;
  /// Calls visit(logit) for all logits >= `least`, in order of ids.
  template <typename Visit>
  void visitFrom(const float *logits, float least, const Visit &visit) const {
    for (size_t block = 0; block < blockCount(); ++block)
      if (maxima[block] >= least)
        for (size_t i = block * kBlock; i < blockEnd(block); ++i)
          if (logits[i] >= least)
            visit(logits[i]);
  }

  /// What is left to draw from: quotients above `least`, and those equal to it
  /// with ids up to `last`.
  struct Candidates {
    float largest; // quotient
    float least;
    int32_t last = INT32_MAX;

    bool contain(float quotient, int32_t id) const {
      return (quotient > least) | ((quotient == least) & (id <= last));
    }
  };

  /// Quotients of a block, and weights: 0 of those that are no candidates.
  struct Block {
    float quotients[kBlock], weights[kBlock];
  };

  /// The number of ids in `block`.
  size_t weigh(const float *logits, const Candidates &candidates, size_t block,
               Block &weighed) const;
  /// Calls visit(block, weighed, number of ids) for all blocks with a quotient
  /// of `least` or more.
  template <typename Visit>
  void weighAll(const float *logits, const Candidates &candidates, float least,
                const Visit &visit) const;
  void keepTopP(const float *logits, Candidates &candidates) const;
  int32_t draw(const float *logits, const Candidates &candidates);

  SamplerOptions options;
  const gemcut_model_info *model = nullptr;
  Pcg32 random{0};
  Memory ownWork;
  // In the work memory.
  double *sums = nullptr;   // (GEMCUT_SAMPLER_SUMS,) of selectByWeight
  double *masses = nullptr; // (blocks,) what the candidates of each weigh
  float *maxima = nullptr;  // (blocks,) the largest logit of each block
  Memory forbidden;         // (V,) uint8
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_SAMPLER_H
