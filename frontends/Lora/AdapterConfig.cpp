//===- AdapterConfig.cpp - adapter_config.json ----------------------------===//

#include "frontends/Lora/Adapter.h"

#include "frontends/Config/JsonFields.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::lora;
using config::JsonFields;
using nlohmann::json;

/// Fails unless `key` is absent, null, false or empty.
static void expectNone(JsonFields &fields, const char *key,
                       const std::string &expected) {
  const json *value = fields.find(key);
  if (value && *value != false && !value->empty())
    fields.fail(key, expected);
}

llvm::Expected<AdapterConfig>
gemcut::lora::parseAdapterConfig(llvm::StringRef text,
                                 llvm::StringRef fileName) {
  auto root = config::parseJsonObject(text, fileName);
  if (!root)
    return root.takeError();
  JsonFields fields(*root, fileName, "");
  if (fields.string("peft_type", "LORA") != "LORA")
    fields.fail("peft_type", "\"LORA\", the only supported type");
  AdapterConfig config;
  config.rank = fields.integer("r", 1, 4096);
  double alpha = fields.number("lora_alpha", -1e6, 1e6);
  config.scale =
      alpha / (fields.boolean("use_rslora", false) ? std::sqrt(config.rank)
                                                   : double(config.rank));
  expectNone(fields, "use_dora", "false: DoRA is not supported");
  expectNone(fields, "use_qalora", "false: QALoRA is not supported");
  if (fields.string("bias", "none") != "none")
    fields.fail("bias", "\"none\": trained biases are not supported");
  expectNone(fields, "lora_bias", "false: trained biases are not supported");
  expectNone(fields, "fan_in_fan_out", "false, the only supported value");
  expectNone(fields, "modules_to_save",
             "null: modules that are saved whole are not supported");
  expectNone(fields, "target_parameters", "null, the only supported value");
  expectNone(fields, "trainable_token_indices",
             "null: trained tokens are not supported");
  expectNone(fields, "alora_invocation_tokens",
             "null: activated LoRA is not supported");
  expectNone(fields, "rank_pattern", "{}: one rank for all modules");
  expectNone(fields, "alpha_pattern", "{}: one alpha for all modules");
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
