//===- safetensors_fuzz.cpp - Headers and indexes of checkpoints ----------===//
//
// An input is a whole .safetensors file; one that starts with "{" is also an
// index.
//
//===----------------------------------------------------------------------===//

#include "frontends/Safetensors/SafetensorsHeader.h"
#include "frontends/Safetensors/ShardIndex.h"
#include "test/fuzz/CheckMessage.h"

using namespace gemcut::safetensors;
using namespace gemcut::test;

static void parseFile(llvm::ArrayRef<uint8_t> prefix, uint64_t fileLength) {
  auto tensors = parseHeader(prefix, fileLength, "f.safetensors");
  if (!tensors)
    return checkMessage(tensors.takeError(), "f.safetensors: ");
  uint64_t bytes = 0;
  for (const TensorInfo &tensor : *tensors) {
    require(tensor.offset >= 8 && tensor.offset <= fileLength &&
                tensor.bytes <= fileLength - tensor.offset,
            "tensor lies in the file");
    uint64_t elements = 1;
    for (int64_t size : tensor.shape) {
      require(size >= 0, "size is not negative");
      elements *= uint64_t(size);
    }
    require(elements == uint64_t(tensor.elements()), "shape matches bytes");
    bytes += tensor.bytes;
  }
  uint64_t header = 0;
  for (int i = 0; i < 8; ++i)
    header |= uint64_t(prefix[i]) << 8 * i;
  require(8 + header + bytes == fileLength, "tensors cover the data");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::ArrayRef<uint8_t> bytes(data, size);
  parseFile(bytes, size);
  // The same header before data that is too large to be in the input.
  parseFile(bytes, uint64_t(size) + (uint64_t(1) << 33));
  if (!size || data[0] != '{')
    return 0;
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  auto index = parseShardIndex(text, "i.json");
  if (!index) {
    checkMessage(index.takeError(), "i.json: ");
    return 0;
  }
  require(!index->shards.empty(), "an index has shards");
  for (const auto &[shard, names] : index->shards) {
    require(!names.empty(), "a shard has tensors");
    require(shard.find('/') == std::string::npos, "a shard has no folder");
  }
  return 0;
}
