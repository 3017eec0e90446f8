//===- Gemma3Metadata.cpp - Metadata of Gemma 3 as config.json ------------===//
//
// What the files leave out is in llama.cpp's loader (src/models/gemma3.cpp):
// the default pattern of layers, theta of sliding ones, the factor of scores.
//
//===----------------------------------------------------------------------===//

#include "frontends/GGUF/ModelMetadata.h"
#include "frontends/GGUF/TensorNames.h"

#include <nlohmann/json.hpp>

using namespace gemcut::gguf;
using llvm::createStringError;
using llvm::Error;
using nlohmann::json;

/// Layers of the model whose scores are scaled by hidden size per head (27B);
/// the others scale by the size of a head.
static constexpr int64_t kLayersOf27B = 62;
static constexpr int64_t kMost = int64_t(1) << 31;

/// A list with true for sliding layers, or the length of a pattern that ends
/// with a full one: 6 where the file says nothing.
static Error addKinds(const Metadata &metadata, json &config) {
  const char *key = "gemma3.attention.sliding_window_pattern";
  const Value *pattern = metadata.find(key);
  if (!pattern || !pattern->isArray) {
    auto length = metadata.integer(key, 1, kMost, 6);
    if (!length)
      return length.takeError();
    config["sliding_window_pattern"] = *length;
    return Error::success();
  }
  auto layers = config["num_hidden_layers"].get<uint64_t>();
  if (pattern->type != ValueType::Bool || pattern->count != layers)
    return metadata.fail(key, "an array of " + llvm::Twine(layers) +
                                  " bool, or a number");
  for (uint64_t i = 0; i < layers; ++i)
    config["layer_types"].push_back(*pattern->boolean(i) ? "sliding_attention"
                                                         : "full_attention");
  return Error::success();
}

static Error addRope(const Metadata &metadata, json &rope) {
  auto full = metadata.number("gemma3.rope.freq_base", 1e6);
  if (!full)
    return full.takeError();
  auto sliding = metadata.number("gemma3.rope.freq_base_swa", 1e4);
  if (!sliding)
    return sliding.takeError();
  auto scaling = metadata.string(
      "gemma3.rope.scaling.type",
      metadata.find("gemma3.rope.scaling.factor") ? "linear" : "none");
  if (!scaling)
    return scaling.takeError();
  rope["sliding_attention"] = {{"rope_type", "default"},
                               {"rope_theta", *sliding}};
  rope["full_attention"] = {{"rope_type", "default"}, {"rope_theta", *full}};
  if (*scaling == "none")
    return Error::success();
  if (*scaling != "linear")
    return metadata.fail("gemma3.rope.scaling.type",
                         "'none' or 'linear', the supported values");
  auto factor = metadata.number("gemma3.rope.scaling.factor");
  if (!factor)
    return factor.takeError();
  rope["full_attention"]["rope_type"] = "linear";
  rope["full_attention"]["factor"] = *factor;
  return Error::success();
}

llvm::Expected<std::string>
gemcut::gguf::makeGemma3ConfigJson(const Checkpoint &checkpoint) {
  const Metadata &metadata = checkpoint.metadata();
  json config = {{"model_type", "gemma3_text"}, {"dtype", "bfloat16"}};
  struct Field {
    const char *name, *key;
    std::optional<int64_t> fallback = {};
  };
  for (const Field &field :
       {Field{"num_hidden_layers", "gemma3.block_count"},
        Field{"hidden_size", "gemma3.embedding_length"},
        Field{"intermediate_size", "gemma3.feed_forward_length"},
        Field{"max_position_embeddings", "gemma3.context_length"},
        Field{"num_attention_heads", "gemma3.attention.head_count"},
        Field{"num_key_value_heads", "gemma3.attention.head_count_kv"},
        Field{"head_dim", "gemma3.attention.key_length", 256},
        Field{"sliding_window", "gemma3.attention.sliding_window"},
        Field{"bos_token_id", "tokenizer.ggml.bos_token_id", 2},
        Field{"pad_token_id", "tokenizer.ggml.padding_token_id", 0},
        Field{"eos_token_id", "tokenizer.ggml.eos_token_id", 1}}) {
    auto value = metadata.integer(field.key, 0, kMost, field.fallback);
    if (!value)
      return value.takeError();
    config[field.name] = *value;
  }
  if (Error error = addKinds(metadata, config))
    return std::move(error);
  int64_t headDim = config["head_dim"], heads = config["num_attention_heads"];
  auto valueLength = metadata.integer("gemma3.attention.value_length", headDim,
                                      headDim, headDim);
  if (!valueLength)
    return valueLength.takeError();
  config["query_pre_attn_scalar"] =
      config["num_hidden_layers"] == kLayersOf27B && heads
          ? config["hidden_size"].get<int64_t>() / heads
          : headDim;
  auto epsilon = metadata.number("gemma3.attention.layer_norm_rms_epsilon");
  if (!epsilon)
    return epsilon.takeError();
  config["rms_norm_eps"] = *epsilon;
  if (metadata.find("gemma3.final_logit_softcapping")) {
    auto cap = metadata.number("gemma3.final_logit_softcapping");
    if (!cap)
      return cap.takeError();
    config["final_logit_softcapping"] = *cap;
  }
  auto table = checkpoint.find(*officialName("token_embd.weight"));
  if (!table)
    return createStringError(metadata.fileName() +
                             ": tensor 'token_embd.weight' is missing");
  config["vocab_size"] = table->shape.front();
  if (Error error = addRope(metadata, config["rope_parameters"]))
    return std::move(error);
  return config.dump();
}
