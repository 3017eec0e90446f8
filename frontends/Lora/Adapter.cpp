//===- Adapter.cpp - A LoRA adapter of PEFT -------------------------------===//

#include "frontends/Lora/Adapter.h"

#include "frontends/Checkpoint/CheckpointError.h"
#include "frontends/Checkpoint/MappedFile.h"
#include "frontends/Json/CheckedJson.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::lora;
using llvm::createStringError;
using llvm::StringRef;

static std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(llvm::map_range(
                        shape, [](int64_t n) { return std::to_string(n); }),
                    ", ") +
         "]";
}

namespace {

/// One half of a pair: the module that it changes and which half it is.
struct Half {
  std::string module;     ///< "layers.3.mlp.up_proj"
  std::string fullModule; ///< with the prefix, as patterns are written for
  bool isB = false;
};

/// Reads "base_model.model.MODULE.lora_A[.ADAPTER].weight".
std::optional<Half> parseName(StringRef name) {
  if (!name.consume_front("base_model.model.") || !name.consume_back(".weight"))
    return std::nullopt;
  for (bool isB : {false, true}) {
    auto [module, adapter] = name.split(isB ? ".lora_B" : ".lora_A");
    if (module == name || (!adapter.empty() && !adapter.starts_with(".")))
      continue;
    std::string full = module.str();
    module.consume_front("model.language_model.") ||
        module.consume_front("language_model.model.") ||
        module.consume_front("model.");
    if (!module.starts_with("layers."))
      return std::nullopt;
    return Half{module.str(), full, isB};
  }
  return std::nullopt;
}

} // namespace

llvm::Expected<Adapter> Adapter::open(StringRef directory,
                                      const checkpoint::WeightSource &model,
                                      StringRef prefix) {
  auto path = [&](StringRef name) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name);
    return path.str().str();
  };
  Adapter adapter;
  adapter.files = {path("adapter_config.json"),
                   path("adapter_model.safetensors")};
  if (llvm::Error error = checkpoint::refuseSpecialFile(adapter.files[0]))
    return checkpoint::about(std::move(error), adapter.files[0]);
  auto text = llvm::MemoryBuffer::getFile(adapter.files[0]);
  if (!text)
    return checkpoint::about(
        createStringError(adapter.files[0] +
                          ": cannot be read: " + text.getError().message()),
        adapter.files[0]);
  auto config = parseAdapterConfig((*text)->getBuffer(), adapter.files[0]);
  if (!config)
    return checkpoint::about(config.takeError(), adapter.files[0]);
  const std::string &file = adapter.files[1];
  auto weights = safetensors::Checkpoint::open(file);
  if (!weights)
    return weights.takeError();
  adapter.weights = std::move(*weights);

  for (const std::string &name : adapter.weights->names()) {
    std::string where =
        file + ": tensor " + checked_json::quoteName(name) + " ";
    std::optional<Half> half = parseName(name);
    std::string target;
    std::optional<checkpoint::WeightInfo> changed;
    if (half) {
      target = prefix.str() + half->module + ".weight";
      changed = model.find(target);
    }
    if (!changed || changed->shape.size() != 2)
      return createStringError(
          where + "changes no linear of the model's text layers; supported are "
                  "pairs base_model.model.MODULE.lora_A.weight and "
                  "lora_B.weight of these");
    checkpoint::WeightInfo info = *adapter.weights->find(name);
    const int64_t rank = config->getRank(half->fullModule);
    llvm::SmallVector<int64_t, 2> expected =
        half->isB ? llvm::SmallVector<int64_t, 2>{changed->shape[0], rank}
                  : llvm::SmallVector<int64_t, 2>{rank, changed->shape[1]};
    if (llvm::ArrayRef<int64_t>(info.shape) != llvm::ArrayRef(expected))
      return createStringError(
          where + "has shape " + shapeText(info.shape) + ", expected " +
          shapeText(expected) + " for rank " + std::to_string(rank) + " and '" +
          target + "' of shape " + shapeText(changed->shape));
    if (!checkpoint::isFloat(info.type))
      return createStringError(where + "has type " +
                               checkpoint::stringify(info.type).str() +
                               "; supported are F32, BF16 and F16");
    Pair &pair = adapter.pairs[target];
    std::string &slot = half->isB ? pair.b : pair.a;
    if (!slot.empty())
      return createStringError(where + "and " + checked_json::quoteName(slot) +
                               " change the same linear, expected one adapter "
                               "in a file");
    slot = name;
    pair.rank = rank;
    pair.scale = config->getScale(half->fullModule);
  }
  for (const auto &entry : adapter.pairs)
    if (entry.second.a.empty() || entry.second.b.empty())
      return createStringError(file + ": tensor " +
                               checked_json::quoteName(entry.second.a.empty()
                                                           ? entry.second.b
                                                           : entry.second.a) +
                               " lacks its other half, lora_" +
                               (entry.second.a.empty() ? "A" : "B"));
  if (adapter.pairs.empty())
    return createStringError(file + ": holds no tensor, expected pairs lora_A "
                                    "and lora_B");
  return adapter;
}

llvm::Error Adapter::read(StringRef matrix, int64_t firstElement,
                          llvm::MutableArrayRef<float> out) const {
  if (llvm::Error error = weights->readF32(matrix, firstElement, out))
    return error;
  auto bad =
      llvm::find_if(out, [](float value) { return !std::isfinite(value); });
  if (bad == out.end())
    return llvm::Error::success();
  return checkpoint::tensorError(
      files[1], matrix,
      (std::isnan(*bad) ? "holds a NaN" : "holds an infinity") +
          std::string(" at element ") +
          std::to_string(firstElement + (bad - out.begin())) +
          ", expected finite weights; the adapter is damaged");
}

llvm::Error Adapter::refuseOverflow(const Pair &pair, double scale,
                                    const llvm::Twine &what) const {
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format("times the scale %g", scale) << what
      << " is beyond the range of f32; the adapter is damaged";
  return checkpoint::tensorError(files[1], pair.b, text);
}

int64_t Adapter::getLargestRank() const {
  int64_t largest = 0;
  for (const auto &entry : pairs)
    largest = std::max(largest, entry.second.rank);
  return largest;
}

const Adapter::Pair *Adapter::find(StringRef name) const {
  auto found = pairs.find(name);
  return found == pairs.end() ? nullptr : &found->second;
}
