//===- ModelConfig.cpp - config.json, resolved ----------------------------===//
//
// Rules: the configuration class of transformers 5.24.0
// (models/gemma4/configuration_gemma4.py) and the published files.
//
//===----------------------------------------------------------------------===//

#include "frontends/Config/ModelConfig.h"

#include "frontends/Config/JsonFields.h"

#include "llvm/ADT/StringExtras.h"

using namespace gemcut::config;
using nlohmann::json;

namespace {
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxWidth = int64_t(1) << 24;
constexpr int64_t kMaxHeads = 4096;
constexpr int64_t kMaxPositions = int64_t(1) << 24;
constexpr int64_t kMaxVocab = int64_t(1) << 24;

class TextParser {
public:
  TextParser(JsonFields &fields, ModelConfig &config)
      : fields(fields), config(config) {}

  /// `dtype`: of the whole model, where the text part does not name its own.
  void parse(bool unified, const std::string &dtype) {
    fields.ignore({"model_type", "architectures", "attention_dropout",
                   "initializer_range", "use_cache", "transformers_version",
                   "torch_dtype", "_name_or_path", "return_dict",
                   "output_hidden_states", "output_attentions",
                   "chunk_size_feed_forward", "is_encoder_decoder", "id2label",
                   "label2id", "problem_type"});
    config.dtype = fields.string("dtype", dtype.c_str());
    if (config.dtype != "bfloat16" && config.dtype != "float32" &&
        config.dtype != "float16")
      fields.fail("dtype", "\"bfloat16\", \"float16\" or \"float32\"");
    config.vocabSize = fields.integer("vocab_size", 1, kMaxVocab);
    config.hiddenSize = fields.integer("hidden_size", 1, kMaxWidth);
    int64_t numLayers = fields.integer("num_hidden_layers", 1, kMaxLayers);
    config.numHeads = fields.integer("num_attention_heads", 1, kMaxHeads);
    config.maxPositions =
        fields.integer("max_position_embeddings", 1, kMaxPositions);
    config.rmsNormEps = float(fields.number("rms_norm_eps", 0, 1));
    if (fields.find("final_logit_softcapping"))
      config.finalLogitSoftcap =
          float(fields.number("final_logit_softcapping", 1e-6, 1e6));
    config.perLayerInput =
        unified
            ? (fields.ignore({"hidden_size_per_layer_input"}), 0)
            : fields.integer("hidden_size_per_layer_input", 0, kMaxWidth, 0);
    config.perLayerVocabSize = fields.integer("vocab_size_per_layer_input", 0,
                                              kMaxVocab, config.vocabSize);
    config.numKvSharedLayers =
        fields.integer("num_kv_shared_layers", 0, numLayers, 0);
    expectText("hidden_activation", "gelu_pytorch_tanh");
    if (fields.boolean("attention_bias", false))
      fields.fail("attention_bias", "false, the only supported value");
    if (!fields.boolean("tie_word_embeddings", true))
      fields.fail("tie_word_embeddings",
                  "true: a separate lm_head is not supported yet");
    parseBidirectional();
    parseMoe();
    config.padId = fields.integer("pad_token_id", 0, kMaxVocab, 0);
    config.bosId = fields.integer("bos_token_id", 0, kMaxVocab, 2);
    config.eosIds = fields.integers("eos_token_id", 0, kMaxVocab);
    if (!fields.failed())
      parseLayers(numLayers);
    if (!fields.failed())
      parseRope();
  }

private:
  JsonFields &fields;
  ModelConfig &config;

  void expectText(const char *key, const char *supported) {
    if (fields.string(key, supported) != supported)
      fields.fail(key, std::string("\"") + supported +
                           "\", the only supported value");
  }

  void parseBidirectional() {
    std::string value = fields.string("use_bidirectional_attention", "");
    if (value == "vision")
      config.bidirectionalImages = true;
    else if (!value.empty())
      fields.fail("use_bidirectional_attention",
                  "null or \"vision\", the supported values");
  }

  void parseMoe() {
    config.isMoe = fields.boolean("enable_moe_block", false);
    if (!config.isMoe) {
      fields.ignore({"num_experts", "top_k_experts", "moe_intermediate_size",
                     "expert_intermediate_size"});
      return;
    }
    config.numExperts = fields.integer("num_experts", 1, 4096);
    config.topKExperts = fields.integer(
        "top_k_experts", 1, std::max<int64_t>(config.numExperts, 1));
    const char *width = fields.find("moe_intermediate_size")
                            ? "moe_intermediate_size"
                            : "expert_intermediate_size";
    config.moeIntermediateSize = fields.integer(width, 1, kMaxWidth);
    fields.ignore({"expert_intermediate_size"});
  }

  /// Kinds in order; absent: five sliding layers, then a full one.
  std::vector<bool> slidingLayers(int64_t numLayers) {
    std::vector<bool> sliding(numLayers);
    const json *types = fields.find("layer_types");
    if (types && (!types->is_array() || int64_t(types->size()) != numLayers)) {
      fields.fail("layer_types", "a list of num_hidden_layers = " +
                                     std::to_string(numLayers) + " kinds");
      return sliding;
    }
    for (int64_t i = 0; i < numLayers; ++i) {
      if (!types) {
        sliding[i] = (i + 1) % 6 != 0;
        continue;
      }
      const json &type = (*types)[size_t(i)];
      sliding[i] = type == "sliding_attention";
      if (!sliding[i] && type != "full_attention") {
        fields.fail("layer_types",
                    "\"sliding_attention\" or \"full_attention\" "
                    "for layer " +
                        std::to_string(i));
        return sliding;
      }
    }
    sliding.back() = false; // the configuration class forces it
    return sliding;
  }

  void parseLayers(int64_t numLayers) {
    std::vector<bool> sliding = slidingLayers(numLayers);
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
    const json *perLayer = fields.find("per_layer_config");
    if (perLayer && !perLayer->is_object())
      return fields.fail("per_layer_config", "an object of layer overrides");
    int64_t first = numLayers - config.numKvSharedLayers;
    for (int64_t i = 0; i < numLayers; ++i) {
      LayerConfig layer;
      layer.sliding = sliding[i];
      layer.headDim = sliding[i] || perLayer ? headDim : globalHeadDim;
      layer.kvHeads =
          !sliding[i] && kEqV && !perLayer ? globalKvHeads : kvHeads;
      layer.kEqV = kEqV && !sliding[i];
      layer.ownKv = i < first;
      layer.kvSource = i;
      layer.intermediateSize = doubleWide && i >= first ? 2 * width : width;
      if (perLayer)
        applyOverrides(*perLayer, i, layer);
      if (config.numHeads % layer.kvHeads)
        return fields.failText("layer " + std::to_string(i) +
                               ": num_attention_heads " +
                               std::to_string(config.numHeads) +
                               " is not a multiple of its key-value heads " +
                               std::to_string(layer.kvHeads));
      if (layer.headDim % 2)
        return fields.failText("layer " + std::to_string(i) + ": head_dim " +
                               std::to_string(layer.headDim) + " is not even");
      config.layers.push_back(layer);
    }
    if (perLayer)
      for (const auto &item : perLayer->items()) {
        int64_t index;
        if (llvm::StringRef(item.key()).getAsInteger(10, index) || index < 0 ||
            index >= numLayers)
          return fields.failText("per_layer_config: found layer '" +
                                 item.key() + "', expected 0 to " +
                                 std::to_string(numLayers - 1));
      }
    resolveSources(first);
  }

  void applyOverrides(const json &perLayer, int64_t index, LayerConfig &layer) {
    auto entry = perLayer.find(std::to_string(index));
    if (entry == perLayer.end())
      return;
    std::string where = "per_layer_config." + std::to_string(index);
    auto positive = [&](const std::string &key, int64_t high, int64_t &out) {
      const json &value = (*entry)[key];
      if (!value.is_number_integer() || value.get<int64_t>() < 1 ||
          value.get<int64_t>() > high)
        return fields.failText(where + "." + key +
                               ": expected an integer from 1 to " +
                               std::to_string(high));
      out = value.get<int64_t>();
    };
    if (!entry->is_object())
      return fields.failText(where + ": expected an object");
    for (const auto &item : entry->items()) {
      if (item.key() == "head_dim")
        positive("head_dim", kMaxWidth, layer.headDim);
      else if (item.key() == "num_key_value_heads")
        positive("num_key_value_heads", kMaxHeads, layer.kvHeads);
      else if (item.key() == "intermediate_size")
        positive("intermediate_size", kMaxWidth, layer.intermediateSize);
      else
        fields.failText(where + ": found key '" + item.key() +
                        "', supported are head_dim, num_key_value_heads and "
                        "intermediate_size");
    }
  }

  void resolveSources(int64_t first) {
    for (int64_t i = first; i < config.numLayers(); ++i) {
      LayerConfig &layer = config.layers[i];
      int64_t source = first - 1;
      while (source >= 0 && config.layers[source].sliding != layer.sliding)
        --source;
      if (source < 0)
        return fields.failText(
            "num_kv_shared_layers: layer " + std::to_string(i) +
            " shares keys and values, but no earlier layer with its own is a " +
            (layer.sliding ? "sliding" : "full") + " one");
      const LayerConfig &from = config.layers[source];
      if (from.headDim != layer.headDim || from.kvHeads != layer.kvHeads)
        return fields.failText("layer " + std::to_string(i) +
                               " differs in head_dim or key-value heads from "
                               "layer " +
                               std::to_string(source) +
                               ", whose keys and values it reads");
      layer.kvSource = source;
    }
  }

  void parseRope() {
    const json *parameters = fields.find("rope_parameters");
    fields.ignore({"rope_theta", "rope_local_base_freq", "rope_scaling"});
    if (!parameters || !parameters->is_object())
      return fields.fail("rope_parameters",
                         "an object with sliding_attention and full_attention");
    for (const LayerConfig &layer : config.layers) {
      RopeConfig &rope = layer.sliding ? config.slidingRope : config.fullRope;
      if (rope.rotaryPairs)
        continue;
      parseRopeKind(*parameters,
                    layer.sliding ? "sliding_attention" : "full_attention",
                    layer.headDim, rope);
    }
    for (const LayerConfig &layer : config.layers) {
      const LayerConfig &same =
          *llvm::find_if(config.layers, [&](const LayerConfig &l) {
            return l.sliding == layer.sliding;
          });
      if (same.headDim != layer.headDim)
        return fields.failText(
            "layers of one kind differ in head_dim, which is "
            "not supported");
    }
  }

  void parseRopeKind(const json &parameters, const char *kind, int64_t headDim,
                     RopeConfig &rope) {
    std::string where = std::string("rope_parameters.") + kind;
    rope.rotaryPairs = headDim / 2;
    if (!parameters.contains(kind) || !parameters[kind].is_object())
      return fields.failText(where + ": found nothing, expected an object");
    const json &entry = parameters[kind];
    auto numberOr = [&](const char *key, double fallback) {
      if (!entry.contains(key) || entry[key].is_null())
        return fallback;
      if (!entry[key].is_number()) {
        fields.failText(where + "." + key + ": expected a number");
        return fallback;
      }
      return entry[key].get<double>();
    };
    std::string type = entry.value("rope_type", json("default")).is_string()
                           ? entry.value("rope_type", std::string("default"))
                           : std::string("?");
    rope.theta = numberOr("rope_theta", -1);
    if (rope.theta <= 1)
      return fields.failText(where + ".rope_theta: expected a number above 1");
    if (numberOr("factor", 1.0) != 1.0)
      return fields.failText(where + ".factor: only 1 is supported");
    double partial = numberOr("partial_rotary_factor", 1.0);
    if (partial <= 0 || partial > 1)
      return fields.failText(
          where + ".partial_rotary_factor: expected above 0, up to 1");
    rope.proportional = type == "proportional";
    if (!rope.proportional && (type != "default" || partial != 1.0))
      return fields.failText(where + ".rope_type: found \"" + type +
                             "\" with partial_rotary_factor " +
                             std::to_string(partial) +
                             ", supported are \"default\" (factor 1) and "
                             "\"proportional\"");
    // int(partial_rotary_factor * head_dim // 2), with Python's floor division.
    if (rope.proportional)
      rope.rotaryPairs = int64_t(partial * double(headDim) / 2.0);
    if (rope.rotaryPairs < 1)
      fields.failText(where + ": no pair of dimensions rotates");
    for (const auto &item : entry.items())
      if (item.key() != "rope_type" && item.key() != "rope_theta" &&
          item.key() != "factor" && item.key() != "partial_rotary_factor")
        fields.failText(where + ": found key '" + item.key() +
                        "', which is not supported");
  }
};
} // namespace

llvm::Expected<ModelConfig>
gemcut::config::parseModelConfig(llvm::StringRef jsonText,
                                 llvm::StringRef fileName,
                                 std::vector<std::string> *warnings) {
  auto root = parseJsonObject(jsonText, fileName);
  if (!root)
    return root.takeError();
  ModelConfig config;
  JsonFields top(*root, fileName, "");
  config.modelType = top.string("model_type", "");
  constexpr llvm::StringLiteral kTypes[] = {
      "gemma4", "gemma4_unified", "gemma4_text", "gemma4_unified_text"};
  if (!llvm::is_contained(kTypes, config.modelType))
    top.fail("model_type",
             "one of " + llvm::join(llvm::ArrayRef(kTypes), ", "));
  if (top.find("quantization_config"))
    top.failText("quantization_config: quantized checkpoints are not supported "
                 "yet; use the bfloat16 checkpoint");
  bool nested = !llvm::StringRef(config.modelType).ends_with("_text");
  const json *text = nested ? top.find("text_config") : &*root;
  if (!text || !text->is_object())
    top.fail("text_config", "an object");
  config.hasVisionTower = top.find("vision_config") != nullptr;
  config.hasAudioTower = top.find("audio_config") != nullptr;
  std::vector<int64_t> eos = top.integers("eos_token_id", 0, kMaxVocab);
  std::string dtype = top.string("dtype", "bfloat16");
  if (top.failed())
    return top.takeError();

  JsonFields fields(*text, fileName, nested ? "text_config" : "");
  if (!nested)
    fields.ignore({"quantization_config", "text_config", "vision_config",
                   "audio_config"});
  TextParser(fields, config)
      .parse(config.modelType.find("unified") != std::string::npos, dtype);
  if (fields.failed())
    return fields.takeError();
  if (!eos.empty())
    config.eosIds = eos;
  if (config.eosIds.empty())
    config.eosIds = {1};
  for (int64_t id : config.eosIds)
    if (id >= config.vocabSize && warnings)
      warnings->push_back(
          fileName.str() + ": eos_token_id " + std::to_string(id) +
          " is outside the vocabulary of " + std::to_string(config.vocabSize));
  fields.reportUnknown(warnings);
  if (nested) {
    top.ignore({"architectures", "dtype", "torch_dtype", "initializer_range",
                "transformers_version", "tie_word_embeddings", "image_token_id",
                "audio_token_id", "video_token_id", "boi_token_id",
                "boa_token_id", "eoi_token_id", "eoa_token_id",
                "eoa_token_index", "vision_soft_tokens_per_image",
                "bos_token_id", "pad_token_id", "_name_or_path", "use_cache"});
    top.reportUnknown(warnings);
  }
  return config;
}

GenerationConfig
gemcut::config::defaultGenerationConfig(const ModelConfig &model) {
  GenerationConfig generation;
  generation.bosId = model.bosId;
  generation.padId = model.padId;
  generation.eosIds = model.eosIds;
  return generation;
}

llvm::Expected<GenerationConfig> gemcut::config::parseGenerationConfig(
    llvm::StringRef jsonText, llvm::StringRef fileName,
    const ModelConfig &model, std::vector<std::string> *warnings) {
  auto root = parseJsonObject(jsonText, fileName);
  if (!root)
    return root.takeError();
  GenerationConfig generation = defaultGenerationConfig(model);
  JsonFields fields(*root, fileName, "");
  generation.bosId = fields.integer("bos_token_id", 0, kMaxVocab, model.bosId);
  generation.padId = fields.integer("pad_token_id", 0, kMaxVocab, model.padId);
  std::vector<int64_t> eos = fields.integers("eos_token_id", 0, kMaxVocab);
  if (!eos.empty())
    generation.eosIds = eos;
  generation.doSample = fields.boolean("do_sample", false);
  generation.temperature = float(fields.number("temperature", 0, 1e6, 1.0));
  generation.topK = fields.integer("top_k", 0, kMaxVocab, 0);
  generation.topP = float(fields.number("top_p", 0, 1, 1.0));
  generation.minP = float(fields.number("min_p", 0, 1, 0.0));
  generation.suppressIds = fields.integers("suppress_tokens", 0, kMaxVocab);
  if (fields.failed())
    return fields.takeError();
  fields.ignore({"_from_model_config", "transformers_version", "use_cache",
                 "output_attentions", "output_hidden_states",
                 "cache_implementation", "return_dict_in_generate"});
  fields.reportUnknown(warnings);
  return generation;
}
