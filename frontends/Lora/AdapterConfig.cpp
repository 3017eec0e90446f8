//===- AdapterConfig.cpp - adapter_config.json ----------------------------===//

#include "frontends/Lora/Adapter.h"

#include "frontends/Json/JsonFields.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::lora;
using checked_json::JsonFields;
using nlohmann::json;

static constexpr int64_t kMostRank = 4096;
static constexpr size_t kLongestPattern = 256;

static llvm::Regex getRegex(llvm::StringRef pattern) {
  return llvm::Regex(("^(.*\\.)?(" + pattern + ")$").str());
}

/// Fails unless `key` is absent, null, false or empty.
static void expectNone(JsonFields &fields, const char *key,
                       const std::string &expected) {
  const json *value = fields.find(key);
  if (value && *value != false && !value->empty())
    fields.refuse(key, expected);
}

/// An object of patterns and what `read` gets for each.
static std::vector<AdapterConfig::Override>
parsePattern(JsonFields &fields, const char *key,
             double (*read)(JsonFields &, const char *)) {
  std::vector<AdapterConfig::Override> overrides;
  const json *value = fields.find(key);
  if (!value || value->empty())
    return overrides;
  JsonFields patterns = fields.object(key);
  if (!patterns.failed())
    for (const auto &[pattern, unused] : value->items()) {
      // Python's \d and the like mean other things to POSIX, and nested counts
      // take as much memory as they say.
      bool isForeign = pattern.size() > kLongestPattern ||
                       pattern.find('{') != std::string::npos;
      for (size_t i = 0; i + 1 < pattern.size(); ++i)
        isForeign |= pattern[i] == '\\' && llvm::isAlnum(pattern[i + 1]);
      if (isForeign || !getRegex(pattern).isValid())
        patterns.fail(pattern.c_str(), "a name that is a regular expression "
                                       "without counts and classes such as "
                                       "\\d");
      overrides.push_back({pattern, read(patterns, pattern.c_str())});
    }
  fields.merge(patterns);
  return overrides;
}

/// The first override that matches; `fallback` without one. As PEFT does, names
/// match whole or behind a dot.
static double find(const std::vector<AdapterConfig::Override> &overrides,
                   llvm::StringRef module, double fallback) {
  for (const AdapterConfig::Override &override : overrides)
    if (getRegex(override.pattern).match(module))
      return override.value;
  return fallback;
}

int64_t AdapterConfig::getRank(llvm::StringRef module) const {
  return int64_t(find(ranks, module, double(rank)));
}

double AdapterConfig::getScale(llvm::StringRef module) const {
  double own = double(getRank(module));
  return find(alphas, module, alpha) / (rankStabilized ? std::sqrt(own) : own);
}

static double readRank(JsonFields &fields, const char *key) {
  return double(fields.integer(key, 1, kMostRank));
}

static double readAlpha(JsonFields &fields, const char *key) {
  return fields.number(key, -1e6, 1e6);
}

llvm::Expected<AdapterConfig>
gemcut::lora::parseAdapterConfig(llvm::StringRef text,
                                 llvm::StringRef fileName) {
  auto root = checked_json::parseJsonObject(text, fileName);
  if (!root)
    return root.takeError();
  JsonFields fields(*root, fileName, "");
  if (fields.string("peft_type", "LORA") != "LORA")
    fields.refuse("peft_type", "\"LORA\", the only supported type");
  AdapterConfig config;
  config.rank = int64_t(readRank(fields, "r"));
  config.alpha = readAlpha(fields, "lora_alpha");
  config.rankStabilized = fields.boolean("use_rslora", false);
  config.ranks = parsePattern(fields, "rank_pattern", readRank);
  config.alphas = parsePattern(fields, "alpha_pattern", readAlpha);
  expectNone(fields, "use_dora", "false: DoRA is not supported");
  expectNone(fields, "use_qalora", "false: QALoRA is not supported");
  if (fields.string("bias", "none") != "none")
    fields.refuse("bias", "\"none\": trained biases are not supported");
  expectNone(fields, "lora_bias", "false: trained biases are not supported");
  expectNone(fields, "fan_in_fan_out", "false, the only supported value");
  expectNone(fields, "modules_to_save",
             "null: modules that are saved whole are not supported");
  expectNone(fields, "target_parameters", "null, the only supported value");
  expectNone(fields, "trainable_token_indices",
             "null: trained tokens are not supported");
  expectNone(fields, "alora_invocation_tokens",
             "null: activated LoRA is not supported");
  // These start from another base than the checkpoint's.
  const json *start = fields.find("init_lora_weights");
  if (start && start->is_string())
    for (const char *name : {"pissa", "olora", "corda", "loftq"})
      if (llvm::StringRef(start->get_ref<const std::string &>())
              .starts_with_insensitive(name))
        fields.fail("init_lora_weights",
                    "an initialization that leaves the base weights as they "
                    "are; convert the adapter to one of these first");
  if (fields.failed())
    return fields.takeError();
  return config;
}
