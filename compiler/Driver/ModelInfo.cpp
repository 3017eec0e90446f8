//===- ModelInfo.cpp - gemcut_model_info of a compiled model --------------===//

#include "compiler/Driver/ModelInfo.h"

#include "compiler/Driver/JsonText.h"
#include "compiler/Explain/CollectStages.h"
#include "dialects/Kernel/KernelOps.h"
#include "frontends/Tokenizer/TokenizerTables.h"

#include "llvm/Support/Path.h"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <map>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;

namespace {

void copyText(char *out, size_t size, StringRef text) {
  std::memset(out, 0, size);
  std::memcpy(out, text.data(), std::min(text.size(), size - 1));
}

llvm::Error addRowTables(ModuleOp module, gemcut_model_info &info) {
  for (auto packed : module.getOps<kernel::PackedOp>()) {
    auto type = cast<kernel::WeightType>(packed.getType());
    if (type.getLayout() != kernel::Layout::Rows)
      continue;
    if (info.row_table_count == GEMCUT_MAX_ROW_TABLES)
      return llvm::createStringError(
          "the model has more tables of single rows than the " +
          std::to_string(GEMCUT_MAX_ROW_TABLES) + " that are supported");
    info.row_tables[info.row_table_count++] = {
        uint64_t(*packed.getOffset()), uint32_t(type.getRows()),
        uint32_t(type.getTableRowBytes())};
  }
  return llvm::Error::success();
}

llvm::Error addKvCaches(ModuleOp module, gemcut_model_info &info) {
  for (auto cache : module.getOps<kernel::CacheOp>()) {
    auto type = cast<kernel::CacheType>(cache.getType());
    if (info.kv_cache_count == GEMCUT_MAX_KV_CACHES)
      return llvm::createStringError(
          "the model has more layers with KV of their own than the " +
          std::to_string(GEMCUT_MAX_KV_CACHES) + " that are supported");
    info.kv_caches[info.kv_cache_count++] = {
        uint64_t(*cache.getOffset()), uint32_t(2 * type.getHeads()),
        uint32_t(type.getValueOffset(0) / type.getHeads() * GEMCUT_KV_BLOCK /
                 type.getCapacity()),
        uint32_t(type.getCapacity()), uint32_t(type.getWindow())};
  }
  return llvm::Error::success();
}

std::string recipeName(StringRef quant) {
  return quant.ends_with(".json") ? llvm::sys::path::stem(quant).str()
                                  : quant.str();
}

} // namespace

llvm::Expected<gemcut_model_info>
gemcut::driver::makeModelInfo(const LoadedModel &model,
                              const CompileOptions &options,
                              const MemoryPlan &plan, ModuleOp kernelModule) {
  gemcut_model_info info = {};
  info.version = GEMCUT_MODEL_VERSION;
  info.size = sizeof(info);
  copyText(info.name, sizeof(info.name), model.name);
  copyText(info.quantization, sizeof(info.quantization),
           recipeName(options.plan.quant));
  copyText(info.kv_type, sizeof(info.kv_type), options.plan.kv);
  const config::ModelConfig &config = model.config;
  info.vocab_size = int32_t(config.vocabSize);
  info.layers = int32_t(config.numLayers());
  info.hidden_size = int32_t(config.hiddenSize);
  info.context = int32_t(plan.context);
  info.slots = int32_t(plan.slots);
  info.decode_max_rows = entryRows(kernelModule, "decode");
  info.prefill_chunk = entryRows(kernelModule, "prefill");
  info.score_chunk = entryRows(kernelModule, "score");
  info.two_stage_head = entryRows(kernelModule, "rescore") > 0;
  info.last_own_kv_layer = int32_t(config.firstSharedLayer() - 1);
  info.arena_bytes = plan.arenaBytes;
  info.score_arena_bytes = plan.scoreArenaBytes;
  info.kv_slot_bytes = plan.kvSlotBytes;
  info.weight_bytes = plan.weightBytes;
  info.weight_bytes_per_token = plan.weightBytesPerToken;
  info.table_resident_bytes = plan.tableBound;
  if (llvm::Error error = addRowTables(kernelModule, info))
    return error;
  if (llvm::Error error = addKvCaches(kernelModule, info))
    return error;

  auto role = [&](gemcut_token_role which, int64_t fallback = -1) {
    return model.tokenizer.empty()
               ? int32_t(fallback)
               : tokenizer::findRole(model.tokenizer, which);
  };
  info.special.pad = role(GEMCUT_TOKEN_PAD, config.padId);
  info.special.bos = role(GEMCUT_TOKEN_BOS, config.bosId);
  info.special.eos = role(GEMCUT_TOKEN_EOS,
                          config.eosIds.empty() ? -1 : config.eosIds.front());
  info.special.turn_open = role(GEMCUT_TOKEN_TURN_OPEN);
  info.special.turn_close = role(GEMCUT_TOKEN_TURN_CLOSE);
  info.special.think = role(GEMCUT_TOKEN_THINK);
  info.special.channel_open = role(GEMCUT_TOKEN_CHANNEL_OPEN);
  info.special.channel_close = role(GEMCUT_TOKEN_CHANNEL_CLOSE);

  for (const lora::RuntimeRequest &request : options.weights.runtimeLoras)
    copyText(info.adapters[info.adapter_count++], GEMCUT_ADAPTER_NAME,
             request.name);
  const config::GenerationConfig &generation = model.generation;
  if (generation.eosIds.size() > GEMCUT_MAX_STOP_IDS ||
      generation.suppressIds.size() > GEMCUT_MAX_SUPPRESSED_IDS)
    return llvm::createStringError(
        "generation_config.json: found " +
        std::to_string(generation.eosIds.size()) + " stop ids and " +
        std::to_string(generation.suppressIds.size()) +
        " suppressed ids, supported are up to " +
        std::to_string(GEMCUT_MAX_STOP_IDS) + " and " +
        std::to_string(GEMCUT_MAX_SUPPRESSED_IDS));
  // An id outside the vocabulary can never be chosen.
  for (int64_t id : generation.eosIds)
    if (id < config.vocabSize)
      info.stop_ids[info.stop_id_count++] = int32_t(id);
  for (int64_t id : generation.suppressIds)
    if (id < config.vocabSize)
      info.suppressed_ids[info.suppressed_id_count++] = int32_t(id);
  for (int64_t id : config.placeholderIds)
    info.placeholder_ids[info.placeholder_id_count++] = int32_t(id);
  info.placeholder_row = int32_t(config.padId);
  info.do_sample = generation.doSample;
  info.temperature = generation.temperature;
  info.top_k = int32_t(generation.topK);
  info.top_p = generation.topP;
  info.min_p = generation.minP;
  return info;
}

static std::string formatHash(const TextName &text) {
  return fmt::format("{:016x}", text.checksum);
}

std::string gemcut::driver::makeReport(
    const LoadedModel &model, const CompileOptions &options,
    const targets::TargetSpec &spec, const MemoryPlan &plan,
    ModuleOp kernelModule, llvm::ArrayRef<artifact::Conversion> conversions,
    const ReportFacts &facts) {
  std::map<std::string, uint64_t> formats;
  for (auto packed : kernelModule.getOps<kernel::PackedOp>()) {
    auto type = cast<kernel::WeightType>(packed.getType());
    formats[stringifyFormat(type.getFormat()).str()] +=
        uint64_t(type.getByteSize());
  }
  nlohmann::ordered_json report;
  report["model"] = model.name;
  report["model_type"] = model.config.modelType;
  report["target"] = spec.name;
  for (const targets::IsaLevel &level : spec.levels)
    report["levels"][level.name] = level.cpuidFeatures;
  report["quantization"] = recipeName(options.plan.quant);
  report["kv"] = options.plan.kv;
  report["weights_random"] = options.weights.randomSeed.has_value();
  for (const lora::MergeRequest &request : options.weights.loras)
    report["lora"].push_back(
        {{"name", llvm::sys::path::filename(request.directory).str()},
         {"strength", request.strength}});
  report["bytes_by_format"] = formats;
  if (facts.calibrationText)
    report["calibration"] = {{"text", facts.calibrationText->name},
                             {"xxh64", formatHash(*facts.calibrationText)},
                             {"tokens", facts.calibrationTokens}};
  if (facts.quality) {
    const TextQuality &quality = *facts.quality;
    report["certificate"] = {
        // First: `OUT info` prints it without reading JSON.
        {"summary", quality.summary()},
        {"text", quality.text.name},
        {"xxh64", formatHash(quality.text)},
        {"rows", quality.rows},
        {"tokens", quality.predicted},
        {"mean_kl_divergence", quality.meanKl},
        {"top1_agreement", quality.top1},
        {"perplexity", std::exp(quality.meanNll)},
        {"bf16_perplexity", std::exp(quality.referenceNll)}};
  }
  for (const artifact::Conversion &conversion : conversions)
    report[kConversionsKey][conversion.tensor] =
        fmt::format("{:.3e}", conversion.relativeError);
  report["weight_bytes"] = plan.weightBytes;
  report["weight_bytes_per_token"] = plan.weightBytesPerToken;
  report["kv_slot_bytes"] = plan.kvSlotBytes;
  report["kv_formula"] = plan.kvFormula;
  report["arena_bytes"] = plan.arenaBytes;
  report["context"] = plan.context;
  report["slots"] = plan.slots;
  report[explain::kStagesKey] =
      explain::toJson(explain::collectStages(kernelModule));
  return toText(report);
}
