//===- quantized_fuzz.cpp - Checkpoints that store integers ---------------===//
//
// An input is a whole .safetensors file, taken as both kinds of quantized
// releases of a model with one layer of experts. Of what is accepted, checks
// that every listed tensor can be read, that levels times scales are its
// values, and that parts read alone are parts of the whole.
//
//===----------------------------------------------------------------------===//

#include "frontends/Checkpoint/StackedExperts.h"
#include "frontends/Config/TensorNames.h"
#include "frontends/Quantized/QuantizedWeights.h"
#include "test/fuzz/CheckMessage.h"

#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::test;

static config::ModelConfig makeConfig(config::StoredAs storedAs) {
  config::ModelConfig config;
  config.vocabSize = 4;
  config.hiddenSize = 32;
  config.numHeads = 1;
  config.storedAs = storedAs;
  config.tiedEmbeddings = storedAs == config::StoredAs::PackedGroups;
  config::LayerConfig layer;
  layer.headDim = layer.intermediateSize = 4;
  layer.kvHeads = 1;
  config.layers = {layer};
  config.isMoe = true;
  config.numExperts = config.topKExperts = 2;
  config.moeIntermediateSize = 4;
  return config;
}

/// Bits rather than numbers: scales may be NaN.
static bool isSame(llvm::ArrayRef<float> a, llvm::ArrayRef<float> b) {
  return a.size() == b.size() &&
         (a.empty() || !std::memcmp(a.data(), b.data(), a.size() * 4));
}

static void readTensor(const checkpoint::WeightSource &source,
                       const std::string &name) {
  std::optional<checkpoint::WeightInfo> info = source.find(name);
  require(info.has_value(), "a listed tensor is found");
  if (!info->isReadable())
    return;
  const int64_t count = info->elements();
  std::vector<float> values(static_cast<size_t>(count));
  require(!source.readF32(name, 0, values), "a tensor can be read");
  if (count > 2) {
    std::vector<float> inner(size_t(count - 2));
    require(!source.readF32(name, 1, inner), "a part can be read");
    require(isSame(inner, llvm::ArrayRef(values).slice(1, inner.size())),
            "a part is one of the whole");
  }
  if (!info->levels)
    return;
  require(info->columns() % info->levels->group == 0, "groups divide a row");
  std::vector<int8_t> levels(values.size());
  std::vector<float> scales(values.size() / size_t(info->levels->group));
  require(!source.readLevels(name, 0, levels, scales), "levels can be read");
  const int limit = 1 << (info->levels->bits - 1);
  for (size_t i = 0; i < levels.size(); ++i) {
    require(levels[i] >= -limit && levels[i] < limit, "a level has its bits");
    float value = float(levels[i]) * scales[i / size_t(info->levels->group)];
    require(isSame(value, values[i]), "level * scale is the value");
  }
}

static void openAs(config::StoredAs storedAs, const std::string &path) {
  auto files = safetensors::Checkpoint::open(path);
  if (!files)
    return checkMessage(files.takeError(), path);
  const config::ModelConfig config = makeConfig(storedAs);
  auto weights = quantized::QuantizedWeights::open(std::move(*files), config);
  if (!weights)
    return checkMessage(weights.takeError(), path);
  weights = checkpoint::StackedExperts::stack(std::move(*weights));
  if (!weights)
    return checkMessage(weights.takeError(), path);
  std::vector<std::string> names = (*weights)->names();
  for (size_t i = 0; i < names.size(); ++i) {
    require(!i || names[i - 1] < names[i], "names are sorted and differ");
    readTensor(**weights, names[i]);
  }
  auto check = config::checkTensors(config, **weights, path);
  if (!check)
    checkMessage(check.takeError(), path);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int descriptor = memfd_create("model.safetensors", MFD_CLOEXEC);
  require(descriptor >= 0 && write(descriptor, data, size) == ssize_t(size),
          "a file in memory can be written");
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  openAs(config::StoredAs::RowScales, path);
  openAs(config::StoredAs::PackedGroups, path);
  close(descriptor);
  return 0;
}
