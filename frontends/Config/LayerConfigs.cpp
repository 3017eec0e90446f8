//===- LayerConfigs.cpp - What each layer of the model is -----------------===//
//
// Rules: the configuration class of transformers 5.24.0
// (models/gemma4/configuration_gemma4.py).
//
//===----------------------------------------------------------------------===//

#include "frontends/Config/TextFields.h"

#include "frontends/Json/CheckedJson.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut;
using namespace gemcut::config;
using nlohmann::json;

std::vector<bool> gemcut::config::parseLayerTypes(JsonFields &fields,
                                                  int64_t numLayers) {
  const json *types = fields.find("layer_types");
  if (!types)
    return {};
  if (!types->is_array() || int64_t(types->size()) != numLayers) {
    fields.fail("layer_types", "a list of " + std::to_string(numLayers) +
                                   " kinds, as many as num_hidden_layers");
    return {};
  }
  std::vector<bool> sliding;
  for (const json &type : *types) {
    sliding.push_back(type == "sliding_attention");
    if (!sliding.back() && type != "full_attention") {
      fields.failText(fields.path("layer_types") + ": found " +
                      checked_json::briefJson(type) + " for layer " +
                      std::to_string(sliding.size() - 1) +
                      ", supported are \"sliding_attention\" and "
                      "\"full_attention\"");
      return {};
    }
  }
  return sliding;
}

/// Kinds in order, true for sliding. Absent: five sliding layers, then a full
/// one, repeated. The last layer is full whatever the file says.
static std::vector<bool> parseKinds(JsonFields &fields, int64_t numLayers,
                                    std::vector<std::string> *warnings) {
  std::vector<bool> sliding = parseLayerTypes(fields, numLayers);
  if (sliding.empty())
    for (int64_t i = 0; i < numLayers; ++i)
      sliding.push_back((i + 1) % 6 != 0);
  else if (sliding.back())
    fields.warn("layer_types",
                "the last layer is sliding_attention, but the model makes it "
                "full_attention",
                warnings);
  sliding.back() = false;
  return sliding;
}

/// Applies the form of transformers 5.24.0: layer index -> own values.
static void applyOverrides(JsonFields &fields, ModelConfig &config) {
  const json *source = fields.find("per_layer_config");
  if (!source)
    return;
  JsonFields perLayer = fields.object("per_layer_config");
  if (fields.failed())
    return;
  const json *globalHeadDim = fields.find("global_head_dim");
  const json *globalKvHeads = fields.find("num_global_key_value_heads");
  for (const auto &item : source->items()) {
    const std::string &key = item.key();
    int64_t index;
    if (llvm::StringRef(key).getAsInteger(10, index) ||
        std::to_string(index) != key || index < 0 ||
        index >= config.numLayers())
      return fields.failText(fields.path("per_layer_config") +
                             ": found layer " + checked_json::quoteName(key) +
                             ", expected 0 to " +
                             std::to_string(config.numLayers() - 1));
    LayerConfig &layer = config.layers[size_t(index)];
    JsonFields entry = perLayer.object(key.c_str());
    layer.headDim = entry.integer("head_dim", 2, kMaxWidth, layer.headDim);
    layer.kvHeads =
        entry.integer("num_key_value_heads", 1, kMaxHeads, layer.kvHeads);
    layer.intermediateSize = entry.integer("intermediate_size", 1, kMaxWidth,
                                           layer.intermediateSize);
    if (entry.integer("num_attention_heads", 1, kMaxHeads, config.numHeads) !=
        config.numHeads)
      entry.fail("num_attention_heads",
                 std::to_string(config.numHeads) + ", the same in every layer");
    // Files have either form; where both occur they must say the same.
    if (!layer.sliding && globalHeadDim && *globalHeadDim != layer.headDim)
      entry.fail("head_dim", "global_head_dim = " +
                                 checked_json::briefJson(*globalHeadDim));
    if (layer.kEqV && globalKvHeads && *globalKvHeads != layer.kvHeads)
      entry.fail("num_key_value_heads",
                 "num_global_key_value_heads = " +
                     checked_json::briefJson(*globalKvHeads));
    entry.failUnknown("head_dim, num_key_value_heads and intermediate_size");
    perLayer.merge(entry);
  }
  fields.merge(perLayer);
}

/// A layer from the first shared one on reads the K and V of the last earlier
/// layer of its own kind that has them.
static void resolveSources(JsonFields &fields, ModelConfig &config) {
  for (int64_t i = config.firstSharedLayer(); i < config.numLayers(); ++i) {
    LayerConfig &layer = config.layers[size_t(i)];
    int64_t source = config.firstSharedLayer() - 1;
    while (source >= 0 &&
           config.layers[size_t(source)].sliding != layer.sliding)
      --source;
    if (source < 0)
      return fields.failText(
          fields.path("num_kv_shared_layers") + ": layer " + std::to_string(i) +
          " shares keys and values, but none of the " +
          std::to_string(config.firstSharedLayer()) +
          " layers with their own is a " +
          (layer.sliding ? "sliding_attention" : "full_attention") + " layer");
    const LayerConfig &from = config.layers[size_t(source)];
    if (from.headDim != layer.headDim || from.kvHeads != layer.kvHeads)
      return fields.failText(
          fields.path("num_kv_shared_layers") + ": layer " + std::to_string(i) +
          " has head_dim " + std::to_string(layer.headDim) + " and " +
          std::to_string(layer.kvHeads) + " key-value heads, but layer " +
          std::to_string(source) + ", whose keys and values it reads, has " +
          std::to_string(from.headDim) + " and " +
          std::to_string(from.kvHeads));
    layer.kvSource = source;
  }
}

void gemcut::config::checkHeads(JsonFields &fields, const ModelConfig &config) {
  for (const auto &[i, layer] : llvm::enumerate(config.layers)) {
    std::string where = "layer " + std::to_string(i) + ": ";
    if (config.numHeads % layer.kvHeads)
      fields.failText(where + "num_attention_heads is " +
                      std::to_string(config.numHeads) +
                      ", expected a multiple of its " +
                      std::to_string(layer.kvHeads) + " key-value heads");
    if (layer.headDim % 2)
      fields.failText(where + "head_dim is " + std::to_string(layer.headDim) +
                      ", expected an even number");
  }
}

void gemcut::config::parseLayers(JsonFields &fields, int64_t numLayers,
                                 ModelConfig &config,
                                 std::vector<std::string> *warnings) {
  std::vector<bool> sliding = parseKinds(fields, numLayers, warnings);
  int64_t width = fields.integer("intermediate_size", 1, kMaxWidth);
  bool doubleWide = fields.boolean("use_double_wide_mlp", false);
  int64_t headDim = fields.integer("head_dim", 2, kMaxWidth);
  int64_t kvHeads = fields.integer("num_key_value_heads", 1, kMaxHeads);
  int64_t globalHeadDim =
      fields.integer("global_head_dim", 2, kMaxWidth, headDim);
  int64_t globalKvHeads =
      fields.integer("num_global_key_value_heads", 1, kMaxHeads, kvHeads);
  bool kEqV = fields.boolean("attention_k_eq_v", false);
  if (llvm::is_contained(sliding, true))
    config.slidingWindow = fields.integer("sliding_window", 1, kMaxPositions);
  else
    fields.ignore({"sliding_window"});
  for (int64_t i = 0; i < numLayers; ++i) {
    LayerConfig layer;
    bool shared = i >= numLayers - config.numKvSharedLayers;
    layer.sliding = sliding[size_t(i)];
    layer.kEqV = kEqV && !layer.sliding;
    layer.headDim = layer.sliding ? headDim : globalHeadDim;
    // The global count of KV heads belongs to K = V layers only.
    layer.kvHeads = layer.kEqV ? globalKvHeads : kvHeads;
    layer.intermediateSize = doubleWide && shared ? 2 * width : width;
    layer.ownKv = !shared;
    layer.kvSource = i;
    config.layers.push_back(layer);
  }
  applyOverrides(fields, config);
  if (fields.failed())
    return;
  checkHeads(fields, config);
  resolveSources(fields, config);
}
