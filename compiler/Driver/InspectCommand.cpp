//===- InspectCommand.cpp - gemcut inspect
//---------------------------------===//

#include "compiler/Artifact/ArtifactReader.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/FitMemory.h"
#include "compiler/Driver/JsonText.h"
#include "compiler/Driver/ModelInfo.h"
#include "compiler/Driver/PlanProgram.h"
#include "compiler/Explain/StageReport.h"
#include "compiler/Pipeline/Registration.h"
#include "targets/Common/Target.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace gemcut;
using namespace gemcut::driver;

namespace {

struct TensorTotals {
  int64_t count = 0, parameters = 0;
};

TensorTotals textTotals(const config::ModelConfig &config) {
  TensorTotals totals;
  for (const config::ExpectedTensor &tensor :
       config::expectedTextTensors(config)) {
    if (tensor.dead)
      continue;
    int64_t elements = 1;
    for (int64_t size : tensor.shape)
      elements *= size;
    ++totals.count;
    totals.parameters += elements;
  }
  return totals;
}

nlohmann::ordered_json describeModel(const LoadedModel &model) {
  const config::ModelConfig &config = model.config;
  TensorTotals totals = textTotals(config);
  nlohmann::ordered_json json;
  json["name"] = model.name;
  json["model_type"] = config.modelType;
  json["parameters"] = totals.parameters;
  json["text_tensors"] = totals.count;
  json["unused_kv_tensors"] = model.check.deadTensors;
  json["tower_tensors"] = model.check.towerTensors;
  json["dtype"] = config.dtype;
  json["vocab_size"] = config.vocabSize;
  json["hidden_size"] = config.hiddenSize;
  json["attention_heads"] = config.numHeads;
  json["sliding_window"] = config.slidingWindow;
  json["max_positions"] = config.maxPositions;
  json["per_layer_input"] = config.perLayerInput;
  json["mixture_of_experts"] = config.isMoe;
  json["tokenizer"] = !model.tokenizer.empty();
  json["layers"] = nlohmann::ordered_json::array();
  for (const config::LayerConfig &layer : config.layers)
    json["layers"].push_back({{"kind", layer.sliding ? "sliding" : "full"},
                              {"head_dim", layer.headDim},
                              {"kv_heads", layer.kvHeads},
                              {"intermediate_size", layer.intermediateSize},
                              {"kv_source", layer.kvSource},
                              {"k_eq_v", layer.kEqV}});
  return json;
}

/// Name, dtype and shape of a tensor, for people.
std::string describeTensor(const nlohmann::ordered_json &tensor) {
  std::vector<std::string> sizes;
  for (int64_t size : tensor["shape"])
    sizes.push_back(std::to_string(size));
  return fmt::format("  {:<5} {:<16} {}", tensor["dtype"].get<std::string>(),
                     llvm::join(sizes, " x "),
                     tensor["name"].get<std::string>());
}

/// The tensors as they are stored (those that are computed from stored ones as
/// float32); for a bare configuration those that a
/// checkpoint would hold.
nlohmann::ordered_json listTensors(const LoadedModel &model) {
  auto list = nlohmann::ordered_json::array();
  for (const std::string &name : model.weights->names()) {
    checkpoint::WeightInfo info = *model.weights->find(name);
    list.push_back({{"name", name},
                    {"dtype", checkpoint::stringify(info.type).str()},
                    {"shape", std::vector<int64_t>(info.shape.begin(),
                                                   info.shape.end())}});
  }
  return list;
}

/// How tensors that were quantized in the checkpoint came through. Takes them
/// out of the report.
void printConversions(nlohmann::ordered_json &report) {
  auto found = report.find(kConversionsKey.str());
  if (found == report.end())
    return;
  size_t kept = 0;
  for (const auto &item : found->items())
    if (item.value() == "0.000e+00")
      ++kept;
    else
      fmt::print("{:<24} {} {}\n", "relative error",
                 item.value().get<std::string>(), item.key());
  fmt::print("{:<24} {} of {} quantized tensors\n", "kept exactly", kept,
             found->size());
  report.erase(found);
}

/// What `gemcut compile` wrote: its sections and its report.
llvm::Expected<nlohmann::ordered_json>
describeArtifact(const InspectOptions &options, const gemcut_footer &footer) {
  nlohmann::ordered_json json, report;
  json["file"] = options.subject;
  json["bytes"] = footer.file_length;
  json["sections"] = nlohmann::ordered_json::array();
  for (uint32_t i = 0; i < footer.section_count; ++i) {
    const gemcut_section &section = footer.sections[i];
    const char *kind = section.kind == GEMCUT_SECTION_WEIGHTS     ? "weights"
                       : section.kind == GEMCUT_SECTION_TOKENIZER ? "tokenizer"
                       : section.kind == GEMCUT_SECTION_REPORT    ? "report"
                       : section.kind == GEMCUT_SECTION_CHAT   ? "chat template"
                       : section.kind == GEMCUT_SECTION_PREFIX ? "prefix"
                                                               : "unknown";
    json["sections"].push_back(
        {{"kind", kind},
         {"offset", section.offset},
         {"length", section.length},
         {"checksum", fmt::format("{:016x}", section.checksum)}});
    if (section.kind != GEMCUT_SECTION_REPORT)
      continue;
    auto text = artifact::readSection(options.subject, section);
    if (!text)
      return text.takeError();
    report = nlohmann::ordered_json::parse(*text, nullptr,
                                           /*allow_exceptions=*/false);
    if (report.is_discarded())
      return llvm::createStringError(options.subject +
                                     ": its report is not JSON");
  }
  if (!report.is_null())
    json["report"] = report;
  return json;
}

void printArtifact(const nlohmann::ordered_json &json) {
  fmt::print("{:<24} {}\n", "file", formatBytes(json["bytes"].get<uint64_t>()));
  for (const auto &section : json["sections"])
    fmt::print("{:<24} {} at offset {}\n",
               "section " + section["kind"].get<std::string>(),
               formatBytes(section["length"].get<uint64_t>()),
               section["offset"].get<uint64_t>());
  nlohmann::ordered_json report =
      json.value("report", nlohmann::ordered_json());
  // The list of stages is long; `gemcut explain` shows it.
  if (report.is_object())
    report.erase(explain::kStagesKey);
  printConversions(report);
  for (const auto &item : report.items())
    fmt::print("{:<24} {}\n", item.key(),
               item.value().is_string() ? item.value().get<std::string>()
                                        : item.value().dump());
}

/// A model and the memory that it needs.
struct Inspected {
  LoadedModel model;
  MemoryPlan plan;
};

llvm::Expected<Inspected> inspectModel(const InspectOptions &options,
                                       Reporter &reporter) {
  WeightOptions weights;
  // Shapes are enough to describe a bare configuration.
  if (llvm::StringRef(options.subject).ends_with(".json"))
    weights.randomSeed = 0;
  auto model = loadModel(options.subject, weights, options.plan.quant);
  if (!model)
    return model.takeError();
  for (const std::string &warning : model->warnings)
    reporter.note(warning);
  auto plan =
      planMemory(*model, options.plan, targets::TargetSpec().l2Bytes, reporter);
  if (!plan)
    return plan.takeError();
  return Inspected{std::move(*model), std::move(*plan)};
}

/// The artifact's description, or null where the subject is none.
llvm::Expected<nlohmann::ordered_json>
findArtifact(const InspectOptions &options) {
  if (llvm::Error error = checkQuant(options.plan.quant))
    return std::move(error);
  if (!llvm::sys::fs::is_regular_file(options.subject))
    return nlohmann::ordered_json();
  auto footer = artifact::readFooter(options.subject);
  if (!footer)
    return footer.takeError();
  if (!*footer)
    return nlohmann::ordered_json();
  return describeArtifact(options, **footer);
}

nlohmann::ordered_json describeAll(const InspectOptions &options,
                                   const Inspected &inspected) {
  const LoadedModel &model = inspected.model;
  const MemoryPlan &plan = inspected.plan;
  nlohmann::ordered_json json = describeModel(model);
  json["tensors"] = listTensors(model);
  json["plan"] = {{"quantization", chooseQuant(model, options.plan.quant)},
                  {"kv", options.plan.kv},
                  {"context", plan.context},
                  {"slots", plan.slots},
                  {"weight_bytes", plan.weightBytes},
                  {"weight_bytes_per_token", plan.weightBytesPerToken},
                  {"kv_slot_bytes", plan.kvSlotBytes},
                  {"kv_formula", plan.kvFormula},
                  {"arena_bytes", plan.arenaBytes},
                  {"table_bytes", plan.tableBytes},
                  {"resident_weight_bytes", plan.residentWeightBytes()},
                  {"private_bytes", plan.privateBytes()},
                  {"generate_bytes", plan.generateBytes},
                  {"total_bytes", plan.totalBytes()}};
  return json;
}

void printModel(const InspectOptions &options, const Inspected &inspected) {
  const LoadedModel &model = inspected.model;
  nlohmann::ordered_json json = describeModel(model);
  for (const auto &item : json.items())
    if (item.key() != "layers")
      fmt::print("{:<20} {}\n", item.key(),
                 item.value().is_string() ? item.value().get<std::string>()
                                          : item.value().dump());
  fmt::print("layers\n");
  int index = 0;
  for (const config::LayerConfig &layer : model.config.layers) {
    fmt::print("  {:>3}  {:<8} head_dim {:<4} kv heads {:<3} mlp {:<6} {}\n",
               index, layer.sliding ? "sliding" : "full", layer.headDim,
               layer.kvHeads, layer.intermediateSize,
               layer.ownKv
                   ? "own K and V"
                   : fmt::format("K and V of layer {}", layer.kvSource));
    ++index;
  }
  if (options.tensors) {
    fmt::print("tensors\n");
    for (const auto &tensor : listTensors(model))
      fmt::print("{}\n", describeTensor(tensor));
  }
  fmt::print("quantization {}, KV {}\n{}",
             chooseQuant(model, options.plan.quant), options.plan.kv,
             describe(inspected.plan));
}

} // namespace

llvm::Expected<std::string>
gemcut::driver::inspectAsJson(const InspectOptions &options,
                              Reporter &reporter) {
  auto artifact = findArtifact(options);
  if (!artifact)
    return artifact.takeError();
  if (!artifact->is_null())
    return toText(*artifact, /*indent=*/2);
  auto inspected = inspectModel(options, reporter);
  if (!inspected)
    return inspected.takeError();
  return toText(describeAll(options, *inspected), /*indent=*/2);
}

llvm::Error gemcut::driver::runInspect(const InspectOptions &options,
                                       Reporter &reporter) {
  if (options.json) {
    auto text = inspectAsJson(options, reporter);
    if (!text)
      return text.takeError();
    fmt::print("{}\n", *text);
    return llvm::Error::success();
  }
  auto artifact = findArtifact(options);
  if (!artifact)
    return artifact.takeError();
  if (!artifact->is_null()) {
    printArtifact(*artifact);
    return llvm::Error::success();
  }
  auto inspected = inspectModel(options, reporter);
  if (!inspected)
    return inspected.takeError();
  printModel(options, *inspected);
  return llvm::Error::success();
}
