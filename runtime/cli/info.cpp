//===- info.cpp - The `info` command --------------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/json.h"
#include "runtime/core/cores.h"
#include "runtime/core/cpu.h"
#include "runtime/session/baked_prefix.h"

#include <algorithm>
#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

static bool isSupported(const gemcut_level &level, CpuFeatures cpu) {
  CpuFeatures needed;
  return parseCpuFeatures(level.features, needed) == GEMCUT_OK &&
         (needed & ~cpu) == 0;
}

static void writeIds(JsonWriter &json, const char *name, const int32_t *ids,
                     int32_t count) {
  json.key(name);
  json.beginArray();
  for (int32_t i = 0; i < count; ++i)
    json.integer(ids[i]);
  json.endArray();
}

static void writeModel(JsonWriter &json) {
  const gemcut_model_info &model = gemcut_model;
  json.member("name", model.name);
  json.member("quantization", model.quantization);
  json.member("kv_type", model.kv_type);
  json.member("vocab_size", model.vocab_size);
  json.member("layers", model.layers);
  json.member("hidden_size", model.hidden_size);
  json.member("last_own_kv_layer", model.last_own_kv_layer);
  json.member("context", model.context);
  json.member("slots", model.slots);
  json.member("decode_max_rows", model.decode_max_rows);
  json.member("prefill_chunk", model.prefill_chunk);
  json.member("score_chunk", model.score_chunk);
  json.member("weight_bytes", model.weight_bytes);
  json.member("weight_bytes_per_token", model.weight_bytes_per_token);
  json.member("arena_bytes", model.arena_bytes);
  json.member("kv_slot_bytes", model.kv_slot_bytes);
  json.member("resident_weight_bytes", gemcut_resident_weight_bytes(&model));
  json.member("table_resident_bytes", gemcut_table_resident_bytes(&model));
  int32_t threads = std::min(detectUsableCores().getThreads(), kMaxThreads);
  json.member("private_bytes",
              gemcut_private_bytes(&model, /*slots=*/1, threads));
  json.member("generate_bytes",
              gemcut_generate_bytes(&model, /*slots=*/1, threads));
  json.key("adapters");
  json.beginArray();
  for (int32_t i = 0; i < model.adapter_count; ++i)
    json.string(model.adapters[i]);
  json.endArray();
  const gemcut_special_ids &special = model.special;
  json.key("special_ids");
  json.beginObject();
  json.member("pad", special.pad);
  json.member("bos", special.bos);
  json.member("eos", special.eos);
  json.member("turn_open", special.turn_open);
  json.member("turn_close", special.turn_close);
  json.member("think", special.think);
  json.member("channel_open", special.channel_open);
  json.member("channel_close", special.channel_close);
  json.endObject();
  writeIds(json, "stop_ids", model.stop_ids, model.stop_id_count);
  writeIds(json, "suppressed_ids", model.suppressed_ids,
           model.suppressed_id_count);
  writeIds(json, "placeholder_ids", model.placeholder_ids,
           model.placeholder_id_count);
  SamplerOptions sampling = getDefaultSampling(model);
  json.key("sampling");
  json.beginObject();
  json.member("temperature", double(sampling.temperature));
  json.member("top_k", sampling.topK);
  json.member("top_p", double(sampling.topP));
  json.member("min_p", double(sampling.minP));
  json.endObject();
}

namespace {
/// What --bake-prefix put into the file.
struct PrefixInfo {
  size_t messages = 0, tools = 0, tokens = 0;
  std::vector<const char *> levels; // whose states are there
};
} // namespace

/// Nothing without a prefix.
static gemcut_status readPrefix(const Artifact &artifact, PrefixInfo &info) {
  for (int32_t i = 0; i < gemcut_level_count; ++i) {
    BakedPrefix prefix;
    const char *level = gemcut_levels[i].name;
    if (gemcut_status status =
            prefix.open(artifact, gemcut_model, level, /*adapter=*/nullptr))
      return status;
    if (!prefix.isPresent())
      continue;
    const PrefixText &text = prefix.getText();
    info.messages = text.messages.size();
    info.tools = text.tools.isList() ? text.tools.items().size() : 0;
    if (prefix.getTokens().empty())
      continue;
    info.tokens = prefix.getTokens().size();
    info.levels.push_back(level);
  }
  return GEMCUT_OK;
}

static void writePrefix(JsonWriter &json, const PrefixInfo &prefix) {
  json.key("prefix");
  json.beginObject();
  json.member("messages", prefix.messages);
  json.member("tools", prefix.tools);
  json.member("tokens", prefix.tokens);
  json.key("levels");
  json.beginArray();
  for (const char *level : prefix.levels)
    json.string(level);
  json.endArray();
  json.endObject();
}

static void printPrefix(const PrefixInfo &prefix) {
  printf("%-20s %zu message%s, %zu tool%s: %zu tokens, computed for", "prefix",
         prefix.messages, prefix.messages == 1 ? "" : "s", prefix.tools,
         prefix.tools == 1 ? "" : "s", prefix.tokens);
  for (const char *level : prefix.levels)
    printf("%s %s", level == prefix.levels.front() ? "" : ",", level);
  printf("\n");
}

static void printJson(const Artifact &artifact, const PrefixInfo &prefix,
                      CpuFeatures cpu, bool wasVerified) {
  JsonWriter json;
  json.beginObject();
  writeModel(json);
  char features[256];
  formatCpuFeatures(cpu, features, sizeof(features));
  json.member("cpu_features", features);
  UsableCores cores = detectUsableCores();
  json.key("cores");
  json.beginObject();
  json.member("hardware_threads", cores.cpus);
  json.member("physical", cores.physical);
  json.member("performance", cores.performance);
  json.member("quota", cores.quota);
  json.member("numa_nodes", cores.nodes);
  json.member("default_threads", std::min(cores.getThreads(), kMaxThreads));
  json.endObject();
  json.key("levels");
  json.beginArray();
  for (int32_t i = 0; i < gemcut_level_count; ++i) {
    json.beginObject();
    json.member("name", gemcut_levels[i].name);
    json.member("features", gemcut_levels[i].features);
    json.key("supported");
    json.boolean(isSupported(gemcut_levels[i], cpu));
    json.endObject();
  }
  json.endArray();
  json.key("sections");
  json.beginArray();
  for (const Section &section : artifact) {
    json.beginObject();
    json.member("name", getSectionName(section.kind));
    json.member("bytes", section.length);
    char checksum[20];
    snprintf(checksum, sizeof(checksum), "%016llx",
             (unsigned long long)section.checksum);
    json.member("xxh64", checksum);
    json.endObject();
  }
  json.endArray();
  if (prefix.messages)
    writePrefix(json, prefix);
  if (wasVerified) {
    json.key("verified");
    json.boolean(true);
  }
  const Section *report = artifact.find(GEMCUT_SECTION_REPORT);
  if (report && report->length) {
    std::string_view text(reinterpret_cast<const char *>(report->data),
                          report->length);
    while (!text.empty() && (text.back() == '\n' || text.back() == 0))
      text.remove_suffix(1);
    json.key("report");
    json.raw(text);
  }
  json.endObject();
  printf("%s\n", json.str().c_str());
}

static void printBytes(const char *what, uint64_t bytes) {
  if (bytes >= 1000000)
    printf("%-20s %.1f MB\n", what, double(bytes) * 1e-6);
  else
    printf("%-20s %.1f kB\n", what, double(bytes) * 1e-3);
}

/// What --certify measured, or nothing: the first member of "certificate" is
/// its text, without escapes.
static std::string_view getCertificate(const Artifact &artifact) {
  const Section *report = artifact.find(GEMCUT_SECTION_REPORT);
  if (!report)
    return {};
  std::string_view text(reinterpret_cast<const char *>(report->data),
                        report->length);
  constexpr std::string_view kBegin = "\"certificate\":{\"summary\":\"";
  size_t begin = text.find(kBegin);
  if (begin == text.npos)
    return {};
  text.remove_prefix(begin + kBegin.size());
  return text.substr(0, text.find('"'));
}

static void printText(const Artifact &artifact, const PrefixInfo &prefix,
                      CpuFeatures cpu, bool wasVerified) {
  const gemcut_model_info &model = gemcut_model;
  printf("%-20s %s\n", "model", model.name);
  printf("%-20s %s, KV cache %s\n", "numbers", model.quantization,
         model.kv_type);
  printf("%-20s %d layers of width %d, vocabulary %d\n", "shape", model.layers,
         model.hidden_size, model.vocab_size);
  printf("%-20s %d tokens, %d slot%s\n", "context", model.context, model.slots,
         model.slots == 1 ? "" : "s");
  printf("%-20s %d, %d and %d\n", "rows per step", model.decode_max_rows,
         model.prefill_chunk, model.score_chunk);
  printf("%-20s 0 to %d\n", "layers with own KV", model.last_own_kv_layer);
  printBytes("weights", model.weight_bytes);
  printBytes("read per token", model.weight_bytes_per_token);
  printBytes("activations", model.arena_bytes);
  printBytes("KV cache per slot", model.kv_slot_bytes);
  if (gemcut_resident_weight_bytes(&model) < model.weight_bytes)
    printBytes("weights in memory", gemcut_resident_weight_bytes(&model));
  UsableCores cores = detectUsableCores();
  int32_t threads = std::min(cores.getThreads(), kMaxThreads);
  printBytes("private memory",
             gemcut_private_bytes(&model, /*slots=*/1, threads));
  printBytes("without score",
             gemcut_generate_bytes(&model, /*slots=*/1, threads));
  if (std::string_view text = getCertificate(artifact); !text.empty())
    printf("%-20s %.*s\n", "certified", int(text.size()), text.data());
  if (prefix.messages)
    printPrefix(prefix);
  for (int32_t i = 0; i < model.adapter_count; ++i)
    printf("%-20s %s\n", i ? "" : "adapters", model.adapters[i]);
  SamplerOptions sampling = getDefaultSampling(model);
  printf("%-20s temperature %g, top-k %d, top-p %g, min-p %g\n", "sampling",
         double(sampling.temperature), sampling.topK, double(sampling.topP),
         double(sampling.minP));
  for (int32_t i = 0; i < gemcut_level_count; ++i)
    printf("%-20s %s%s (%s)\n", i ? "" : "code", gemcut_levels[i].name,
           isSupported(gemcut_levels[i], cpu) ? "" : ", not for this CPU",
           gemcut_levels[i].features);
  char reason[128];
  formatUsableCores(cores, reason, sizeof(reason));
  printf("%-20s %d by default, for %s\n", "threads", threads, reason);
  for (const Section &section : artifact)
    printf("%-20s %s, %llu bytes%s\n",
           &section == artifact.begin() ? "sections" : "",
           getSectionName(section.kind), (unsigned long long)section.length,
           wasVerified ? ", checksum verified" : "");
}

int cli::runInfo(int argc, char **argv) {
  Flags flags(
      "info [--json] [--verify]",
      "Describes the model, the code and the memory plan of this file.");
  bool isJson = false, mustVerify = false;
  flags.group("Output");
  flags.add(isJson, "json", 0,
            "Prints JSON, with the report that the compiler wrote.");
  flags.add(mustVerify, "verify", 0,
            "Reads all sections and compares their checksums.");
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  Artifact artifact;
  if (gemcut_status status = artifact.openSelf(gemcut_model.sidecar_checksum))
    return finish(status);
  if (mustVerify)
    if (gemcut_status status = artifact.verify())
      return finish(status);
  PrefixInfo prefix;
  if (gemcut_status status = readPrefix(artifact, prefix))
    return finish(status);
  CpuFeatures cpu = detectCpuFeatures();
  if (isJson)
    printJson(artifact, prefix, cpu, mustVerify);
  else
    printText(artifact, prefix, cpu, mustVerify);
  return kExitDone;
}
