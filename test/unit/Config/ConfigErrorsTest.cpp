//===- ConfigErrorsTest.cpp - Configurations that are rejected ------------===//

#include "test/unit/Config/ConfigFiles.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

using namespace gemcut::config;
using namespace gemcut::test;
using nlohmann::json;

namespace {
/// One change of a golden configuration and the error it gives.
struct BadConfig {
  const char *name;
  const char *golden;
  const char *pointer; ///< JSON pointer
  const char *value;   ///< JSON, or null to remove the key
  const char *error;   ///< without "c.json: "
};

class BadConfigTest : public testing::TestWithParam<BadConfig> {};

#define TEXT "/text_config/"
#define ROPE "/text_config/rope_parameters/"
const BadConfig kBadConfigs[] = {
    {"ModelTypeMissing", "edge", "/model_type", nullptr,
     "model_type: found nothing, expected \"gemma4\", \"gemma4_unified\", "
     "\"gemma3\" or one of these and \"_text\", the supported models"},
    {"Drafter", "edge", "/model_type", R"("gemma4_assistant")",
     "model_type: found \"gemma4_assistant\", a drafter, which only runs "
     "beside the model that it drafts for; compile that model"},
    {"ModelTypeIsNumber", "edge", "/model_type", "4",
     "model_type: found 4, expected a string"},
    {"TextModelType", "edge", TEXT "model_type", R"("gemma3_text")",
     "text_config.model_type: found \"gemma3_text\", expected \"gemma4_text\" "
     "inside of \"gemma4\""},
    {"TextMissing", "edge", "/text_config", nullptr,
     "text_config: found nothing, expected an object"},
    {"TextIsList", "edge", "/text_config", "[1]",
     "text_config: found [1], expected an object"},
    {"Quantized", "edge", "/quantization_config", R"({"bits":4})",
     "quantization_config.quant_method: found nothing, expected \"gemma\" or "
     "\"compressed-tensors\", the supported methods"},
    {"QuantizedMethod", "edge", "/quantization_config",
     R"({"quant_method":"gptq"})",
     "quantization_config.quant_method: found \"gptq\", expected \"gemma\" or "
     "\"compressed-tensors\", the supported methods"},
    {"QuantizedFormat", "edge", "/quantization_config",
     R"({"quant_method":"compressed-tensors","format":"marlin-24",
         "config_groups":{}})",
     "quantization_config.format: found \"marlin-24\", expected "
     "\"pack-quantized\", the supported format"},
    {"QuantizedGroups", "edge", "/quantization_config",
     R"({"quant_method":"compressed-tensors","format":"pack-quantized",
         "config_groups":{"group_0":{"weights":{"num_bits":4,
         "group_size":128}}}})",
     "quantization_config.config_groups.group_0.weights.group_size: found 128, "
     "expected 32, the supported size"},
    {"QuantizedStrategy", "edge", "/quantization_config",
     R"({"quant_method":"compressed-tensors","format":"pack-quantized",
         "config_groups":{"group_0":{"weights":{"num_bits":4,"group_size":32,
         "strategy":"channel"}}}})",
     "quantization_config.config_groups.group_0.weights.strategy: found "
     "\"channel\", expected \"group\", the supported strategy"},
    {"QuantizedBits", "edge", "/quantization_config",
     R"({"quant_method":"gemma","num_bits":5})",
     "quantization_config.num_bits: found 5, expected 2, 4 or 8, the supported "
     "numbers"},
    {"QuantizedModules", "edge", "/quantization_config",
     R"({"quant_method":"gemma","module_quant_configs":"x"})",
     "quantization_config.module_quant_configs: found \"x\", expected an "
     "object"},
    {"QuantizedActivations", "edge", "/quantization_config",
     R"({"quant_method":"compressed-tensors","format":"pack-quantized",
         "config_groups":{"group_0":{"weights":{"num_bits":4,"group_size":32},
         "input_activations":8}}})",
     "quantization_config.config_groups.group_0.input_activations: found 8, "
     "expected null: activations that are rounded are not supported"},
    {"QuantizedText", "edge", TEXT "quantization_config", R"({"bits":4})",
     "text_config.quantization_config.quant_method: found nothing, expected "
     "\"gemma\" or \"compressed-tensors\", the supported methods"},
    {"DType", "edge", TEXT "dtype", R"("int8")",
     "text_config.dtype: found \"int8\", expected \"bfloat16\", \"float16\" or "
     "\"float32\", the supported values"},
    {"TopDType", "edge", "/dtype", R"("float64")",
     "dtype: found \"float64\", expected \"bfloat16\", \"float16\" or "
     "\"float32\", the supported values"},
    {"Untied", "edge", TEXT "tie_word_embeddings", "1",
     "text_config.tie_word_embeddings: found 1, expected true or false"},
    {"Activation", "edge", TEXT "hidden_activation", R"("silu")",
     "text_config.hidden_activation: found \"silu\", expected "
     "\"gelu_pytorch_tanh\", the only supported value"},
    {"ActivationMissing", "edge", TEXT "hidden_activation", nullptr,
     "text_config.hidden_activation: found nothing, expected "
     "\"gelu_pytorch_tanh\", the only supported value"},
    {"AttentionBias", "edge", TEXT "attention_bias", "true",
     "text_config.attention_bias: found true, expected false, the only "
     "supported value"},
    {"AttentionBiasIsText", "edge", TEXT "attention_bias", R"("no")",
     "text_config.attention_bias: found \"no\", expected true or false"},
    {"Bidirectional", "edge", TEXT "use_bidirectional_attention", R"("all")",
     "text_config.use_bidirectional_attention: found \"all\", expected null or "
     "\"vision\", the supported values"},
    {"EosIsText", "edge", TEXT "eos_token_id", R"("1")",
     "text_config.eos_token_id: found \"1\", expected an integer or a list of "
     "integers from 0 to 16777216"},
    {"EosIsNegative", "edge", "/eos_token_id", "[1,-1]",
     "eos_token_id: found [1,-1], expected an integer or a list of integers "
     "from 0 to 16777216"},
    {"EosIsHuge", "edge", "/eos_token_id", "[18446744073709551615]",
     "eos_token_id: found [18446744073709551615], expected an integer or a "
     "list of integers from 0 to 16777216"},
    {"Bos", "edge", TEXT "bos_token_id", "256",
     "text_config.bos_token_id: found 256, expected an integer from 0 to 255"},
    {"Pad", "edge", TEXT "pad_token_id", "-1",
     "text_config.pad_token_id: found -1, expected an integer from 0 to 255"},
    {"Vocab", "edge", TEXT "vocab_size", "0",
     "text_config.vocab_size: found 0, expected an integer from 1 to 16777216"},
    {"VocabMissing", "edge", TEXT "vocab_size", nullptr,
     "text_config.vocab_size: found nothing, expected an integer from 1 to "
     "16777216"},
    {"VocabIsFraction", "edge", TEXT "vocab_size", "256.0",
     "text_config.vocab_size: found 256.0, expected an integer from 1 to "
     "16777216"},
    {"Hidden", "edge", TEXT "hidden_size", "1048577",
     "text_config.hidden_size: found 1048577, expected an integer from 1 to "
     "1048576"},
    {"HiddenMissing", "edge", TEXT "hidden_size", nullptr,
     "text_config.hidden_size: found nothing, expected an integer from 1 to "
     "1048576"},
    {"Layers", "edge", TEXT "num_hidden_layers", "1025",
     "text_config.num_hidden_layers: found 1025, expected an integer from 1 to "
     "1024"},
    {"LayersMissing", "edge", TEXT "num_hidden_layers", nullptr,
     "text_config.num_hidden_layers: found nothing, expected an integer from 1 "
     "to 1024"},
    {"Heads", "edge", TEXT "num_attention_heads", "-4",
     "text_config.num_attention_heads: found -4, expected an integer from 1 to "
     "4096"},
    {"HeadsMissing", "edge", TEXT "num_attention_heads", nullptr,
     "text_config.num_attention_heads: found nothing, expected an integer from "
     "1 to 4096"},
    {"HeadsNotDivisible", "edge", TEXT "num_attention_heads", "3",
     "layer 0: num_attention_heads is 3, expected a multiple of its 2 "
     "key-value heads"},
    {"KvHeads", "edge", TEXT "num_key_value_heads", "0",
     "text_config.num_key_value_heads: found 0, expected an integer from 1 to "
     "4096"},
    {"KvHeadsMissing", "edge", TEXT "num_key_value_heads", nullptr,
     "text_config.num_key_value_heads: found nothing, expected an integer from "
     "1 to 4096"},
    {"HeadDim", "edge", TEXT "head_dim", "1",
     "text_config.head_dim: found 1, expected an integer from 2 to 1048576"},
    {"HeadDimMissing", "edge", TEXT "head_dim", nullptr,
     "text_config.head_dim: found nothing, expected an integer from 2 to "
     "1048576"},
    {"HeadDimIsOdd", "edge", TEXT "head_dim", "17",
     "layer 0: head_dim is 17, expected an even number"},
    {"GlobalHeadDim", "dense", TEXT "global_head_dim", "0",
     "text_config.global_head_dim: found 0, expected an integer from 2 to "
     "1048576"},
    {"GlobalKvHeads", "dense", TEXT "num_global_key_value_heads", "0",
     "text_config.num_global_key_value_heads: found 0, expected an integer "
     "from 1 to 4096"},
    {"GlobalKvHeadsNotDivisible", "dense", TEXT "num_global_key_value_heads",
     "3",
     "layer 2: num_attention_heads is 4, expected a multiple of its 3 "
     "key-value heads"},
    {"Width", "edge", TEXT "intermediate_size", "0",
     "text_config.intermediate_size: found 0, expected an integer from 1 to "
     "1048576"},
    {"WidthMissing", "edge", TEXT "intermediate_size", nullptr,
     "text_config.intermediate_size: found nothing, expected an integer from 1 "
     "to 1048576"},
    {"Window", "edge", TEXT "sliding_window", "0",
     "text_config.sliding_window: found 0, expected an integer from 1 to "
     "16777216"},
    {"WindowMissing", "edge", TEXT "sliding_window", nullptr,
     "text_config.sliding_window: found nothing, expected an integer from 1 to "
     "16777216"},
    {"Positions", "edge", TEXT "max_position_embeddings", "0",
     "text_config.max_position_embeddings: found 0, expected an integer from 1 "
     "to 16777216"},
    {"PositionsMissing", "edge", TEXT "max_position_embeddings", nullptr,
     "text_config.max_position_embeddings: found nothing, expected an integer "
     "from 1 to 16777216"},
    {"Eps", "edge", TEXT "rms_norm_eps", "0",
     "text_config.rms_norm_eps: found 0, expected a number from 1e-12 to 1"},
    {"EpsMissing", "edge", TEXT "rms_norm_eps", nullptr,
     "text_config.rms_norm_eps: found nothing, expected a number from 1e-12 to "
     "1"},
    {"Softcap", "edge", TEXT "final_logit_softcapping", "-30.0",
     "text_config.final_logit_softcapping: found -30.0, expected a number from "
     "1e-06 to 1e+06"},
    {"PerLayerInputMissing", "edge", TEXT "hidden_size_per_layer_input",
     nullptr,
     "text_config.hidden_size_per_layer_input: found nothing, expected an "
     "integer from 0 to 1048576"},
    {"PerLayerVocab", "edge", TEXT "vocab_size_per_layer_input", "255",
     "text_config.vocab_size_per_layer_input: found 255, expected at least "
     "vocab_size = 256"},
    {"SharedLayers", "edge", TEXT "num_kv_shared_layers", "6",
     "text_config.num_kv_shared_layers: found 6, expected an integer from 0 to "
     "5"},
    {"NoSourceOfTheKind", "edge", TEXT "num_kv_shared_layers", "5",
     "text_config.num_kv_shared_layers: layer 1 shares keys and values, but "
     "none of the 1 layers with their own is a full_attention layer"},
    {"SourceDiffers", "edge", TEXT "per_layer_config/5/head_dim", "64",
     "text_config.num_kv_shared_layers: layer 5 has head_dim 64 and 2 "
     "key-value heads, but layer 3, whose keys and values it reads, has 32 and "
     "2"},
    {"LayerTypesIsText", "edge", TEXT "layer_types", R"("full_attention")",
     "text_config.layer_types: found \"full_attention\", expected a list of 6 "
     "kinds, as many as num_hidden_layers"},
    {"LayerTypesTooShort", "edge", TEXT "layer_types", R"(["full_attention"])",
     "text_config.layer_types: found [\"full_attention\"], expected a list of "
     "6 kinds, as many as num_hidden_layers"},
    {"LayerType", "edge", TEXT "layer_types/4", R"("chunked_attention")",
     "text_config.layer_types: found \"chunked_attention\" for layer 4, "
     "supported are \"sliding_attention\" and \"full_attention\""},
    {"Experts", "moe", TEXT "num_experts", "0",
     "text_config.num_experts: found 0, expected an integer from 1 to 4096"},
    {"ExpertsMissing", "moe", TEXT "num_experts", nullptr,
     "text_config.num_experts: found nothing, expected an integer from 1 to "
     "4096"},
    {"TopK", "moe", TEXT "top_k_experts", "9",
     "text_config.top_k_experts: found 9, expected an integer from 1 to 8"},
    {"ExpertWidth", "moe", TEXT "moe_intermediate_size", "null",
     "text_config.moe_intermediate_size: found null, expected an integer from "
     "1 to 1048576"},
    {"PerLayerIsList", "edge", TEXT "per_layer_config", "[]",
     "text_config.per_layer_config: found [], expected an object"},
    {"PerLayerIndex", "edge", TEXT "per_layer_config/6", "{}",
     "text_config.per_layer_config: found layer '6', expected 0 to 5"},
    {"PerLayerIndexText", "edge", TEXT "per_layer_config/05", "{}",
     "text_config.per_layer_config: found layer '05', expected 0 to 5"},
    {"PerLayerEntry", "edge", TEXT "per_layer_config/5", "7",
     "text_config.per_layer_config.5: found 7, expected an object"},
    {"PerLayerValue", "edge", TEXT "per_layer_config/5/head_dim", "0",
     "text_config.per_layer_config.5.head_dim: found 0, expected an integer "
     "from 2 to 1048576"},
    {"PerLayerHeads", "edge", TEXT "per_layer_config/5/num_attention_heads",
     "2",
     "text_config.per_layer_config.5.num_attention_heads: found 2, expected 4, "
     "the same in every layer"},
    {"PerLayerKey", "edge", TEXT "per_layer_config/5/sliding_window", "2",
     "'text_config.per_layer_config.5.sliding_window': found 2, supported are "
     "head_dim, num_key_value_heads and intermediate_size"},
    {"PerLayerConflict", "dense", TEXT "per_layer_config",
     R"({"2":{"head_dim":64}})",
     "text_config.per_layer_config.2.head_dim: found 64, expected "
     "global_head_dim = 32"},
    {"PerLayerHeadsConflict", "dense", TEXT "per_layer_config",
     R"({"2":{"num_key_value_heads":2}})",
     "text_config.per_layer_config.2.num_key_value_heads: found 2, expected "
     "num_global_key_value_heads = 1"},
    {"HeadDimsOfOneKind", "dense", TEXT "per_layer_config",
     R"({"1":{"head_dim":64}})",
     "layers of one kind have head_dim 16 and 64, supported is one value for "
     "each kind"},
    {"RopeMissing", "edge", TEXT "rope_parameters", nullptr,
     "text_config.rope_parameters: found nothing, expected an object"},
    {"RopeKindMissing", "edge", ROPE "full_attention", nullptr,
     "text_config.rope_parameters.full_attention: found nothing, expected an "
     "object"},
    {"RopeType", "edge", ROPE "full_attention/rope_type", R"("yarn")",
     "text_config.rope_parameters.full_attention.rope_type: found \"yarn\", "
     "expected \"default\" or \"proportional\", the supported values"},
    {"RopeTypeIsNumber", "edge", ROPE "full_attention/rope_type", "1",
     "text_config.rope_parameters.full_attention.rope_type: found 1, expected "
     "a string"},
    {"RopeTheta", "edge", ROPE "sliding_attention/rope_theta", "0",
     "text_config.rope_parameters.sliding_attention.rope_theta: found 0, "
     "expected a number from 1 to 1e+12"},
    {"RopeThetaMissing", "edge", ROPE "sliding_attention/rope_theta", nullptr,
     "text_config.rope_parameters.sliding_attention.rope_theta: found nothing, "
     "expected a number from 1 to 1e+12"},
    {"RopeFactor", "edge", ROPE "full_attention/factor", "8.0",
     "text_config.rope_parameters.full_attention.factor: found 8.0, expected "
     "1, the only supported value"},
    {"RopePartial", "edge", ROPE "full_attention/partial_rotary_factor", "1.5",
     "text_config.rope_parameters.full_attention.partial_rotary_factor: found "
     "1.5, expected a number from 0 to 1"},
    {"RopePartialOfDefault", "edge",
     ROPE "sliding_attention/partial_rotary_factor", "0.5",
     "text_config.rope_parameters.sliding_attention.partial_rotary_factor: "
     "found 0.5, expected 1, the only supported value of rope_type "
     "\"default\""},
    {"RopeNoPair", "edge", ROPE "full_attention/partial_rotary_factor", "0.05",
     "text_config.rope_parameters.full_attention.partial_rotary_factor: found "
     "0.05, expected a factor that rotates at least one pair of the 32 "
     "dimensions of a head"},
    {"RopeKey", "edge", ROPE "full_attention/beta_fast", "32",
     "'text_config.rope_parameters.full_attention.beta_fast': found 32, "
     "supported are rope_type, rope_theta, partial_rotary_factor and factor"},
    {"RopeScaling", "edge", TEXT "rope_scaling", R"({"type":"linear"})",
     "text_config.rope_scaling: found {\"type\":\"linear\"}, expected null: "
     "scaling is not supported"},
    {"Gemma3Window", "gemma3", "/sliding_window", nullptr,
     "sliding_window: found nothing, expected an integer from 1 to 16777216"},
    {"Gemma3Pattern", "gemma3-scaled", TEXT "sliding_window_pattern", "0",
     "text_config.sliding_window_pattern: found 0, expected an integer from 1 "
     "to 1024"},
    {"Gemma3LayerTypes", "gemma3", "/layer_types/2", R"("chunked")",
     "layer_types: found \"chunked\" for layer 2, supported are "
     "\"sliding_attention\" and \"full_attention\""},
    {"Gemma3QueryScale", "gemma3", "/query_pre_attn_scalar", "0",
     "query_pre_attn_scalar: found 0, expected a number from 0.001 to 1e+06"},
    {"Gemma3AttentionCap", "gemma3", "/attn_logit_softcapping", "50",
     "attn_logit_softcapping: found 50, expected null, the only supported "
     "value"},
    {"Gemma3Bidirectional", "gemma3", "/use_bidirectional_attention", "true",
     "use_bidirectional_attention: found true, expected false: models of "
     "embeddings are not supported"},
    {"Gemma3RopeType", "gemma3", "/rope_parameters/full_attention/rope_type",
     R"("yarn")",
     "rope_parameters.full_attention.rope_type: found \"yarn\", expected "
     "\"default\" or \"linear\", the supported values"},
    {"Gemma3RopeKey", "gemma3", "/rope_parameters/full_attention/beta_fast",
     "32",
     "'rope_parameters.full_attention.beta_fast': found 32, supported are "
     "rope_type, rope_theta and factor"},
    {"Gemma3RopeKind", "gemma3", "/rope_parameters/sliding_attention", nullptr,
     "rope_parameters.sliding_attention: found nothing, expected an object"},
    {"Gemma3Factor", "gemma3-scaled", TEXT "rope_scaling/factor", "0.5",
     "text_config.rope_scaling.factor: found 0.5, expected a number from 1 to "
     "1e+06"},
    {"Gemma3FactorOfDefault", "gemma3",
     "/rope_parameters/sliding_attention/factor", "2",
     "rope_parameters.sliding_attention.factor: found 2, expected 1, the only "
     "value of rope_type \"default\""},
    {"Gemma3Heads", "gemma3", "/num_key_value_heads", "3",
     "layer 0: num_attention_heads is 4, expected a multiple of its 3 "
     "key-value heads"},
    // A text-only file names keys without the object around them.
    {"TextOnly", "edge-mqa", "/hidden_size", "-1",
     "hidden_size: found -1, expected an integer from 1 to 1048576"},
};
#undef TEXT
#undef ROPE
} // namespace

TEST_P(BadConfigTest, GivesOneError) {
  const BadConfig &test = GetParam();
  json root = goldenConfig(test.golden);
  json::json_pointer pointer(test.pointer);
  if (test.value)
    root[pointer] = json::parse(test.value);
  else
    root[pointer.parent_pointer()].erase(pointer.back());
  std::vector<std::string> warnings;
  EXPECT_EQ(errorOf(parseModelConfig(root.dump(), "c.json", &warnings)),
            std::string("c.json: ") + test.error);
}

INSTANTIATE_TEST_SUITE_P(, BadConfigTest, testing::ValuesIn(kBadConfigs),
                         [](const auto &test) {
                           return std::string(test.param.name);
                         });

TEST(ConfigErrors, RejectsUnifiedPerLayerInputs) {
  json root = goldenConfig("edge");
  root["model_type"] = "gemma4_unified";
  root["text_config"]["model_type"] = "gemma4_unified_text";
  EXPECT_EQ(errorOf(parseModelConfig(root.dump(), "c.json", nullptr)),
            "c.json: text_config.hidden_size_per_layer_input: found 32, "
            "expected 0: unified models have no per-layer inputs");
}

TEST(ConfigErrors, RejectsWhatIsNotOneObject) {
  auto error = [](const std::string &text) {
    return errorOf(parseModelConfig(text, "c.json", nullptr));
  };
  EXPECT_EQ(error(""), "c.json: is not valid JSON from byte 1 on; the file may "
                       "be truncated");
  EXPECT_EQ(error("[1]"), "c.json: is [1], expected a JSON object");
  EXPECT_EQ(error("{} {}"),
            "c.json: is not valid JSON from byte 4 on, at '{} {}'");
  EXPECT_EQ(
      error(R"({"text_config": {"rms_norm_eps": NaN}})"),
      "c.json: is not valid JSON from byte 34 on, at 'rms_norm_eps\": NaN}}'");
  EXPECT_EQ(error(R"({"text_config": {"rms_norm_eps": 1)"),
            "c.json: is not valid JSON from byte 35 on; the file may be "
            "truncated");
  EXPECT_EQ(error(R"({"text_config":{"head_dim":1,"head_dim":2}})"),
            "c.json: holds the name 'head_dim' twice");
  EXPECT_EQ(error(std::string(40, '[')),
            "c.json: is nested deeper than 32 levels");
}

TEST(ConfigErrors, RejectsEveryTruncation) {
  std::string text = goldenConfig("edge").dump();
  ASSERT_EQ(errorOf(parseModelConfig(text, "c.json", nullptr)), "");
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(errorOf(parseModelConfig(text.substr(0, size), "c.json", nullptr))
                  .rfind("c.json: is not valid JSON from byte ", 0),
              0u)
        << size;
}
