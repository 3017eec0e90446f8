//===- ModelConfig.cpp - config.json, resolved ----------------------------===//
//
// Rules: the configuration class of transformers 5.24.0
// (models/gemma4/configuration_gemma4.py) and the published files.
//
//===----------------------------------------------------------------------===//

#include "frontends/Config/ModelConfig.h"

#include "frontends/Config/TextFields.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace gemcut::config;
using nlohmann::json;

void gemcut::config::ignoreCommonKeys(JsonFields &fields) {
  fields.ignore({"_name_or_path", "architectures", "attention_dropout",
                 "chunk_size_feed_forward", "dtype", "id2label",
                 "initializer_range", "is_encoder_decoder", "label2id",
                 "model_type", "output_attentions", "output_hidden_states",
                 "problem_type", "return_dict", "torch_dtype",
                 "transformers_version", "use_cache"});
}

std::string gemcut::config::parseDtype(JsonFields &fields,
                                       const std::string &fallback) {
  const char *key = fields.find("dtype") ? "dtype" : "torch_dtype";
  std::string dtype = fields.string(key, fallback.c_str());
  constexpr llvm::StringLiteral kTypes[] = {"bfloat16", "float16", "float32"};
  if (!llvm::is_contained(kTypes, dtype))
    fields.refuse(key,
                  "\"bfloat16\", \"float16\" or \"float32\", the supported "
                  "values");
  return dtype;
}

static void parseMoe(JsonFields &fields, ModelConfig &config) {
  config.isMoe = fields.boolean("enable_moe_block", false);
  fields.ignore({"num_experts", "top_k_experts", "moe_intermediate_size",
                 "expert_intermediate_size"});
  if (!config.isMoe)
    return;
  config.numExperts = fields.integer("num_experts", 1, kMaxExperts);
  config.topKExperts = fields.integer("top_k_experts", 1, config.numExperts);
  const char *width = fields.find("expert_intermediate_size")
                          ? "expert_intermediate_size" // an older name
                          : "moe_intermediate_size";
  config.moeIntermediateSize = fields.integer(width, 1, kMaxWidth);
}

static void parsePerLayerInputs(JsonFields &fields, bool unified,
                                ModelConfig &config) {
  const char *key = "hidden_size_per_layer_input";
  // The unified model has no such inputs, so its files may lack the key. In
  // others a missing key means 256 to the library, which no file relies on.
  config.perLayerInput = unified ? fields.integer(key, 0, kMaxWidth, 0)
                                 : fields.integer(key, 0, kMaxWidth);
  if (unified && config.perLayerInput)
    fields.fail(key, "0: unified models have no per-layer inputs");
  config.perLayerVocabSize = fields.integer("vocab_size_per_layer_input", 0,
                                            kMaxVocab, config.vocabSize);
  if (config.perLayerInput && config.perLayerVocabSize < config.vocabSize)
    fields.fail("vocab_size_per_layer_input",
                "at least vocab_size = " + std::to_string(config.vocabSize));
}

/// `unified`: the text model of gemma4_unified. `dtype`: of the whole model,
/// where the text part does not name its own.
static void parseText(JsonFields &fields, bool unified,
                      const std::string &dtype, ModelConfig &config,
                      std::vector<std::string> *warnings) {
  ignoreCommonKeys(fields);
  config.dtype = parseDtype(fields, dtype);
  config.vocabSize = fields.integer("vocab_size", 1, kMaxVocab);
  config.hiddenSize = fields.integer("hidden_size", 1, kMaxWidth);
  int64_t numLayers = fields.integer("num_hidden_layers", 1, kMaxLayers);
  config.numHeads = fields.integer("num_attention_heads", 1, kMaxHeads);
  config.maxPositions =
      fields.integer("max_position_embeddings", 1, kMaxPositions);
  config.rmsNormEps = float(fields.number("rms_norm_eps", 1e-12, 1));
  if (fields.find("final_logit_softcapping"))
    config.finalLogitSoftcap =
        float(fields.number("final_logit_softcapping", 1e-6, 1e6));
  config.numKvSharedLayers =
      fields.integer("num_kv_shared_layers", 0, numLayers - 1, 0);
  if (fields.string("hidden_activation", "") != "gelu_pytorch_tanh")
    fields.refuse("hidden_activation",
                  "\"gelu_pytorch_tanh\", the only supported value");
  if (fields.boolean("attention_bias", false))
    fields.refuse("attention_bias", "false, the only supported value");
  std::string bidirectional = fields.string("use_bidirectional_attention", "");
  config.bidirectionalImages = bidirectional == "vision";
  if (!bidirectional.empty() && !config.bidirectionalImages)
    fields.refuse("use_bidirectional_attention",
                  "null or \"vision\", the supported values");
  parseQuantization(fields, config, warnings);
  parseTied(fields, config);
  parsePerLayerInputs(fields, unified, config);
  parseMoe(fields, config);
  config.padId = fields.integer("pad_token_id", 0, config.vocabSize - 1, 0);
  config.bosId = fields.integer("bos_token_id", 0, config.vocabSize - 1, 2);
  config.eosIds = fields.integers("eos_token_id", 0, kMaxVocab);
  if (!fields.failed())
    parseLayers(fields, numLayers, config, warnings);
  if (!fields.failed())
    parseRope(fields, config, warnings);
}

void gemcut::config::warnOutsideVocabulary(JsonFields &fields, const char *key,
                                           llvm::ArrayRef<int64_t> ids,
                                           const ModelConfig &model,
                                           std::vector<std::string> *warnings) {
  for (int64_t id : ids)
    if (id >= model.vocabSize)
      fields.warn(key,
                  std::to_string(id) + " is outside the vocabulary of " +
                      std::to_string(model.vocabSize),
                  warnings);
}

llvm::Expected<ModelConfig>
gemcut::config::parseModelConfig(llvm::StringRef jsonText,
                                 llvm::StringRef fileName,
                                 std::vector<std::string> *warnings) {
  auto root = checked_json::parseJsonObject(jsonText, fileName);
  if (!root)
    return root.takeError();
  ModelConfig config;
  JsonFields top(*root, fileName, "");
  config.modelType = top.string("model_type", "");
  constexpr llvm::StringLiteral kWhole[] = {"gemma4", "gemma4_unified",
                                            "gemma3"};
  bool nested = llvm::is_contained(kWhole, config.modelType);
  llvm::StringRef family = config.modelType;
  family.consume_back("_text");
  if (family.consume_back("_assistant"))
    top.refuseText("model_type: found \"" + config.modelType +
                   "\", a drafter, which only runs beside the model that it "
                   "drafts for; compile that model");
  if (!llvm::is_contained(kWhole, family))
    top.refuse("model_type",
               "\"gemma4\", \"gemma4_unified\", \"gemma3\" or one of these and "
               "\"_text\", the supported models");
  std::string textType = (family + "_text").str();
  auto parse = [&](JsonFields &fields, const std::string &dtype) {
    if (family == "gemma3")
      parseGemma3Text(fields, dtype, config, warnings);
    else
      parseText(fields, family == "gemma4_unified", dtype, config, warnings);
  };
  if (!nested) {
    if (!top.failed())
      parse(top, "bfloat16");
    if (config.eosIds.empty())
      config.eosIds = {1};
    if (top.failed())
      return top.takeError();
    warnOutsideVocabulary(top, "eos_token_id", config.eosIds, config, warnings);
    top.reportUnknown(warnings);
    return config;
  }

  ignoreCommonKeys(top);
  const char *const kPlaceholders[] = {"image_token_id", "audio_token_id",
                                       "video_token_id"};
  std::vector<int64_t> placeholders;
  for (const char *key : kPlaceholders)
    if (family == "gemma3") // embeds them as any other
      top.ignore({key});
    else if (int64_t id = top.integer(key, 0, kMaxVocab, -1); id >= 0)
      placeholders.push_back(id);
  top.ignore({"boi_token_id", "boa_token_id", "eoi_token_id", "eoa_token_id",
              "eoa_token_index", "boi_token_index", "eoi_token_index",
              "boa_token_index", "vision_soft_tokens_per_image", "bos_token_id",
              "pad_token_id", "image_token_index", "mm_tokens_per_image"});
  parseQuantization(top, config, warnings);
  parseTied(top, config);
  config.hasVisionTower = top.find("vision_config") != nullptr;
  config.hasAudioTower = top.find("audio_config") != nullptr;
  std::string dtype = parseDtype(top, "bfloat16");
  std::vector<int64_t> eos = top.integers("eos_token_id", 0, kMaxVocab);
  JsonFields text = top.object("text_config");
  if (top.failed())
    return top.takeError();
  if (text.string("model_type", textType.c_str()) != textType)
    text.fail("model_type",
              "\"" + textType + "\" inside of \"" + config.modelType + "\"");
  parse(text, dtype);
  if (text.failed())
    return text.takeError();
  llvm::copy_if(placeholders, std::back_inserter(config.placeholderIds),
                [&](int64_t id) { return id < config.vocabSize; });
  // The whole model's list holds the end of turn, the text part's may not.
  if (!eos.empty())
    config.eosIds = eos;
  if (config.eosIds.empty())
    config.eosIds = {1};
  warnOutsideVocabulary(top, "eos_token_id", config.eosIds, config, warnings);
  text.reportUnknown(warnings);
  top.reportUnknown(warnings);
  return config;
}
