//===- adapter_fuzz.cpp - adapter_config.json -----------------------------===//

#include "frontends/Lora/Adapter.h"
#include "test/fuzz/Require.h"

#include <cmath>

using namespace gemcut::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  auto config = gemcut::lora::parseAdapterConfig(text, "a.json");
  if (!config) {
    std::string message = llvm::toString(config.takeError());
    require(llvm::StringRef(message).starts_with("a.json: "),
            "error names its file");
    return 0;
  }
  // Whatever is accepted can be asked.
  for (const char *module : {"model.layers.3.mlp.up_proj", "q_proj", ""}) {
    int64_t rank = config->getRank(module);
    require(rank >= 1 && rank <= 4096, "the rank is one");
    require(std::isfinite(config->getScale(module)), "the scale is a number");
  }
  return 0;
}
