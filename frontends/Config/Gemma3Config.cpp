//===- Gemma3Config.cpp - The text part of a Gemma 3 configuration --------===//
//
// Rules: the configuration class of transformers 5.24.0
// (models/gemma3/configuration_gemma3.py) and the published files. Those of 4B
// and up name only what differs from the library's defaults.
//
//===----------------------------------------------------------------------===//

#include "frontends/Config/TextFields.h"

#include <cmath>

using namespace gemcut::config;

/// One kind's rotary embedding from rope_parameters or, with `type`
/// "rope_type", from rope_scaling, where theta is a key of its own.
static RopeConfig parseScaling(JsonFields &fields, int64_t headDim,
                               std::optional<double> theta) {
  RopeConfig rope;
  rope.rotaryPairs = headDim / 2;
  const char *key = !fields.find("rope_type") && fields.find("type")
                        ? "type" // an older name
                        : "rope_type";
  std::string type = fields.string(key, "default");
  if (type != "default" && type != "linear")
    fields.refuse(key, "\"default\" or \"linear\", the supported values");
  rope.theta = theta ? *theta : fields.number("rope_theta", 1, 1e12);
  if (type == "linear")
    rope.factor = fields.number("factor", 1, 1e6);
  else if (fields.number("factor", 0, 1e6, 1) != 1)
    fields.fail("factor", "1, the only value of rope_type \"default\"");
  // Keys of other rope types (YaRN, ...) would change the frequencies.
  fields.failUnknown("rope_type, rope_theta and factor");
  return rope;
}

static void parseGemma3Rope(JsonFields &fields, int64_t headDim,
                            ModelConfig &config,
                            std::vector<std::string> *warnings) {
  if (fields.find("rope_parameters")) {
    fields.ignore({"rope_theta", "rope_local_base_freq", "rope_scaling"});
    JsonFields kinds = fields.object("rope_parameters");
    for (auto [key, rope] :
         {std::pair("sliding_attention", &config.slidingRope),
          std::pair("full_attention", &config.fullRope)}) {
      JsonFields kind = kinds.object(key);
      if (!kinds.failed())
        *rope = parseScaling(kind, headDim, std::nullopt);
      kinds.merge(kind);
    }
    kinds.reportUnknown(warnings);
    fields.merge(kinds);
    return;
  }
  config.slidingRope.rotaryPairs = config.fullRope.rotaryPairs = headDim / 2;
  config.slidingRope.theta =
      fields.number("rope_local_base_freq", 1, 1e12, 1e4);
  config.fullRope.theta = fields.number("rope_theta", 1, 1e12, 1e6);
  // Scaling is for the full layers alone.
  if (fields.find("rope_scaling")) {
    JsonFields scaling = fields.object("rope_scaling");
    config.fullRope = parseScaling(scaling, headDim, config.fullRope.theta);
    fields.merge(scaling);
  }
}

static void parseGemma3Layers(JsonFields &fields, int64_t numLayers,
                              int64_t headDim, ModelConfig &config) {
  LayerConfig layer;
  layer.headDim = headDim;
  layer.kvHeads = fields.integer("num_key_value_heads", 1, kMaxHeads, 4);
  layer.intermediateSize = fields.integer("intermediate_size", 1, kMaxWidth);
  const char *key = fields.find("sliding_window_pattern")
                        ? "sliding_window_pattern"
                        : "_sliding_window_pattern";
  int64_t pattern = fields.integer(key, 1, kMaxLayers, 6);
  std::vector<bool> sliding = parseLayerTypes(fields, numLayers);
  for (int64_t i = 0; i < numLayers; ++i) {
    layer.sliding =
        sliding.empty() ? (i + 1) % pattern != 0 : sliding[size_t(i)];
    layer.kvSource = i;
    config.layers.push_back(layer);
  }
}

void gemcut::config::parseGemma3Text(JsonFields &fields,
                                     const std::string &dtype,
                                     ModelConfig &config,
                                     std::vector<std::string> *warnings) {
  ignoreCommonKeys(fields);
  config.valueNorm = config.layerScalar = false;
  config.offsetNorms = true;
  config.dtype = parseDtype(fields, dtype);
  config.vocabSize = fields.integer("vocab_size", 1, kMaxVocab, 262208);
  config.hiddenSize = fields.integer("hidden_size", 1, kMaxWidth);
  int64_t numLayers = fields.integer("num_hidden_layers", 1, kMaxLayers);
  config.numHeads = fields.integer("num_attention_heads", 1, kMaxHeads, 8);
  int64_t headDim = fields.integer("head_dim", 2, kMaxWidth, 256);
  config.maxPositions =
      fields.integer("max_position_embeddings", 1, kMaxPositions, 131072);
  config.rmsNormEps = float(fields.number("rms_norm_eps", 1e-12, 1, 1e-6));
  config.slidingWindow = fields.integer("sliding_window", 1, kMaxPositions);
  config.queryScale =
      1 / std::sqrt(fields.number("query_pre_attn_scalar", 1e-3, 1e6, 256));
  if (fields.find("final_logit_softcapping"))
    config.finalLogitSoftcap =
        float(fields.number("final_logit_softcapping", 1e-6, 1e6));
  if (fields.find("attn_logit_softcapping"))
    fields.refuse("attn_logit_softcapping", "null, the only supported value");
  if (fields.string("hidden_activation", "gelu_pytorch_tanh") !=
      "gelu_pytorch_tanh")
    fields.refuse("hidden_activation",
                  "\"gelu_pytorch_tanh\", the only supported value");
  if (fields.boolean("attention_bias", false))
    fields.refuse("attention_bias", "false, the only supported value");
  if (fields.boolean("use_bidirectional_attention", false))
    fields.refuse("use_bidirectional_attention",
                  "false: models of embeddings are not supported");
  parseQuantization(fields, config, warnings);
  parseTied(fields, config);
  config.padId = fields.integer("pad_token_id", 0, config.vocabSize - 1, 0);
  config.bosId = fields.integer("bos_token_id", 0, config.vocabSize - 1, 2);
  config.eosIds = fields.integers("eos_token_id", 0, kMaxVocab);
  fields.ignore({"cache_implementation"});
  if (!fields.failed())
    parseGemma3Layers(fields, numLayers, headDim, config);
  if (!fields.failed())
    checkHeads(fields, config);
  if (!fields.failed())
    parseGemma3Rope(fields, headDim, config, warnings);
}
