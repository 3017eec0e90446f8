//===- TextFields.h - Parts of the text configuration -----------*- C++ -*-===//
//
// The steps of parseModelConfig that read more than single fields. Each leaves
// its errors in `fields`.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_CONFIG_TEXTFIELDS_H
#define GEMCUT_FRONTENDS_CONFIG_TEXTFIELDS_H

#include "frontends/Config/ModelConfig.h"
#include "frontends/Json/JsonFields.h"

#include "llvm/ADT/ArrayRef.h"

namespace gemcut::config {

using checked_json::JsonFields;

// Far above every released model, and small enough that no product of two
// sizes, of three for experts, leaves 64 bits.
inline constexpr int64_t kMaxLayers = 1024;
inline constexpr int64_t kMaxWidth = int64_t(1) << 20;
inline constexpr int64_t kMaxHeads = 4096;
inline constexpr int64_t kMaxExperts = 4096;
inline constexpr int64_t kMaxPositions = int64_t(1) << 24;
inline constexpr int64_t kMaxVocab = int64_t(1) << 24;

// What the configurations of all families have.

/// Keys that every configuration of the library may carry and that say nothing
/// about the function the model computes.
void ignoreCommonKeys(JsonFields &fields);
std::string parseDtype(JsonFields &fields, const std::string &fallback);
/// Reads quantization_config, which a checkpoint of integers has. A warning:
/// what it says about the KV cache, which is not followed.
void parseQuantization(JsonFields &fields, ModelConfig &config,
                       std::vector<std::string> *warnings);
/// Reads tie_word_embeddings: false where one object around says so.
void parseTied(JsonFields &fields, ModelConfig &config);
/// Query heads are a multiple of each layer's key-value heads, head_dim is
/// even.
void checkHeads(JsonFields &fields, const ModelConfig &config);

/// Reads the text part of a Gemma 3 configuration. `dtype`: of the whole model,
/// where the text part does not name its own.
void parseGemma3Text(JsonFields &fields, const std::string &dtype,
                     ModelConfig &config, std::vector<std::string> *warnings);

/// Kinds of `numLayers` layers from layer_types, true for sliding; empty if it
/// is absent or wrong.
std::vector<bool> parseLayerTypes(JsonFields &fields, int64_t numLayers);

// Gemma 4.

/// Resolves `numLayers` layers: kinds, head geometry in both published forms,
/// widths and KV sources. Expects numHeads and numKvSharedLayers.
void parseLayers(JsonFields &fields, int64_t numLayers, ModelConfig &config,
                 std::vector<std::string> *warnings);

/// Reads rope_parameters of the kinds that occur among the resolved layers.
void parseRope(JsonFields &fields, ModelConfig &config,
               std::vector<std::string> *warnings);

/// A warning for each id that no token of the model has. Such ids are harmless:
/// they are never produced.
void warnOutsideVocabulary(JsonFields &fields, const char *key,
                           llvm::ArrayRef<int64_t> ids,
                           const ModelConfig &model,
                           std::vector<std::string> *warnings);

} // namespace gemcut::config

#endif // GEMCUT_FRONTENDS_CONFIG_TEXTFIELDS_H
