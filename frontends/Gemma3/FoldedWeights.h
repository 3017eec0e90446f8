//===- FoldedWeights.h - Gemma 3 weights as multipliers ---------*- C++ -*-===//
//
// What Gemma 3 computes otherwise than Gemma 4 and its weights can carry. With
// it folded in, both families are one graph: gemma4::importModel.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GEMMA3_FOLDEDWEIGHTS_H
#define GEMCUT_FRONTENDS_GEMMA3_FOLDEDWEIGHTS_H

#include "frontends/Checkpoint/WeightFilter.h"
#include "frontends/Config/ModelConfig.h"

namespace gemcut::gemma3 {

/// The weights of another source, with those of the text norms as multipliers:
///
///   norm    normOffset + w                 RMS(z) * (1 + w), HF: Gemma3RMSNorm
///   q_norm  queryScale * (normOffset + w)  scores * queryScale, HF: scaling =
///                                          query_pre_attn_scalar^(-1/2)
///
/// computed in float32, which is then the dtype of norms: 1 + w of a bfloat16 w
/// is none. The factor of the scores commutes with the rotation of the query.
/// All other tensors are as they are.
class FoldedWeights : public checkpoint::WeightFilter {
public:
  /// `normOffset`: 1 where the file holds w of 1 + w (safetensors), 0 where it
  /// holds the sum (GGUF).
  FoldedWeights(std::unique_ptr<checkpoint::WeightSource> source,
                float normOffset, float queryScale)
      : WeightFilter(std::move(source)), normOffset(normOffset),
        queryScale(queryScale) {}

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override;
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override;

private:
  const float normOffset, queryScale;
};

/// The weights of a safetensors checkpoint of a model with `config` as its
/// graph reads them: `source` itself if `config` leaves nothing to fold.
std::unique_ptr<checkpoint::WeightSource>
foldWeights(const config::ModelConfig &config,
            std::unique_ptr<checkpoint::WeightSource> source);

} // namespace gemcut::gemma3

#endif // GEMCUT_FRONTENDS_GEMMA3_FOLDEDWEIGHTS_H
