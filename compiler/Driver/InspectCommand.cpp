//===- InspectCommand.cpp - gemcut inspect, gemcut targets ----------------===//

#include "compiler/Driver/Commands.h"
#include "compiler/Driver/LoadedModel.h"
#include "compiler/Driver/MemoryPlan.h"
#include "frontends/Gemma4/Importer.h"
#include "targets/Common/Target.h"

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

} // namespace

llvm::Error gemcut::driver::runInspect(const InspectOptions &options) {
  WeightOptions weights;
  // Shapes are enough to describe a bare configuration.
  if (llvm::StringRef(options.subject).ends_with(".json"))
    weights.randomSeed = 0;
  auto model = loadModel(options.subject, weights);
  if (!model)
    return model.takeError();
  for (const std::string &warning : model->warnings)
    fmt::print(stderr, "gemcut: note: {}\n", warning);
  nlohmann::ordered_json json = describeModel(*model);
  if (options.json) {
    fmt::print("{}\n", json.dump(2));
    return llvm::Error::success();
  }
  for (const auto &item : json.items())
    if (item.key() != "layers")
      fmt::print("{:<20} {}\n", item.key(),
                 item.value().is_string() ? item.value().get<std::string>()
                                          : item.value().dump());
  fmt::print("layers\n");
  int index = 0;
  for (const config::LayerConfig &layer : model->config.layers) {
    fmt::print("  {:>3}  {:<8} head_dim {:<4} kv heads {:<3} mlp {:<6} {}\n",
               index, layer.sliding ? "sliding" : "full", layer.headDim,
               layer.kvHeads, layer.intermediateSize,
               layer.ownKv
                   ? "own K and V"
                   : fmt::format("K and V of layer {}", layer.kvSource));
    ++index;
  }
  return llvm::Error::success();
}

llvm::Error gemcut::driver::runTargets() {
  for (const targets::Target *target : targets::allTargets()) {
    auto spec = target->parseSpec("");
    if (!spec)
      return spec.takeError();
    fmt::print("{} ({})\n", spec->name, spec->triple);
    for (const targets::IsaLevel &level : spec->levels)
      fmt::print("  {:<12} needs {}\n", level.name, level.cpuidFeatures);
  }
  return llvm::Error::success();
}
