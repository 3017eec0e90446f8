//===- FoldedWeights.cpp - Gemma 3 weights as multipliers -----------------===//

#include "frontends/Gemma3/FoldedWeights.h"

using namespace gemcut::gemma3;
using gemcut::checkpoint::WeightInfo;
using llvm::StringRef;

/// True for "model.norm.weight", "….layers.3.self_attn.q_norm.weight".
static bool isNorm(StringRef name) { return name.ends_with("norm.weight"); }

std::optional<WeightInfo> FoldedWeights::find(StringRef name) const {
  std::optional<WeightInfo> info = getSource().find(name);
  if (isNorm(name))
    makeComputed(info);
  return info;
}

llvm::Error FoldedWeights::readF32(StringRef name, int64_t firstElement,
                                   llvm::MutableArrayRef<float> out) const {
  if (llvm::Error error = getSource().readF32(name, firstElement, out))
    return error;
  if (!isNorm(name))
    return llvm::Error::success();
  const float scale = name.ends_with(".q_norm.weight") ? queryScale : 1.0f;
  for (float &value : out)
    value = scale * (normOffset + value);
  return llvm::Error::success();
}

std::unique_ptr<gemcut::checkpoint::WeightSource>
gemcut::gemma3::foldWeights(const config::ModelConfig &config,
                            std::unique_ptr<checkpoint::WeightSource> source) {
  if (!config.offsetNorms && config.queryScale == 1)
    return source;
  return std::make_unique<FoldedWeights>(std::move(source),
                                         config.offsetNorms ? 1.0f : 0.0f,
                                         float(config.queryScale));
}
