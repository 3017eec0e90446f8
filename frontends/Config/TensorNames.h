//===- TensorNames.h - What a checkpoint must hold --------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CONFIG_TENSORNAMES_H
#define GEMCUT_FRONTENDS_CONFIG_TENSORNAMES_H

#include "frontends/Checkpoint/WeightSource.h"
#include "frontends/Config/ModelConfig.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace gemcut::config {

/// A text tensor by its name without prefix.
struct ExpectedTensor {
  std::string name; ///< "layers.3.mlp.up_proj.weight"
  llvm::SmallVector<int64_t, 3> shape;
  /// K and V of a KV-sharing layer: may be present, is never used.
  bool dead = false;
};

/// Every text tensor of the model, dead ones included. The head of a model
/// whose embeddings are not tied is "lm_head.weight".
std::vector<ExpectedTensor> expectedTextTensors(const ModelConfig &config);

/// The matrices of experts as tensors of their own, "layers.3.experts.17.
/// up_proj.weight", which some checkpoints hold instead of the stacked ones.
std::vector<ExpectedTensor> singleExpertTensors(const ModelConfig &config);

/// The name in a checkpoint of the tensor that `name` is the expected name of:
/// behind the prefix, but for the head, which stands beside the text model.
std::string tensorName(llvm::StringRef prefix, llvm::StringRef name);

/// tensorName for every prefix.
std::vector<std::string> candidateNames(llvm::StringRef name);

/// The scales that the layer of `matrix` rounds its input and output under, if
/// a checkpoint can hold them ("gemma" method): of all linear layers but the
/// per-layer projection of the whole model. One value each; of stacked experts,
/// "layers.3.experts.down_proj.input_activation_scale", one for every expert,
/// and of their outputs one for every matrix, gate and up of an expert in
/// turns.
std::vector<ExpectedTensor> activationScales(const ModelConfig &config,
                                             const ExpectedTensor &matrix);

/// The prefix of text tensors: "model.language_model.", "language_model.model."
/// or "model.". Error: none of them stands before embed_tokens.weight.
llvm::Expected<std::string>
findTextPrefix(const checkpoint::WeightSource &weights,
               llvm::StringRef checkpointPath);

/// How the checkpoint agrees with the configuration.
struct TensorCheck {
  std::string prefix;
  int64_t deadTensors = 0; ///< unused K and V of sharing layers
  int64_t visionTensors = 0, audioTensors = 0; ///< not used
  int64_t towerTensors = 0;                    ///< both of them
  uint64_t skippedBytes = 0; ///< of dead, vision and audio tensors

  /// "12 unused key and value, 355 vision and 0 audio tensors (1.2 MB) are
  /// skipped", or nothing if none is.
  std::string describeSkipped() const;
};

/// Checks presence, shape and dtype of every text tensor. Errors name the file,
/// the tensor, what was found and what is expected; a text tensor that the
/// model does not have is an error as well.
llvm::Expected<TensorCheck>
checkTensors(const ModelConfig &config, const checkpoint::WeightSource &weights,
             llvm::StringRef checkpointPath);

} // namespace gemcut::config

#endif // GEMCUT_FRONTENDS_CONFIG_TENSORNAMES_H
