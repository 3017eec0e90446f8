//===- GenerationConfig.cpp - generation_config.json ----------------------===//

#include "frontends/Config/TextFields.h"

using namespace gemcut::config;

GenerationConfig
gemcut::config::defaultGenerationConfig(const ModelConfig &model) {
  GenerationConfig generation;
  generation.bosId = model.bosId;
  generation.padId = model.padId;
  generation.eosIds = model.eosIds;
  return generation;
}

llvm::Expected<GenerationConfig> gemcut::config::parseGenerationConfig(
    llvm::StringRef jsonText, llvm::StringRef fileName,
    const ModelConfig &model, std::vector<std::string> *warnings) {
  auto root = checked_json::parseJsonObject(jsonText, fileName);
  if (!root)
    return root.takeError();
  GenerationConfig generation = defaultGenerationConfig(model);
  JsonFields fields(*root, fileName, "");
  int64_t lastId = model.vocabSize - 1;
  generation.bosId = fields.integer("bos_token_id", 0, lastId, model.bosId);
  generation.padId = fields.integer("pad_token_id", 0, lastId, model.padId);
  std::vector<int64_t> eos = fields.integers("eos_token_id", 0, kMaxVocab);
  if (!eos.empty())
    generation.eosIds = eos;
  generation.doSample = fields.boolean("do_sample", false);
  generation.temperature = float(fields.number("temperature", 0, 1e6, 1));
  generation.topK = fields.integer("top_k", 0, kMaxVocab, 0);
  generation.topP = float(fields.number("top_p", 0, 1, 1));
  generation.minP = float(fields.number("min_p", 0, 1, 0));
  generation.suppressIds = fields.integers("suppress_tokens", 0, kMaxVocab);
  if (fields.failed())
    return fields.takeError();
  warnOutsideVocabulary(fields, "eos_token_id", eos, model, warnings);
  warnOutsideVocabulary(fields, "suppress_tokens", generation.suppressIds,
                        model, warnings);
  fields.ignore({"_from_model_config", "transformers_version", "use_cache",
                 "output_attentions", "output_hidden_states",
                 "cache_implementation", "return_dict_in_generate"});
  fields.reportUnknown(warnings);
  return generation;
}
