//===- ModelConfig.h - config.json, resolved --------------------*- C++ -*-===//
//
// The text part of a Gemma 4 or Gemma 3 configuration with every derived rule
// applied: what head size, KV heads, width and KV source each layer has.
// Accepts all published forms (of Gemma 4: global_head_dim ..., and
// per_layer_config as transformers 5.24.0 writes; of Gemma 3: rope_scaling ...,
// and rope_parameters).
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_CONFIG_MODELCONFIG_H
#define GEMCUT_FRONTENDS_CONFIG_MODELCONFIG_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gemcut::config {

/// Rotary embedding of one layer kind.
struct RopeConfig {
  double theta = 10000.0;
  /// Pairs that rotate: head_dim / 2 for "default", int(factor * head_dim // 2)
  /// for "proportional".
  int64_t rotaryPairs = 0;
  bool proportional = false;
  /// Linear scaling: frequencies are divided by it.
  double factor = 1.0;
};

struct LayerConfig {
  bool sliding = true;
  int64_t headDim = 0;
  int64_t kvHeads = 0;
  int64_t intermediateSize = 0;
  bool ownKv = true;    ///< false: reads the K and V of kvSource
  int64_t kvSource = 0; ///< a layer with own K and V; the layer itself if ownKv
  bool kEqV = false;    ///< V is the raw key projection
};

/// How a checkpoint stores matrices.
enum class StoredAs {
  Floats,
  RowScales,   ///< quant_method "gemma": 2, 4 and 8 bits, one scale per row
  PackedGroups ///< "compressed-tensors", pack-quantized: 4 bits in groups of 32
};

struct ModelConfig {
  std::string modelType; ///< "gemma4", "gemma4_unified", "gemma4_text", ...
  std::string dtype;     ///< "bfloat16", "float32", "float16"
  int64_t vocabSize = 0;
  int64_t hiddenSize = 0;
  int64_t numHeads = 0;
  int64_t slidingWindow = 0;
  int64_t maxPositions = 0;
  float rmsNormEps = 1e-6f;
  std::optional<float> finalLogitSoftcap;
  int64_t perLayerInput = 0; ///< P; 0: no per-layer embeddings
  int64_t perLayerVocabSize = 0;
  int64_t numKvSharedLayers = 0;
  std::vector<LayerConfig> layers;
  RopeConfig slidingRope, fullRope;
  bool isMoe = false;
  int64_t numExperts = 0, topKExperts = 0, moeIntermediateSize = 0;
  bool bidirectionalImages = false; ///< use_bidirectional_attention "vision"
  int64_t padId = 0, bosId = 2;
  std::vector<int64_t> eosIds;
  /// Of images, sound and video: as text they have the rows of padId.
  std::vector<int64_t> placeholderIds;
  bool tiedEmbeddings = true; ///< false: the head is a matrix of its own
  StoredAs storedAs = StoredAs::Floats;
  bool hasVisionTower = false, hasAudioTower = false;

  // What Gemma 3 has otherwise.
  bool valueNorm = true;    ///< values are normed
  bool layerScalar = true;  ///< a layer's output is times a stored scalar
  bool offsetNorms = false; ///< norm weights are stored as w of 1 + w
  double queryScale = 1.0;  ///< factor of attention scores

  int64_t numLayers() const { return int64_t(layers.size()); }
  /// The id whose rows of the tables stand for `id`.
  int64_t embeddedId(int64_t id) const {
    return llvm::is_contained(placeholderIds, id) ? padId : id;
  }
  /// First layer that reads another layer's K and V; numLayers() if none.
  int64_t firstSharedLayer() const { return numLayers() - numKvSharedLayers; }
};

/// Parses config.json of a whole model or of a text-only one. `warnings`, which
/// may be null, receives a sentence for each unknown key and for values that
/// are accepted but not used as written. Required are the fields whose absence
/// the library would fill with a size of another model. Errors name the file,
/// the key, what was found and what is expected or supported; counts, widths
/// and ids are bounded, so that sizes of tensors cannot overflow.
llvm::Expected<ModelConfig>
parseModelConfig(llvm::StringRef jsonText, llvm::StringRef fileName,
                 std::vector<std::string> *warnings);

/// Sampling defaults.
struct GenerationConfig {
  int64_t bosId = 2, padId = 0;
  std::vector<int64_t> eosIds;
  bool doSample = false;
  float temperature = 1.0f;
  int64_t topK = 0;  ///< 0: off
  float topP = 1.0f; ///< 1: off
  float minP = 0.0f; ///< 0: off
  std::vector<int64_t> suppressIds;
};

/// Parses generation_config.json, with the same errors and warnings; what it
/// does not name comes from `model`.
llvm::Expected<GenerationConfig>
parseGenerationConfig(llvm::StringRef jsonText, llvm::StringRef fileName,
                      const ModelConfig &model,
                      std::vector<std::string> *warnings);

/// The defaults of a checkpoint without generation_config.json.
GenerationConfig defaultGenerationConfig(const ModelConfig &model);

} // namespace gemcut::config

#endif // GEMCUT_FRONTENDS_CONFIG_MODELCONFIG_H
