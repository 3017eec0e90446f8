//===- ModelMetadata.cpp - Metadata as configuration files ----------------===//

#include "frontends/GGUF/ModelMetadata.h"

#include "frontends/GGUF/TensorNames.h"
#include "frontends/Json/Unsupported.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <nlohmann/json.hpp>

using namespace gemcut;
using namespace gemcut::gguf;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace {

// Bounds that keep arrays small; parseModelConfig checks what the sizes mean.
constexpr int64_t kMostLayers = 1024, kMost = int64_t(1) << 31;

/// Divisors of rotary frequencies: 1 leaves a pair alone, and this or more
/// stops it (the tools write 1e30).
constexpr float kStopped = 1e20f;

class ConfigMaker {
public:
  ConfigMaker(const Checkpoint &checkpoint, StringRef architecture)
      : checkpoint(checkpoint), metadata(checkpoint.metadata()),
        architecture(architecture) {}

  llvm::Expected<std::string> make() {
    for (Error (ConfigMaker::*step)() :
         {&ConfigMaker::addSizes, &ConfigMaker::addKinds,
          &ConfigMaker::addHeads, &ConfigMaker::addExperts,
          &ConfigMaker::addTables, &ConfigMaker::addKeyIsValue,
          &ConfigMaker::addRope})
      if (Error error = (this->*step)())
        return std::move(error);
    return config.dump();
  }

private:
  const Checkpoint &checkpoint;
  const Metadata &metadata;
  const std::string architecture;
  json config = {{"model_type", "gemma4_text"},
                 {"hidden_activation", "gelu_pytorch_tanh"},
                 {"tie_word_embeddings", true},
                 {"dtype", "bfloat16"}};
  size_t layers = 0;
  int64_t headDim = 0, slidingHeadDim = 0;
  std::vector<bool> sliding; ///< by layer

  std::string keyOf(StringRef suffix) const {
    return architecture + "." + suffix.str();
  }

  bool hasTensor(StringRef name) const {
    return checkpoint.find(*officialName(name)).has_value();
  }

  /// Copies an integer of the metadata to `field`.
  Error copy(const char *field, StringRef suffix,
             std::optional<int64_t> fallback = {}) {
    auto value = metadata.integer(keyOf(suffix), 0, kMost, fallback);
    if (!value)
      return value.takeError();
    config[field] = *value;
    return Error::success();
  }
  Error copyNumber(json &field, StringRef suffix) {
    auto value = metadata.number(keyOf(suffix));
    if (!value)
      return value.takeError();
    field = *value;
    return Error::success();
  }

  Error addSizes() {
    auto count = metadata.integer(keyOf("block_count"), 1, kMostLayers);
    if (!count)
      return count.takeError();
    layers = size_t(*count);
    config["num_hidden_layers"] = layers;
    auto heads =
        metadata.integers(keyOf("attention.head_count"), layers, 1, kMost);
    if (!heads)
      return heads.takeError();
    if (!llvm::all_equal(*heads))
      return metadata.fail(keyOf("attention.head_count"),
                           "the same number for every layer");
    config["num_attention_heads"] = heads->front();
    for (auto [field, suffix] :
         {std::pair("hidden_size", "embedding_length"),
          {"max_position_embeddings", "context_length"},
          {"sliding_window", "attention.sliding_window"}})
      if (Error error = copy(field, suffix))
        return error;
    for (auto [field, suffix] :
         {std::pair("num_kv_shared_layers", "attention.shared_kv_layers"),
          {"hidden_size_per_layer_input", "embedding_length_per_layer_input"}})
      if (Error error = copy(field, suffix, 0))
        return error;
    // Absent, it means 0; then the last layer has keys as the first.
    if (std::string key = keyOf("attention.shared_kv_layers"),
        last = "blk." + std::to_string(layers - 1) + ".attn_k.weight";
        !metadata.find(key) && hasTensor("blk.0.attn_k.weight") &&
        !hasTensor(last))
      return metadata.fail(key, "how many layers share keys and values, as '" +
                                    last + "' is missing");
    if (metadata.find(keyOf("final_logit_softcapping")))
      if (Error error = copyNumber(config["final_logit_softcapping"],
                                   "final_logit_softcapping"))
        return error;
    for (auto [field, key] :
         {std::pair("bos_token_id", "tokenizer.ggml.bos_token_id"),
          {"pad_token_id", "tokenizer.ggml.padding_token_id"},
          {"eos_token_id", "tokenizer.ggml.eos_token_id"}}) {
      if (!metadata.find(key))
        continue;
      auto id = metadata.integer(key, 0, kMost);
      if (!id)
        return id.takeError();
      config[field] = *id;
    }
    return copyNumber(config["rms_norm_eps"],
                      "attention.layer_norm_rms_epsilon");
  }

  Error addKinds() {
    std::string key = keyOf("attention.sliding_window_pattern");
    const Value *pattern = metadata.find(key);
    if (!pattern || !pattern->isArray || pattern->type != ValueType::Bool ||
        pattern->count != layers)
      return metadata.fail(key, "an array of " + Twine(layers) + " bool");
    for (size_t i = 0; i < layers; ++i) {
      sliding.push_back(*pattern->boolean(i));
      config["layer_types"].push_back(sliding[i] ? "sliding_attention"
                                                 : "full_attention");
    }
    return Error::success();
  }

  /// Head dimensions by kind; KV heads and MLP widths of each layer.
  Error addHeads() {
    for (auto [suffix, dimension] :
         {std::pair("", &headDim), {"_swa", &slidingHeadDim}}) {
      // Without sizes of their own, sliding layers have those of the others.
      std::optional<int64_t> fallback;
      if (*suffix)
        fallback = headDim;
      std::string key = keyOf("attention.key_length") + suffix;
      auto length = metadata.integer(key, 1, kMost, fallback);
      if (!length)
        return length.takeError();
      *dimension = *length;
      for (const char *same :
           {"attention.value_length", "rope.dimension_count"}) {
        auto other = metadata.integer(keyOf(same) + suffix, 1, kMost, *length);
        if (!other)
          return other.takeError();
        if (*other != *length)
          return metadata.fail(keyOf(same) + suffix,
                               Twine(*length) + ", the " + key);
      }
    }
    auto kvHeads =
        metadata.integers(keyOf("attention.head_count_kv"), layers, 1, kMost);
    if (!kvHeads)
      return kvHeads.takeError();
    auto widths =
        metadata.integers(keyOf("feed_forward_length"), layers, 1, kMost);
    if (!widths)
      return widths.takeError();
    config["head_dim"] = slidingHeadDim;
    config["num_key_value_heads"] = kvHeads->front();
    config["intermediate_size"] = widths->front();
    json &perLayer = config["per_layer_config"];
    for (size_t i = 0; i < layers; ++i)
      perLayer[std::to_string(i)] = {
          {"head_dim", sliding[i] ? slidingHeadDim : headDim},
          {"num_key_value_heads", (*kvHeads)[i]},
          {"intermediate_size", (*widths)[i]}};
    return Error::success();
  }

  Error addExperts() {
    auto count = metadata.integer(keyOf("expert_count"), 0, kMost, 0);
    if (!count)
      return count.takeError();
    config["enable_moe_block"] = *count > 0;
    if (!*count)
      return Error::success();
    config["num_experts"] = *count;
    if (Error error = copy("top_k_experts", "expert_used_count"))
      return error;
    return copy("moe_intermediate_size", "expert_feed_forward_length");
  }

  /// Rows of the embedding tables.
  Error addTables() {
    for (auto [field, gguf] :
         {std::pair("vocab_size", "token_embd.weight"),
          {"vocab_size_per_layer_input", "per_layer_token_embd.weight"}}) {
      auto table = checkpoint.find(*officialName(gguf));
      if (table)
        config[field] = table->shape.front();
      else if (StringRef(field) == "vocab_size")
        return createStringError(metadata.fileName() + ": tensor '" + gguf +
                                 "' is missing");
    }
    return Error::success();
  }

  /// Keys are values where the first full layer with its own has no attn_v; a
  /// file in which others differ lacks a tensor or has one too many.
  Error addKeyIsValue() {
    size_t own =
        layers -
        std::min<size_t>(layers, config["num_kv_shared_layers"].get<size_t>());
    for (size_t i = 0; i < own; ++i)
      if (!sliding[i]) {
        std::string value = "blk." + std::to_string(i) + ".attn_v.weight";
        config["attention_k_eq_v"] = !checkpoint.find(*officialName(value));
        break;
      }
    return Error::success();
  }

  Error addRope() {
    json &rope = config["rope_parameters"];
    if (llvm::is_contained(sliding, true)) {
      json &kind = rope["sliding_attention"];
      kind["rope_type"] = "default";
      if (Error error = copyNumber(kind["rope_theta"], "rope.freq_base_swa"))
        return error;
    }
    if (!llvm::is_contained(sliding, false))
      return Error::success();
    json &kind = rope["full_attention"];
    kind["rope_type"] = "proportional";
    auto pairs = rotatedPairs();
    if (!pairs)
      return pairs.takeError();
    // The parser multiplies and rounds down: aim between two counts.
    int64_t all = headDim / 2;
    kind["partial_rotary_factor"] =
        *pairs == all ? 1.0 : (double(*pairs) + 0.5) / double(all);
    return copyNumber(kind["rope_theta"], "rope.freq_base");
  }

  /// How many pairs of a full-attention head rotate, by rope_freqs: divisors
  /// of 1, then of infinity or nearly so.
  llvm::Expected<int64_t> rotatedPairs() {
    std::string where =
        metadata.fileName() + ": tensor " + quote(kRopeFrequencies) + " ";
    auto info = checkpoint.find(kRopeFrequencies);
    int64_t all = headDim / 2;
    if (!info)
      return createStringError(where + "is missing, expected with shape [" +
                               Twine(all) + "]");
    if (info->elements() != all)
      return createStringError(where + "has " + Twine(info->elements()) +
                               " elements, expected " + Twine(all) +
                               ", half of " + keyOf("attention.key_length"));
    std::vector<float> divisors(static_cast<size_t>(all));
    if (Error error = checkpoint.readF32(kRopeFrequencies, 0, divisors))
      return std::move(error);
    auto stopped = llvm::find_if(divisors, [](float d) { return d != 1; });
    auto odd = std::find_if(stopped, divisors.end(),
                            [](float d) { return !(d >= kStopped); });
    if (odd != divisors.end())
      return createStringError(
          where + "holds " + std::to_string(*odd) + " at index " +
          Twine(odd - divisors.begin()) +
          ", supported are ones followed by values of at least 1e20");
    if (stopped == divisors.begin())
      return createStringError(where + "stops every pair, expected at least "
                                       "one that rotates");
    return stopped - divisors.begin();
  }
};

/// Tokens of the chat formats behind which a model stops, by content.
constexpr llvm::StringLiteral kStopTokens[] = {
    "<eos>", "<turn|>", "<|tool_response>", "<end_of_turn>"};

} // namespace

llvm::Expected<std::string>
gemcut::gguf::makeConfigJson(const Checkpoint &checkpoint) {
  auto type = checkpoint.metadata().string("general.type", "model");
  if (!type)
    return type.takeError();
  if (*type != "model")
    return gemcut::asUnsupported(checkpoint.metadata().fail(
        "general.type", "'model': other files hold no language model"));
  auto architecture = checkpoint.metadata().string("general.architecture");
  if (!architecture)
    return architecture.takeError();
  if (*architecture == "gemma4")
    return ConfigMaker(checkpoint, *architecture).make();
  if (*architecture == "gemma3")
    return makeGemma3ConfigJson(checkpoint);
  return gemcut::asUnsupported(checkpoint.metadata().fail(
      "general.architecture",
      StringRef(*architecture).starts_with("gemma4")
          ? "'gemma4': a drafter only runs beside the model that it drafts "
            "for; compile that model"
          : "'gemma4' or 'gemma3', the supported architectures"));
}

llvm::Expected<config::ModelConfig>
gemcut::gguf::readModelConfig(const Checkpoint &checkpoint,
                              std::vector<std::string> *warnings) {
  auto text = makeConfigJson(checkpoint);
  if (!text)
    return text.takeError();
  auto config = config::parseModelConfig(
      *text, checkpoint.metadata().fileName() + " (metadata)", warnings);
  if (config)
    config->offsetNorms = false;
  return config;
}

llvm::Expected<std::string>
gemcut::gguf::makeGenerationJson(const Checkpoint &checkpoint) {
  const Metadata &metadata = checkpoint.metadata();
  std::vector<int64_t> stops;
  auto add = [&](int64_t id) {
    if (!llvm::is_contained(stops, id))
      stops.push_back(id);
  };
  for (const char *key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
        "tokenizer.ggml.eom_token_id"}) {
    if (!metadata.find(key))
      continue;
    auto id = metadata.integer(key, 0, kMost);
    if (!id)
      return id.takeError();
    add(*id);
  }
  if (const Value *tokens = metadata.find("tokenizer.ggml.tokens"))
    if (auto pieces = tokens->strings())
      for (StringRef name : kStopTokens)
        if (auto found = llvm::find(*pieces, name); found != pieces->end())
          add(found - pieces->begin());
  json generation = json::object();
  if (!stops.empty())
    generation["eos_token_id"] = stops;
  constexpr StringRef kSuppressed = "tokenizer.ggml.suppress_tokens";
  if (const Value *suppressed = metadata.find(kSuppressed)) {
    json ids = json::array();
    for (uint64_t i = 0; suppressed->isArray && i < suppressed->count; ++i)
      if (std::optional<int64_t> id = suppressed->integer(i))
        ids.push_back(*id);
    if (!suppressed->isArray || ids.size() != suppressed->count)
      return metadata.fail(kSuppressed, "an array of token ids");
    generation["suppress_tokens"] = ids;
  }
  for (auto [field, key] : {std::pair("temperature", "general.sampling.temp"),
                            {"top_k", "general.sampling.top_k"},
                            {"top_p", "general.sampling.top_p"},
                            {"min_p", "general.sampling.min_p"}}) {
    const Value *value = metadata.find(key);
    if (!value)
      continue;
    auto number = metadata.number(key);
    if (!number)
      return number.takeError();
    if (std::optional<int64_t> whole = value->integer())
      generation[field] = *whole;
    else
      generation[field] = *number;
    generation["do_sample"] = true;
  }
  return generation.dump();
}
