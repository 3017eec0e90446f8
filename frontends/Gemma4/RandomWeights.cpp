//===- RandomWeights.cpp - Weights that follow from their names -----------===//

#include "frontends/Gemma4/RandomWeights.h"

#include "llvm/ADT/STLExtras.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::gemma4;
using gemcut::checkpoint::ElementType;
using llvm::StringRef;

/// Finalizer of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom
/// Number Generators, 2014).
static inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static uint64_t fnv1a(StringRef text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (char c : text)
    hash = (hash ^ uint8_t(c)) * 0x100000001B3u;
  return hash;
}

static std::string canonicalName(StringRef name) {
  name.consume_front("model.language_model.") ||
      name.consume_front("language_model.model.") ||
      name.consume_front("model.");
  return ("model.language_model." + name).str();
}

std::pair<float, float>
gemcut::gemma4::randomRange(StringRef name, llvm::ArrayRef<int64_t> shape,
                            bool offsetNorms) {
  auto [path, leaf] = name.rsplit('.');
  StringRef parent = path.rsplit('.').second;
  // Inputs are about 1, and outputs of these weights a few times that.
  if (leaf == "input_activation_scale")
    return {1.0f / 32, 0.0f};
  if (leaf == "output_activation_scale")
    return {1.0f / 16, 0.0f};
  if (leaf == "layer_scalar")
    return {0.75f, 0.25f};
  if (leaf == "per_expert_scale")
    return {1.0f, 0.5f};
  if (parent.contains("norm") && offsetNorms)
    return {0.0f, 0.25f};
  if (parent == "q_norm") {
    float middle = shape[0] <= 64 ? 1.0f : shape[0] <= 256 ? 0.25f : 0.125f;
    return {middle, middle / 4};
  }
  if (parent.contains("norm") || leaf == "scale")
    return {1.0f, 0.25f};
  if (parent == "embed_tokens_per_layer")
    return {0.0f, 1.0f};
  bool isExpert = leaf == "gate_up_proj" || leaf == "down_proj";
  int64_t fanIn = 1;
  for (int64_t size : shape.drop_front(isExpert ? shape.size() - 1 : 1))
    fanIn *= size;
  float amplitude = fanIn <= 256    ? 0.25f
                    : fanIn <= 1024 ? 0.125f
                    : fanIn <= 4096 ? 0.0625f
                                    : 0.03125f;
  return {0.0f, parent == "embed_tokens" ? 4 * amplitude : amplitude};
}

static float roundToBF16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits += 0x7FFF + ((bits >> 16) & 1);
  bits &= 0xFFFF0000u;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

RandomWeights::RandomWeights(llvm::StringMap<checkpoint::WeightInfo> tensors,
                             uint64_t seed, bool offsetNorms)
    : tensors(std::move(tensors)), seedBits(mix(seed)),
      offsetNorms(offsetNorms) {}

std::optional<checkpoint::WeightInfo>
RandomWeights::find(StringRef name) const {
  auto it = tensors.find(name);
  if (it == tensors.end())
    return std::nullopt;
  return it->second;
}

std::vector<std::string> RandomWeights::names() const {
  std::vector<std::string> result;
  for (StringRef name : tensors.keys())
    result.push_back(name.str());
  llvm::sort(result);
  return result;
}

llvm::Error RandomWeights::readF32(StringRef name, int64_t firstElement,
                                   llvm::MutableArrayRef<float> out) const {
  std::optional<checkpoint::WeightInfo> info = find(name);
  if (llvm::Error error = checkRead(name, info, firstElement, out.size()))
    return error;
  auto [a, b] = randomRange(name, info->shape, offsetNorms);
  const uint64_t first = (fnv1a(canonicalName(name)) ^ seedBits) +
                         0x9E3779B97F4A7C15u + uint64_t(firstElement);
  const int64_t count = out.size();
  float *values = out.data();
  // Without 64-bit vector products, the vectorized loop is the slower one.
#pragma clang loop vectorize(disable)
  for (int64_t i = 0; i < count; ++i) {
    float s = float(int32_t(mix(first + i) >> 48)) * (2.0f / 65536) - 1;
    values[i] = a + b * s;
  }
  if (info->type == ElementType::BF16)
    for (float &value : out)
      value = roundToBF16(value);
  if (info->type == ElementType::F16)
    for (float &value : out)
      value = float(_Float16(value));
  return llvm::Error::success();
}
