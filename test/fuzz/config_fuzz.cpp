//===- config_fuzz.cpp - config.json and generation_config.json -----------===//

#include "frontends/Config/TensorNames.h"
#include "test/fuzz/CheckMessage.h"

using namespace gemcut::config;
using namespace gemcut::test;

static void checkLayers(const ModelConfig &config) {
  require(config.numLayers() >= 1, "there is a layer");
  require(!config.layers.back().sliding ||
              llvm::StringRef(config.modelType).starts_with("gemma3"),
          "the last layer of Gemma 4 is full");
  for (int64_t i = 0; i < config.numLayers(); ++i) {
    const LayerConfig &layer = config.layers[size_t(i)];
    const RopeConfig &rope =
        layer.sliding ? config.slidingRope : config.fullRope;
    require(layer.kvHeads > 0 && config.numHeads % layer.kvHeads == 0,
            "heads are a multiple of key-value heads");
    require(layer.headDim > 0 && layer.headDim % 2 == 0, "head_dim is even");
    require(rope.rotaryPairs >= 1 && rope.rotaryPairs <= layer.headDim / 2,
            "rotary pairs fit into a head");
    require(layer.intermediateSize > 0, "width is positive");
    require(!layer.sliding || config.slidingWindow > 0, "window is positive");
    require(layer.ownKv == (layer.kvSource == i), "own K and V come from here");
    const LayerConfig &source = config.layers[size_t(layer.kvSource)];
    require(source.ownKv && source.sliding == layer.sliding &&
                source.headDim == layer.headDim &&
                source.kvHeads == layer.kvHeads,
            "the source has K and V of this shape");
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  std::vector<std::string> warnings;
  auto config = parseModelConfig(text, "c.json", &warnings);
  ModelConfig model;
  model.vocabSize = 1000;
  if (config) {
    model = *config;
    checkLayers(model);
    for (const ExpectedTensor &tensor : expectedTextTensors(model)) {
      uint64_t elements = 1;
      for (int64_t size : tensor.shape) {
        require(size > 0, "size is positive");
        require(!__builtin_mul_overflow(elements, uint64_t(size), &elements),
                "number of elements fits");
      }
      require(elements < uint64_t(1) << 62, "bytes fit");
    }
  } else {
    checkMessage(config.takeError(), "c.json: ");
  }
  auto generation = parseGenerationConfig(text, "c.json", model, &warnings);
  if (!generation)
    checkMessage(generation.takeError(), "c.json: ");
  for (const std::string &warning : warnings)
    require(warning.size() < 2048 && warning.find('\n') == std::string::npos,
            "a warning is one short line");
  return 0;
}
