//===- QuantizationConfig.cpp - quantization_config
//------------------------===//
//
// Which scheme of storing integers a checkpoint follows. How many bits a matrix
// has is not read here: its tensors say it.
//
//===----------------------------------------------------------------------===//

#include "frontends/Config/TextFields.h"

using namespace gemcut::config;

/// The groups of a compressed-tensors configuration, all of the one scheme that
/// is supported: int4 in groups of 32, activations as they are.
static void parsePackedGroups(JsonFields &fields) {
  if (fields.string("format", "") != "pack-quantized")
    fields.refuse("format", "\"pack-quantized\", the supported format");
  const nlohmann::json *listed = fields.find("config_groups");
  JsonFields groups = fields.object("config_groups");
  if (groups.failed() || !listed || !listed->is_object())
    return fields.merge(groups);
  for (const auto &entry : listed->items()) {
    std::string name = entry.key();
    const char *key = name.c_str();
    JsonFields group = groups.object(key);
    for (const char *activations : {"input_activations", "output_activations"})
      if (group.find(activations))
        group.refuse(activations,
                     "null: activations that are rounded are not supported");
    JsonFields weights = group.object("weights");
    if (weights.integer("num_bits", 1, 64) != 4)
      weights.refuse("num_bits", "4, the supported number");
    if (weights.string("type", "int") != "int")
      weights.refuse("type", "\"int\", the supported type");
    if (!weights.boolean("symmetric", true))
      weights.refuse("symmetric", "true: zero points are not supported");
    if (weights.string("strategy", "group") != "group")
      weights.refuse("strategy", "\"group\", the supported strategy");
    if (weights.integer("group_size", 1, kMaxWidth) != 32)
      weights.refuse("group_size", "32, the supported size");
    group.merge(weights);
    groups.merge(group);
  }
  fields.merge(groups);
}

/// The tensors say how many bits they have; here is only what none can have.
static void parseRowScales(JsonFields &fields) {
  int64_t bits = fields.integer("num_bits", 1, 64, 4);
  if (bits != 2 && bits != 4 && bits != 8)
    fields.refuse("num_bits", "2, 4 or 8, the supported numbers");
  if (fields.find("module_quant_configs"))
    fields.object("module_quant_configs");
}

void gemcut::config::parseQuantization(JsonFields &fields, ModelConfig &config,
                                       std::vector<std::string> *warnings) {
  if (!fields.find("quantization_config"))
    return;
  JsonFields scheme = fields.object("quantization_config");
  std::string method = scheme.string("quant_method", "");
  if (method == "gemma") {
    config.storedAs = StoredAs::RowScales;
    parseRowScales(scheme);
  } else if (method == "compressed-tensors") {
    config.storedAs = StoredAs::PackedGroups;
    if (!scheme.failed())
      parsePackedGroups(scheme);
    if (scheme.find("kv_cache_scheme"))
      scheme.warn("kv_cache_scheme",
                  "is not followed; keys and values are stored as --kv says, "
                  "by default in bf16",
                  warnings);
  } else {
    scheme.refuse("quant_method", "\"gemma\" or \"compressed-tensors\", the "
                                  "supported methods");
  }
  fields.merge(scheme);
}

void gemcut::config::parseTied(JsonFields &fields, ModelConfig &config) {
  if (!fields.boolean("tie_word_embeddings", true))
    config.tiedEmbeddings = false;
}
