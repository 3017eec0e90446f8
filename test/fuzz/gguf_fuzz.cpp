//===- gguf_fuzz.cpp - Whole GGUF files -----------------------------------===//
//
// Parses the header; of what is accepted, checks that tensors lie in the file,
// reads all of them, and makes the configuration and the tokenizer.
//
//===----------------------------------------------------------------------===//

#include "frontends/GGUF/ModelMetadata.h"
#include "frontends/GGUF/Vocabulary.h"
#include "frontends/Tokenizer/TokenizerTables.h"
#include "test/fuzz/CheckMessage.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::gguf;
using namespace gemcut::test;

static void checkTensors(const Header &header, uint64_t fileLength) {
  for (const TensorEntry &tensor : header.tensors) {
    require(tensor.offset <= fileLength &&
                tensor.bytes <= fileLength - tensor.offset,
            "tensor lies in the file");
    uint64_t elements = 1;
    for (int64_t size : tensor.shape) {
      require(size > 0, "size is positive");
      require(!__builtin_mul_overflow(elements, uint64_t(size), &elements),
              "number of elements fits");
    }
  }
}

/// Reads everything through the interface of weights.
static void readAll(const Checkpoint &checkpoint) {
  for (const std::string &name : checkpoint.names()) {
    std::optional<checkpoint::WeightInfo> info = checkpoint.find(name);
    require(info.has_value(), "a listed tensor is found");
    auto count = size_t(info->elements());
    std::vector<float> values(info->isReadable() ? count : 0);
    if (info->isReadable())
      require(!checkpoint.readF32(name, 0, values), "a tensor can be read");
    if (!info->levels)
      continue;
    std::vector<int8_t> levels(count);
    std::vector<float> scales(count / size_t(info->levels->group));
    require(!checkpoint.readLevels(name, 0, levels, scales),
            "levels can be read");
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::ArrayRef<uint8_t> bytes(data, size);
  // A header before data that are too large to be in the input.
  uint64_t large = uint64_t(size) + (uint64_t(1) << 40);
  if (auto header = parseHeader(bytes, large, "f.gguf"))
    checkTensors(*header, large);
  else
    checkMessage(header.takeError(), "f.gguf: ");
  auto header = parseHeader(bytes, size, "f.gguf");
  if (!header)
    return checkMessage(header.takeError(), "f.gguf: "), 0;
  checkTensors(*header, size);

  if (auto vocabulary = readVocabulary(header->metadata)) {
    auto tables = tokenizer::compileTokenizer(
        *vocabulary, "f.gguf", /*vocabSize=*/1000, tokenizer::TokenNames());
    if (!tables)
      checkMessage(tables.takeError(), "f.gguf: ");
  } else {
    checkMessage(vocabulary.takeError(), "f.gguf: ");
  }

  int descriptor = memfd_create("f.gguf", MFD_CLOEXEC);
  require(descriptor >= 0 && write(descriptor, data, size) == ssize_t(size),
          "a file in memory can be written");
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  if (auto checkpoint = Checkpoint::open(path)) {
    readAll(**checkpoint);
    std::vector<std::string> warnings;
    auto config = readModelConfig(**checkpoint, &warnings);
    if (!config)
      checkMessage(config.takeError(), path);
    auto generation = makeGenerationJson(**checkpoint);
    if (!generation)
      checkMessage(generation.takeError(), path);
  } else {
    checkMessage(checkpoint.takeError(), path);
  }
  close(descriptor);
  return 0;
}
