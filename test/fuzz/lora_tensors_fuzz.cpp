//===- lora_tensors_fuzz.cpp - adapter_model.safetensors ------------------===//
//
// An input is the file of an adapter's matrices, beside a plain
// adapter_config.json, for a model of two linears. Of what is accepted, checks
// the merged weights and the tensors of adapters that are kept apart.
//
//===----------------------------------------------------------------------===//

#include "frontends/Lora/MergedWeights.h"
#include "frontends/Lora/RuntimeAdapters.h"
#include "test/fuzz/CheckMessage.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::test;

namespace {

constexpr llvm::StringLiteral kPrefix = "model.";

/// Zeros: up (6, 4), down (4, 6), and a norm, which no adapter changes.
class Model : public checkpoint::WeightSource {
public:
  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override {
    using checkpoint::ElementType;
    if (name == "model.layers.0.mlp.up_proj.weight")
      return checkpoint::WeightInfo{ElementType::BF16, {6, 4}};
    if (name == "model.layers.0.mlp.down_proj.weight")
      return checkpoint::WeightInfo{ElementType::BF16, {4, 6}};
    if (name == "model.norm.weight")
      return checkpoint::WeightInfo{ElementType::BF16, {4}};
    return std::nullopt;
  }
  std::vector<std::string> names() const override {
    return {"model.layers.0.mlp.down_proj.weight",
            "model.layers.0.mlp.up_proj.weight", "model.norm.weight"};
  }
  llvm::Error readF32(llvm::StringRef name, int64_t firstElement,
                      llvm::MutableArrayRef<float> out) const override {
    if (llvm::Error error =
            checkRead(name, find(name), firstElement, int64_t(out.size())))
      return error;
    llvm::fill(out, 0.0f);
    return llvm::Error::success();
  }
};

/// An adapter's directory whose matrices are a file in memory.
class Directory {
public:
  Directory() : descriptor(memfd_create("adapter", MFD_CLOEXEC)) {
    std::string name = std::filesystem::temp_directory_path() / "loraXXXXXX";
    require(descriptor >= 0 && mkdtemp(name.data()), "a folder can be made");
    path = name;
    std::ofstream(path / "adapter_config.json")
        << R"({"r": 2, "lora_alpha": 4, "rank_pattern": {"down_proj": 3}})";
    std::filesystem::create_symlink("/proc/self/fd/" +
                                        std::to_string(descriptor),
                                    path / "adapter_model.safetensors");
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    close(descriptor);
  }

  void setMatrices(const uint8_t *data, size_t size) {
    require(!ftruncate(descriptor, 0) &&
                pwrite(descriptor, data, size, 0) == ssize_t(size),
            "a file in memory can be written");
  }

  std::filesystem::path path;

private:
  int descriptor;
};

} // namespace

static void readTensors(const checkpoint::WeightSource &source) {
  for (const std::string &name : source.names()) {
    std::optional<checkpoint::WeightInfo> info = source.find(name);
    require(info.has_value(), "a listed tensor is found");
    std::vector<float> values(size_t(info->elements()));
    require(!source.readF32(name, 0, values), "a tensor can be read");
    std::vector<float> inner(values.size() - 2);
    require(!source.readF32(name, 1, inner), "a part can be read");
    // Bits rather than numbers: an adapter may hold NaN.
    require(!std::memcmp(inner.data(), &values[1], inner.size() * 4),
            "a part is one of the whole");
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static Directory directory;
  directory.setMatrices(data, size);
  const std::string folder = directory.path.string();
  auto merged = lora::mergeAdapters(std::make_unique<Model>(), kPrefix,
                                    {{folder, /*strength=*/0.5}},
                                    /*files=*/nullptr);
  if (!merged) {
    checkMessage(merged.takeError(), folder);
    return 0;
  }
  readTensors(**merged);
  auto beside = lora::addAdapters(std::make_unique<Model>(), kPrefix,
                                  {{"first", folder}, {"second", folder}},
                                  /*files=*/nullptr);
  require(bool(beside), "what can be merged can be kept apart");
  require((*beside)->names().size() > Model().names().size(),
          "adapters have tensors of their own");
  readTensors(**beside);
  return 0;
}
