//===- RandomWeights.h - Weights that follow from their names ---*- C++ -*-===//
//
// Deterministic weights for a model of which only config.json exists: for
// models too large to store with a test, and for benchmarks without a download.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GEMMA4_RANDOMWEIGHTS_H
#define GEMCUT_FRONTENDS_GEMMA4_RANDOMWEIGHTS_H

#include "frontends/Checkpoint/WeightSource.h"

#include "llvm/ADT/StringMap.h"

#include <utility>

namespace gemcut::gemma4 {

/// Element i (row-major) of a tensor is a + b * s with s in [-1, 1) from a hash
/// of the canonical name and i:
///
///   h = fnv1a64(canonical name) xor mix(seed)
///   s = 2 * (mix(h + i + 0x9E3779B97F4A7C15) >> 48) / 65536 - 1
///
/// mix is the finalizer of splitmix64, and mix(0) = 0. The canonical name is
/// `model.language_model.` and the name without its prefix, so that prefixes do
/// not change values. (a, b) is randomRange. Seed 0 is the rule of
/// test/tools/write_checkpoint.py, bit for bit. BF16 and F16 tensors hold the
/// value rounded to nearest even.
class RandomWeights : public checkpoint::WeightSource {
public:
  /// `tensors`: dtype and shape by full name. `offsetNorms`: see randomRange.
  explicit RandomWeights(llvm::StringMap<checkpoint::WeightInfo> tensors,
                         uint64_t seed = 0, bool offsetNorms = false);

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override;
  std::vector<std::string> names() const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;

private:
  const llvm::StringMap<checkpoint::WeightInfo> tensors;
  const uint64_t seedBits;
  const bool offsetNorms;
};

/// (a, b) for the text tensor `name` of this shape. They keep activations and
/// attention scores moderate: linears get smaller with their fan-in, norms are
/// around 1, q_norm below it for wide heads. With `offsetNorms` the multiplier
/// of a norm is 1 + its weight: these, q_norm included, are around 0.
std::pair<float, float> randomRange(llvm::StringRef name,
                                    llvm::ArrayRef<int64_t> shape,
                                    bool offsetNorms = false);

} // namespace gemcut::gemma4

#endif // GEMCUT_FRONTENDS_GEMMA4_RANDOMWEIGHTS_H
