//===- ModelMetadataTest.cpp - Metadata as configurations -----------------===//

#include "frontends/GGUF/ModelMetadata.h"

#include "frontends/Config/ModelConfig.h"
#include "test/unit/GGUF/GgufBytes.h"
#include "test/unit/Safetensors/CheckpointFiles.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <optional>

using namespace gemcut;
using namespace gemcut::gguf;
using namespace gemcut::test;

namespace {

/// A value of the metadata: its type in the file and its bytes, of one element
/// each.
struct Entry {
  uint32_t type;
  std::vector<std::string> elements;
  bool isArray = false;
};

Entry u32(uint32_t value) { return {4, {rawBytes(value)}}; }
Entry f32(float value) { return {6, {rawBytes(value)}}; }
Entry text(const std::string &value) { return {8, {ggufString(value)}}; }
Entry list(const std::vector<uint32_t> &values) {
  Entry entry{4, {}, true};
  for (uint32_t value : values)
    entry.elements.push_back(rawBytes(value));
  return entry;
}
Entry flags(const std::vector<bool> &values) {
  Entry entry{7, {}, true};
  for (bool value : values)
    entry.elements.push_back(std::string(1, char(value)));
  return entry;
}

/// A model of four layers (sliding, full, and two that share), changed and then
/// read. Of its tensors only those that the configuration needs are there.
struct TestModel {
  std::map<std::string, Entry> entries = {
      {"general.architecture", text("gemma4")},
      {"gemma4.block_count", u32(4)},
      {"gemma4.context_length", u32(131072)},
      {"gemma4.embedding_length", u32(64)},
      {"gemma4.embedding_length_per_layer_input", u32(32)},
      {"gemma4.feed_forward_length", list({96, 96, 192, 192})},
      {"gemma4.attention.head_count", u32(4)},
      {"gemma4.attention.head_count_kv", u32(2)},
      {"gemma4.attention.key_length", u32(32)},
      {"gemma4.attention.value_length", u32(32)},
      {"gemma4.attention.key_length_swa", u32(16)},
      {"gemma4.attention.value_length_swa", u32(16)},
      {"gemma4.attention.layer_norm_rms_epsilon", f32(1e-6f)},
      {"gemma4.attention.sliding_window", u32(512)},
      {"gemma4.attention.sliding_window_pattern",
       flags({true, false, true, false})},
      {"gemma4.attention.shared_kv_layers", u32(2)},
      {"gemma4.final_logit_softcapping", f32(30)},
      {"gemma4.rope.freq_base", f32(1e6f)},
      {"gemma4.rope.freq_base_swa", f32(1e4f)},
      {"tokenizer.ggml.eos_token_id", u32(106)},
  };
  std::vector<float> divisors = {1,     1,     1,     1,     1e30f, 1e30f,
                                 1e30f, 1e30f, 1e30f, 1e30f, 1e30f, 1e30f,
                                 1e30f, 1e30f, 1e30f, 1e30f};
  std::vector<std::string> vectors = {"blk.0.attn_v.weight",
                                      "blk.1.attn_v.weight"};
  bool hasEmbedding = true;
  TemporaryFolder folder;
  std::unique_ptr<Checkpoint> checkpoint;

  std::string path() const { return folder.path("m.gguf"); }
  const Checkpoint &open() {
    GgufBytes file;
    for (const auto &[key, entry] : entries) {
      std::string bytes;
      for (const std::string &element : entry.elements)
        bytes += element;
      if (entry.isArray)
        file.array(key, entry.type, entry.elements.size(), bytes);
      else
        file.pair(key, entry.type, bytes);
    }
    auto zeros = [](size_t count) { return std::string(4 * count, '\0'); };
    if (hasEmbedding)
      file.tensor("token_embd.weight", {64, 256}, 0, zeros(64 * 256));
    file.tensor("per_layer_token_embd.weight", {128, 256}, 0, zeros(128 * 256));
    for (const std::string &name : vectors)
      file.tensor(name, {1}, 0, zeros(1));
    if (!divisors.empty()) {
      std::string bytes;
      for (float divisor : divisors)
        bytes += rawBytes(divisor);
      file.tensor("rope_freqs.weight", {divisors.size()}, 0, bytes);
    }
    folder.write("m.gguf", file.file());
    checkpoint = llvm::cantFail(Checkpoint::open(path()));
    return *checkpoint;
  }
  config::ModelConfig config() {
    std::vector<std::string> warnings;
    auto parsed = readModelConfig(open(), &warnings);
    EXPECT_TRUE(bool(parsed)) << llvm::toString(parsed.takeError());
    EXPECT_EQ(warnings, std::vector<std::string>());
    return *parsed;
  }
  /// The error without the file's name.
  std::string error() {
    std::string message = errorOf(makeConfigJson(open()));
    EXPECT_EQ(message.find(path() + ": "), 0u) << message;
    return message.substr(path().size() + 2);
  }
};

} // namespace

TEST(GgufMetadata, GivesTheConfiguration) {
  TestModel model;
  config::ModelConfig c = model.config();
  EXPECT_EQ(c.vocabSize, 256);
  EXPECT_EQ(c.perLayerVocabSize, 256);
  EXPECT_EQ(c.hiddenSize, 64);
  EXPECT_EQ(c.numHeads, 4);
  EXPECT_EQ(c.slidingWindow, 512);
  EXPECT_EQ(c.maxPositions, 131072);
  EXPECT_EQ(c.rmsNormEps, 1e-6f);
  EXPECT_EQ(c.finalLogitSoftcap, 30.0f);
  EXPECT_EQ(c.perLayerInput, 32);
  EXPECT_EQ(c.numKvSharedLayers, 2);
  EXPECT_EQ(c.eosIds, std::vector<int64_t>{106});
  ASSERT_EQ(c.numLayers(), 4);
  for (int i = 0; i < 4; ++i) {
    const config::LayerConfig &layer = c.layers[i];
    EXPECT_EQ(layer.sliding, i % 2 == 0);
    EXPECT_EQ(layer.headDim, i % 2 ? 32 : 16);
    EXPECT_EQ(layer.kvHeads, 2);
    EXPECT_EQ(layer.intermediateSize, i < 2 ? 96 : 192);
    EXPECT_EQ(layer.ownKv, i < 2);
    EXPECT_EQ(layer.kvSource, i % 2);
    EXPECT_FALSE(layer.kEqV);
  }
  EXPECT_EQ(c.slidingRope.theta, 1e4);
  EXPECT_EQ(c.slidingRope.rotaryPairs, 8);
  EXPECT_EQ(c.fullRope.theta, 1e6);
  EXPECT_EQ(c.fullRope.rotaryPairs, 4);
  EXPECT_FALSE(c.isMoe);
}

// Every number of pairs survives the way through a factor.
TEST(GgufMetadata, CountsTheRotatedPairs) {
  for (size_t pairs = 1; pairs <= 24; ++pairs) {
    TestModel model;
    for (const char *key : {"key_length", "value_length"})
      model.entries[std::string("gemma4.attention.") + key] = u32(48);
    model.divisors.assign(24, 1e30f);
    std::fill_n(model.divisors.begin(), pairs, 1.0f);
    EXPECT_EQ(model.config().fullRope.rotaryPairs, int64_t(pairs));
  }
}

// Full layers without attn_v take the values from the keys.
TEST(GgufMetadata, FindsLayersWhoseKeysAreValues) {
  TestModel model;
  model.entries["gemma4.attention.head_count_kv"] = list({2, 1, 2, 1});
  model.vectors = {"blk.0.attn_v.weight"};
  config::ModelConfig c = model.config();
  EXPECT_FALSE(c.layers[0].kEqV);
  EXPECT_TRUE(c.layers[1].kEqV);
  EXPECT_EQ(c.layers[0].kvHeads, 2);
  EXPECT_EQ(c.layers[1].kvHeads, 1);
}

TEST(GgufMetadata, ReadsExperts) {
  TestModel model;
  model.entries["gemma4.expert_count"] = u32(8);
  model.entries["gemma4.expert_used_count"] = u32(2);
  model.entries["gemma4.expert_feed_forward_length"] = u32(48);
  config::ModelConfig c = model.config();
  EXPECT_TRUE(c.isMoe);
  EXPECT_EQ(c.numExperts, 8);
  EXPECT_EQ(c.topKExperts, 2);
  EXPECT_EQ(c.moeIntermediateSize, 48);
}

TEST(GgufMetadata, ReadsGemma3) {
  TestModel model;
  model.entries = {
      {"general.architecture", text("gemma3")},
      {"gemma3.block_count", u32(7)},
      {"gemma3.context_length", u32(32768)},
      {"gemma3.embedding_length", u32(64)},
      {"gemma3.feed_forward_length", u32(96)},
      {"gemma3.attention.head_count", u32(4)},
      {"gemma3.attention.head_count_kv", u32(1)},
      {"gemma3.attention.key_length", u32(64)},
      {"gemma3.attention.value_length", u32(64)},
      {"gemma3.attention.layer_norm_rms_epsilon", f32(1e-6f)},
      {"gemma3.attention.sliding_window", u32(512)},
      {"gemma3.rope.freq_base", f32(1e6f)},
      {"gemma3.rope.scaling.type", text("linear")},
      {"gemma3.rope.scaling.factor", f32(8)},
  };
  config::ModelConfig c = model.config();
  EXPECT_EQ(c.modelType, "gemma3_text");
  EXPECT_EQ(c.vocabSize, 256);
  EXPECT_EQ(c.queryScale, 0.125);
  EXPECT_FALSE(c.offsetNorms); // the tools store 1 + w
  EXPECT_FALSE(c.valueNorm);
  ASSERT_EQ(c.numLayers(), 7);
  for (int i = 0; i < 7; ++i)
    EXPECT_EQ(c.layers[i].sliding, i != 5);
  EXPECT_EQ(c.slidingRope.theta, 1e4);
  EXPECT_EQ(c.slidingRope.factor, 1);
  EXPECT_EQ(c.fullRope.theta, 1e6);
  EXPECT_EQ(c.fullRope.factor, 8);

  // A factor alone is linear; the pattern may be a list or another length.
  model.entries.erase("gemma3.rope.scaling.type");
  EXPECT_EQ(model.config().fullRope.factor, 8);
  std::string pattern = "gemma3.attention.sliding_window_pattern";
  model.entries[pattern] = u32(3);
  EXPECT_FALSE(model.config().layers[2].sliding);
  model.entries[pattern] = flags({true, false, true, true, true, true, false});
  c = model.config();
  for (int i = 0; i < 7; ++i)
    EXPECT_EQ(c.layers[i].sliding, i != 1 && i != 6) << i;
  model.entries[pattern] = flags({true, false});
  EXPECT_EQ(model.error(),
            "key 'gemma3.attention.sliding_window_pattern': found an array of "
            "2 bool, expected an array of 7 bool, or a number");
  model.entries.erase(pattern);

  // The 27B scales scores by hidden size per head.
  model.entries["gemma3.block_count"] = u32(62);
  model.entries["gemma3.embedding_length"] = u32(64);
  EXPECT_EQ(model.config().queryScale, 0.25);
  model.entries["gemma3.rope.scaling.type"] = text("yarn");
  EXPECT_EQ(model.error(),
            "key 'gemma3.rope.scaling.type': found the string 'yarn', expected "
            "'none' or 'linear', the supported values");
}

TEST(GgufMetadata, ErrorsNameKeysAndTensors) {
  struct Case {
    std::function<void(TestModel &)> change;
    const char *error;
  };
  for (const Case &test : {
           Case{[](TestModel &m) {
                  m.entries["general.architecture"] = text("llama");
                },
                "key 'general.architecture': found the string 'llama', "
                "expected 'gemma4' or 'gemma3', the supported architectures"},
           Case{[](TestModel &m) {
                  m.entries["general.architecture"] = text("gemma4-assistant");
                },
                "key 'general.architecture': found the string "
                "'gemma4-assistant', expected 'gemma4': a drafter only runs "
                "beside the model that it drafts for; compile that model"},
           Case{
               [](TestModel &m) { m.entries["general.type"] = text("mmproj"); },
               "key 'general.type': found the string 'mmproj', expected "
               "'model': other files hold no language model"},
           Case{[](TestModel &m) {
                  m.entries.erase("gemma4.attention.shared_kv_layers");
                  m.vectors = {"blk.0.attn_k.weight", "blk.1.attn_k.weight"};
                },
                "key 'gemma4.attention.shared_kv_layers': found nothing, "
                "expected how many layers share keys and values, as "
                "'blk.3.attn_k.weight' is missing"},
           Case{[](TestModel &m) { m.entries.erase("gemma4.block_count"); },
                "key 'gemma4.block_count': found nothing, expected a whole "
                "number from 1 to 1024"},
           Case{[](TestModel &m) {
                  m.entries["gemma4.block_count"] = u32(100000);
                },
                "key 'gemma4.block_count': found 100000, expected a whole "
                "number from 1 to 1024"},
           Case{[](TestModel &m) {
                  m.entries["gemma4.attention.sliding_window_pattern"] =
                      flags({true, false});
                },
                "key 'gemma4.attention.sliding_window_pattern': found an array "
                "of 2 bool, expected an array of 4 bool"},
           Case{[](TestModel &m) {
                  m.entries["gemma4.feed_forward_length"] = list({1, 2, 3});
                },
                "key 'gemma4.feed_forward_length': found an array of 3 uint32, "
                "expected a whole number, or 4 of them, from 1 to 2147483648"},
           Case{[](TestModel &m) {
                  m.entries["gemma4.attention.head_count"] = list({4, 4, 4, 2});
                },
                "key 'gemma4.attention.head_count': found an array of 4 "
                "uint32, expected the same number for every layer"},
           Case{[](TestModel &m) {
                  m.entries["gemma4.attention.value_length"] = u32(16);
                },
                "key 'gemma4.attention.value_length': found 16, expected 32, "
                "the gemma4.attention.key_length"},
           Case{[](TestModel &m) {
                  m.entries["gemma4.rope.dimension_count_swa"] = u32(8);
                },
                "key 'gemma4.rope.dimension_count_swa': found 8, expected 16, "
                "the gemma4.attention.key_length_swa"},
           Case{[](TestModel &m) {
                  m.entries["gemma4.rope.freq_base"] = text("many");
                },
                "key 'gemma4.rope.freq_base': found the string 'many', "
                "expected a number"},
           Case{[](TestModel &m) { m.hasEmbedding = false; },
                "tensor 'token_embd.weight' is missing"},
           Case{[](TestModel &m) { m.divisors.clear(); },
                "tensor 'rope_freqs.weight' is missing, expected with shape "
                "[16]"},
           Case{[](TestModel &m) { m.divisors.pop_back(); },
                "tensor 'rope_freqs.weight' has 15 elements, expected 16, half "
                "of gemma4.attention.key_length"},
           Case{[](TestModel &m) { m.divisors[5] = 2; },
                "tensor 'rope_freqs.weight' holds 2.000000 at index 5, "
                "supported are ones followed by values of at least 1e20"},
           Case{[](TestModel &m) { m.divisors[9] = 1; },
                "tensor 'rope_freqs.weight' holds 1.000000 at index 9, "
                "supported are ones followed by values of at least 1e20"},
           Case{[](TestModel &m) { m.divisors.assign(16, 1e30f); },
                "tensor 'rope_freqs.weight' stops every pair, expected at "
                "least one that rotates"},
       }) {
    TestModel model;
    test.change(model);
    EXPECT_EQ(model.error(), test.error);
  }
}

TEST(GgufMetadata, GivesStopTokensAndSampling) {
  TestModel model;
  auto json = [&] {
    return nlohmann::json::parse(
        llvm::cantFail(makeGenerationJson(model.open())));
  };
  EXPECT_EQ(json(), nlohmann::json({{"eos_token_id", {106}}}));
  Entry pieces{8, {}, true};
  for (const char *piece : {"<pad>", "<eos>", "<turn|>", "<|tool_response>"})
    pieces.elements.push_back(ggufString(piece));
  model.entries["tokenizer.ggml.tokens"] = pieces;
  model.entries["tokenizer.ggml.eos_token_id"] = u32(2);
  model.entries["general.sampling.temp"] = f32(1);
  model.entries["general.sampling.top_k"] = u32(64);
  model.entries["general.sampling.top_p"] = f32(0.5f);
  EXPECT_EQ(json(), nlohmann::json({{"eos_token_id", {2, 1, 3}},
                                    {"temperature", 1.0},
                                    {"top_k", 64},
                                    {"top_p", 0.5},
                                    {"do_sample", true}}));
  model.entries["tokenizer.ggml.suppress_tokens"] =
      Entry{4, {u32(0).elements[0], u32(3).elements[0]}, true};
  EXPECT_EQ(json()["suppress_tokens"], (nlohmann::json{0, 3}));
  model.entries["tokenizer.ggml.suppress_tokens"] = u32(3);
  EXPECT_NE(errorOf(makeGenerationJson(model.open()))
                .find("tokenizer.ggml.suppress_tokens': found"),
            std::string::npos);
  model.entries.erase("tokenizer.ggml.suppress_tokens");
  model.entries["general.sampling.top_p"] = text("half");
  EXPECT_EQ(errorOf(makeGenerationJson(model.open())),
            model.path() + ": key 'general.sampling.top_p': found the string "
                           "'half', expected a number");
}
