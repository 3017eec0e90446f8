//===- ModelConfigTest.cpp - Configurations that are accepted -------------===//

#include "frontends/Config/TensorNames.h"
#include "test/unit/Config/ConfigFiles.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut::config;
using namespace gemcut::test;
using nlohmann::json;

namespace {
ModelConfig parseFile(const std::string &path) {
  std::vector<std::string> warnings;
  auto config = parseModelConfig(readText(path), path, &warnings);
  EXPECT_EQ(warnings, std::vector<std::string>()) << path;
  if (config)
    return *config;
  ADD_FAILURE() << llvm::toString(config.takeError());
  return {};
}

ModelConfig released(const std::string &size) {
  return parseFile(GEMCUT_TEST_DATA "/configs/" + size + "/config.json");
}

/// Elements of all tensors; `dead`: of the unused K and V too.
int64_t parameters(const ModelConfig &config, bool dead) {
  int64_t total = 0;
  for (const ExpectedTensor &tensor : expectedTextTensors(config)) {
    int64_t elements = 1;
    for (int64_t size : tensor.shape)
      elements *= size;
    total += tensor.dead && !dead ? 0 : elements;
  }
  return total;
}

/// Tensors; `dead`: with the unused K and V.
size_t tensorCount(const ModelConfig &config, bool dead) {
  return size_t(llvm::count_if(
      expectedTextTensors(config),
      [&](const ExpectedTensor &tensor) { return dead || !tensor.dead; }));
}
} // namespace

// The published parameter totals and tensor counts of every released size.
TEST(ModelConfig, ReleasedSizesHaveTheirTensors) {
  struct Size {
    const char *name;
    int64_t parameters, parametersWithDead;
    size_t tensors, tensorsWithDead;
  };
  for (const Size &size :
       {Size{"e2b", 4'628'569'379, 4'647'449'891, 540, 600},
        Size{"e4b", 7'463'013'418, 7'518'069'034, 665, 719},
        Size{"12b", 11'907'350'320, 11'907'350'320, 666, 666},
        Size{"26b-a4b", 25'233'141'790, 25'233'141'790, 657, 657},
        Size{"31b", 30'697'345'340, 30'697'345'340, 832, 832},
        Size{"gemma3-270m", 268'098'176, 268'098'176, 236, 236},
        Size{"gemma3-4b", 3'880'263'168, 3'880'263'168, 444, 444}}) {
    ModelConfig config = released(size.name);
    EXPECT_EQ(parameters(config, false), size.parameters) << size.name;
    EXPECT_EQ(parameters(config, true), size.parametersWithDead) << size.name;
    EXPECT_EQ(tensorCount(config, false), size.tensors) << size.name;
    EXPECT_EQ(tensorCount(config, true), size.tensorsWithDead) << size.name;
  }
}

TEST(ModelConfig, ReadsE2b) {
  ModelConfig config = released("e2b");
  EXPECT_EQ(config.modelType, "gemma4");
  EXPECT_EQ(config.dtype, "bfloat16");
  EXPECT_EQ(config.vocabSize, 262144);
  EXPECT_EQ(config.hiddenSize, 1536);
  EXPECT_EQ(config.numHeads, 8);
  EXPECT_EQ(config.slidingWindow, 512);
  EXPECT_EQ(config.maxPositions, 131072);
  EXPECT_EQ(config.rmsNormEps, 1e-6f);
  EXPECT_EQ(config.finalLogitSoftcap, 30.0f);
  EXPECT_EQ(config.perLayerInput, 256);
  EXPECT_EQ(config.perLayerVocabSize, 262144);
  EXPECT_EQ(config.firstSharedLayer(), 15);
  EXPECT_EQ(config.padId, 0);
  EXPECT_EQ(config.bosId, 2);
  EXPECT_EQ(config.eosIds, (std::vector<int64_t>{1, 106}));
  EXPECT_TRUE(config.tiedEmbeddings);
  EXPECT_TRUE(config.hasVisionTower);
  EXPECT_TRUE(config.hasAudioTower);
  EXPECT_FALSE(config.isMoe);
  EXPECT_FALSE(config.bidirectionalImages);
  EXPECT_EQ(config.slidingRope.theta, 1e4);
  EXPECT_EQ(config.slidingRope.rotaryPairs, 128);
  EXPECT_FALSE(config.slidingRope.proportional);
  EXPECT_EQ(config.fullRope.theta, 1e6);
  EXPECT_EQ(config.fullRope.rotaryPairs, 64);
  EXPECT_TRUE(config.fullRope.proportional);
  ASSERT_EQ(config.numLayers(), 35);
  for (int64_t i = 0; i < 35; ++i) {
    const LayerConfig &layer = config.layers[size_t(i)];
    bool full = i % 5 == 4, shared = i >= 15;
    EXPECT_EQ(layer.sliding, !full) << i;
    EXPECT_EQ(layer.headDim, full ? 512 : 256) << i;
    EXPECT_EQ(layer.kvHeads, 1) << i;
    EXPECT_EQ(layer.intermediateSize, shared ? 12288 : 6144) << i;
    EXPECT_EQ(layer.ownKv, !shared) << i;
    EXPECT_EQ(layer.kvSource, !shared ? i : full ? 14 : 13) << i;
    EXPECT_FALSE(layer.kEqV) << i;
  }
}

// Gemma 3 embeds its placeholders as any other id.
TEST(ModelConfig, PlaceholdersAreEmbeddedAsPadding) {
  ModelConfig config = released("e2b");
  EXPECT_EQ(config.placeholderIds,
            (std::vector<int64_t>{258880, 258881, 258884}));
  EXPECT_EQ(config.embeddedId(258881), 0);
  EXPECT_EQ(config.embeddedId(258882), 258882);
  EXPECT_EQ(released("gemma3-4b").placeholderIds, std::vector<int64_t>());
}

TEST(ModelConfig, SharesFromTheLastLayerOfTheKind) {
  ModelConfig config = released("e4b");
  for (int64_t i = 24; i < 42; ++i)
    EXPECT_EQ(config.layers[size_t(i)].kvSource, i % 6 == 5 ? 23 : 22) << i;
  // E4B shares K and V, but has the same width everywhere.
  for (const LayerConfig &layer : config.layers)
    EXPECT_EQ(layer.intermediateSize, 10240);
}

TEST(ModelConfig, UsesGlobalHeadsOnFullLayersOfKEqVModels) {
  struct Size {
    const char *name;
    int64_t sliding, full;
  };
  for (const Size &size :
       {Size{"12b", 8, 1}, Size{"26b-a4b", 8, 2}, Size{"31b", 16, 4}}) {
    ModelConfig config = released(size.name);
    EXPECT_TRUE(config.bidirectionalImages);
    for (const LayerConfig &layer : config.layers) {
      EXPECT_EQ(layer.kvHeads, layer.sliding ? size.sliding : size.full);
      EXPECT_EQ(layer.headDim, layer.sliding ? 256 : 512);
      EXPECT_EQ(layer.kEqV, !layer.sliding);
      EXPECT_TRUE(layer.ownKv);
    }
  }
  // Without K = V the global count is not used, even where it is given.
  json root = goldenConfig("dense");
  root["text_config"]["attention_k_eq_v"] = false;
  for (const LayerConfig &layer : parseOrFail(root).layers) {
    EXPECT_EQ(layer.kvHeads, 2);
    EXPECT_FALSE(layer.kEqV);
  }
}

TEST(ModelConfig, ReadsMoe) {
  ModelConfig config = released("26b-a4b");
  EXPECT_TRUE(config.isMoe);
  EXPECT_EQ(config.numExperts, 128);
  EXPECT_EQ(config.topKExperts, 8);
  EXPECT_EQ(config.moeIntermediateSize, 704);
  EXPECT_EQ(config.layers[0].intermediateSize, 2112);
  EXPECT_FALSE(config.hasAudioTower);
  json root = goldenConfig("moe");
  json &text = root["text_config"];
  text["expert_intermediate_size"] = text["moe_intermediate_size"];
  text.erase("moe_intermediate_size");
  EXPECT_EQ(parseOrFail(root).moeIntermediateSize, 32);
}

// Both published forms of the head geometry give the same layers.
TEST(ModelConfig, ReadsPerLayerConfigAndGlobalFields) {
  for (const char *name : {"edge", "moe"}) {
    json root = goldenConfig(name);
    ModelConfig overrides = parseOrFail(root);
    json &text = root["text_config"];
    ASSERT_TRUE(text.contains("per_layer_config"));
    json removed = text["per_layer_config"];
    text.erase("per_layer_config");
    text["global_head_dim"] = 32;
    if (name == std::string("moe"))
      text["num_global_key_value_heads"] = 1;
    ModelConfig fields = parseOrFail(root);
    text["per_layer_config"] = removed; // both at once
    ModelConfig both = parseOrFail(root);
    for (const ModelConfig *other : {&fields, &both}) {
      ASSERT_EQ(overrides.numLayers(), other->numLayers());
      for (size_t i = 0; i < overrides.layers.size(); ++i) {
        EXPECT_EQ(overrides.layers[i].headDim, other->layers[i].headDim);
        EXPECT_EQ(overrides.layers[i].kvHeads, other->layers[i].kvHeads);
      }
      EXPECT_EQ(overrides.fullRope.rotaryPairs, other->fullRope.rotaryPairs);
    }
  }
}

TEST(ModelConfig, ReadsGoldenAndTinyConfigs) {
  for (const char *name : {"edge", "edge-mqa", "edge-bf16", "dense", "moe",
                           "e2b-layer", "gemma3", "gemma3-scaled"}) {
    ModelConfig config = parseFile(goldenFolder(name) + "/config.json");
    EXPECT_FALSE(config.hasVisionTower) << name;
  }
  ModelConfig mqa = parseFile(goldenFolder("edge-mqa") + "/config.json");
  EXPECT_EQ(mqa.modelType, "gemma4_text");
  EXPECT_EQ(mqa.eosIds, std::vector<int64_t>{1});
  ModelConfig tiny =
      parseFile(GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/config.json");
  EXPECT_TRUE(tiny.hasVisionTower);
  EXPECT_TRUE(tiny.hasAudioTower);
  EXPECT_EQ(tiny.eosIds, (std::vector<int64_t>{1, 16}));
  EXPECT_EQ(tiny.fullRope.rotaryPairs, 16);
}

TEST(ModelConfig, ReadsGemma3) {
  ModelConfig config = released("gemma3-270m");
  EXPECT_EQ(config.modelType, "gemma3_text");
  EXPECT_EQ(config.hiddenSize, 640);
  EXPECT_EQ(config.numHeads, 4);
  EXPECT_EQ(config.slidingWindow, 512);
  EXPECT_EQ(config.maxPositions, 32768);
  EXPECT_EQ(config.perLayerInput, 0);
  EXPECT_EQ(config.eosIds, (std::vector<int64_t>{1, 106}));
  EXPECT_FALSE(config.finalLogitSoftcap);
  EXPECT_FALSE(config.hasVisionTower);
  EXPECT_FALSE(config.valueNorm);
  EXPECT_FALSE(config.layerScalar);
  EXPECT_TRUE(config.offsetNorms);
  EXPECT_EQ(config.queryScale, 1.0 / 16);
  EXPECT_EQ(config.slidingRope.theta, 1e4);
  EXPECT_EQ(config.slidingRope.factor, 1);
  EXPECT_EQ(config.fullRope.theta, 1e6);
  EXPECT_EQ(config.fullRope.factor, 1);
  EXPECT_EQ(config.fullRope.rotaryPairs, 128);
  ASSERT_EQ(config.numLayers(), 18);
  for (int64_t i = 0; i < 18; ++i) {
    const LayerConfig &layer = config.layers[size_t(i)];
    EXPECT_EQ(layer.sliding, i % 6 != 5) << i;
    EXPECT_EQ(layer.headDim, 256);
    EXPECT_EQ(layer.kvHeads, 1);
    EXPECT_EQ(layer.intermediateSize, 2048);
    EXPECT_TRUE(layer.ownKv);
    EXPECT_EQ(layer.kvSource, i);
  }
}

// The files of 4B and up leave most fields to the library's defaults.
TEST(ModelConfig, ReadsGemma3OfDefaults) {
  ModelConfig config = released("gemma3-4b");
  EXPECT_EQ(config.modelType, "gemma3");
  EXPECT_TRUE(config.hasVisionTower);
  EXPECT_EQ(config.vocabSize, 262208);
  EXPECT_EQ(config.numHeads, 8);
  EXPECT_EQ(config.maxPositions, 131072);
  EXPECT_EQ(config.rmsNormEps, 1e-6f);
  EXPECT_EQ(config.queryScale, 1.0 / 16);
  EXPECT_EQ(config.eosIds, (std::vector<int64_t>{1, 106}));
  EXPECT_EQ(config.slidingRope.theta, 1e4);
  EXPECT_EQ(config.slidingRope.factor, 1);
  EXPECT_EQ(config.fullRope.theta, 1e6);
  EXPECT_EQ(config.fullRope.factor, 8);
  // Layers 5, 11, ... 29 are full; the last one is what the cycle makes it.
  for (int64_t i = 0; i < 34; ++i) {
    EXPECT_EQ(config.layers[size_t(i)].sliding, i % 6 != 5) << i;
    EXPECT_EQ(config.layers[size_t(i)].kvHeads, 4);
    EXPECT_EQ(config.layers[size_t(i)].headDim, 256);
  }
}

// Both published forms of the rotary embedding say the same.
TEST(ModelConfig, ReadsBothFormsOfGemma3Rope) {
  json root = goldenConfig("gemma3-scaled");
  json &text = root["text_config"];
  ModelConfig older = parseOrFail(root);
  for (const char *key : {"rope_theta", "rope_local_base_freq", "rope_scaling",
                          "sliding_window_pattern"})
    text.erase(key);
  text["rope_parameters"] = {
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}},
      {"full_attention",
       {{"rope_type", "linear"}, {"rope_theta", 1e6}, {"factor", 8.0}}}};
  text["layer_types"] = {"sliding_attention", "sliding_attention",
                         "full_attention", "sliding_attention"};
  ModelConfig newer = parseOrFail(root);
  for (const ModelConfig *config : {&older, &newer}) {
    EXPECT_EQ(config->slidingRope.theta, 1e4);
    EXPECT_EQ(config->slidingRope.factor, 1);
    EXPECT_EQ(config->fullRope.theta, 1e6);
    EXPECT_EQ(config->fullRope.factor, 8);
    for (int64_t i = 0; i < 4; ++i)
      EXPECT_EQ(config->layers[size_t(i)].sliding, i != 2) << i;
  }
}

TEST(ModelConfig, FillsInTheLayerCycle) {
  json root = goldenConfig("dense");
  json &text = root["text_config"];
  text.erase("layer_types");
  text["num_hidden_layers"] = 8;
  ModelConfig config = parseOrFail(root);
  std::vector<int64_t> full;
  for (int64_t i = 0; i < config.numLayers(); ++i)
    if (!config.layers[size_t(i)].sliding)
      full.push_back(i);
  EXPECT_EQ(full, (std::vector<int64_t>{5, 7}));
}

TEST(ModelConfig, MakesTheLastLayerFull) {
  json root = goldenConfig("dense");
  root["text_config"]["layer_types"][5] = "sliding_attention";
  std::vector<std::string> warnings;
  ModelConfig config = parseOrFail(root, &warnings);
  EXPECT_FALSE(config.layers.back().sliding);
  EXPECT_TRUE(config.layers.back().kEqV);
  EXPECT_EQ(warnings,
            std::vector<std::string>{
                "c.json: text_config.layer_types: the last layer is "
                "sliding_attention, but the model makes it full_attention"});
}

TEST(ModelConfig, NeedsNoWindowWithoutSlidingLayers) {
  json root = goldenConfig("dense");
  json &text = root["text_config"];
  text["layer_types"] = json::array();
  for (int i = 0; i < 6; ++i)
    text["layer_types"].push_back("full_attention");
  text.erase("sliding_window");
  text["rope_parameters"].erase("sliding_attention");
  ModelConfig config = parseOrFail(root);
  EXPECT_EQ(config.slidingWindow, 0);
  EXPECT_EQ(config.slidingRope.rotaryPairs, 0);
}

TEST(ModelConfig, SaysThatTheStoredCacheSchemeIsNotFollowed) {
  json root = goldenConfig("edge");
  json &scheme = root["quantization_config"];
  scheme = json::parse(R"({"quant_method": "compressed-tensors",
      "format": "pack-quantized", "kv_cache_scheme": null,
      "config_groups": {"group_0": {"weights": {"num_bits": 4,
                                                "group_size": 32}}}})");
  std::vector<std::string> warnings;
  parseOrFail(root, &warnings);
  EXPECT_EQ(warnings, std::vector<std::string>());
  scheme["kv_cache_scheme"] = {{"num_bits", 8}, {"type", "float"}};
  parseOrFail(root, &warnings);
  EXPECT_EQ(warnings,
            std::vector<std::string>{
                "c.json: quantization_config.kv_cache_scheme: is not followed; "
                "keys and values are stored as --kv says, by default in bf16"});
}

TEST(ModelConfig, ReportsUnknownKeys) {
  json root = goldenConfig("edge");
  root["novelty"] = 1;
  root["text_config"]["query_pre_attn_scalar"] = 256;
  root["text_config"]["rope_parameters"]["chunked_attention"] = 1;
  std::vector<std::string> warnings;
  parseOrFail(root, &warnings);
  EXPECT_EQ(warnings,
            (std::vector<std::string>{
                "c.json: unknown key "
                "'text_config.rope_parameters.chunked_attention' is ignored",
                "c.json: unknown key 'text_config.query_pre_attn_scalar' is "
                "ignored",
                "c.json: unknown key 'novelty' is ignored"}));
  // Warnings are optional.
  EXPECT_TRUE(bool(parseModelConfig(root.dump(), "c.json", nullptr)));
}

TEST(ModelConfig, WarnsOfEndIdsOutsideTheVocabulary) {
  json root = goldenConfig("edge");
  root["eos_token_id"] = {1, 300};
  std::vector<std::string> warnings;
  EXPECT_EQ(parseOrFail(root, &warnings).eosIds,
            (std::vector<int64_t>{1, 300}));
  EXPECT_EQ(warnings,
            std::vector<std::string>{"c.json: eos_token_id: 300 is outside the "
                                     "vocabulary of 256"});
}

TEST(ModelConfig, AppliesDefaults) {
  json root = goldenConfig("dense");
  json &text = root["text_config"];
  for (const char *key :
       {"dtype", "final_logit_softcapping", "pad_token_id", "bos_token_id",
        "eos_token_id", "num_kv_shared_layers", "use_double_wide_mlp",
        "enable_moe_block", "use_bidirectional_attention", "attention_bias",
        "tie_word_embeddings", "vocab_size_per_layer_input", "model_type"})
    text.erase(key);
  ModelConfig config = parseOrFail(root);
  EXPECT_EQ(config.dtype, "float32"); // of the whole model
  EXPECT_FALSE(config.finalLogitSoftcap);
  EXPECT_EQ(config.padId, 0);
  EXPECT_EQ(config.bosId, 2);
  EXPECT_EQ(config.eosIds, std::vector<int64_t>{1});
  EXPECT_EQ(config.numKvSharedLayers, 0);
  EXPECT_FALSE(config.isMoe);
  EXPECT_FALSE(config.bidirectionalImages);
  root.erase("dtype");
  EXPECT_EQ(parseOrFail(root).dtype, "bfloat16");
  root["torch_dtype"] = "float16";
  EXPECT_EQ(parseOrFail(root).dtype, "float16");
}

// int(partial_rotary_factor * head_dim // 2), floor included.
TEST(ModelConfig, CountsRotaryPairs) {
  json root = goldenConfig("dense"); // full layers have head_dim 32
  json &factor = root["text_config"]["rope_parameters"]["full_attention"]
                     ["partial_rotary_factor"];
  for (auto [value, pairs] : {std::pair<double, int64_t>{1.0, 16},
                              {0.25, 4},
                              {0.3, 4},
                              {0.1, 1},
                              {0.0625, 1}}) {
    factor = value;
    EXPECT_EQ(parseOrFail(root).fullRope.rotaryPairs, pairs) << value;
  }
}

TEST(ModelConfig, UnifiedModelsLackPerLayerInputs) {
  json root = goldenConfig("dense");
  root["model_type"] = "gemma4_unified";
  json &text = root["text_config"];
  text["model_type"] = "gemma4_unified_text";
  text.erase("hidden_size_per_layer_input");
  EXPECT_EQ(parseOrFail(root).perLayerInput, 0);
  EXPECT_EQ(parseOrFail(text).modelType, "gemma4_unified_text");
}
