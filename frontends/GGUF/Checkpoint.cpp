//===- Checkpoint.cpp - The tensors of a GGUF model -----------------------===//

#include "frontends/GGUF/Checkpoint.h"

#include "frontends/GGUF/Blocks.h"
#include "frontends/GGUF/TensorNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <map>

using namespace gemcut;
using namespace gemcut::gguf;
using checkpoint::ElementType;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

namespace {
constexpr int64_t kMostParts = 1024;
constexpr llvm::StringLiteral kGateExperts = ".ffn_gate_exps.weight",
                              kUpExperts = ".ffn_up_exps.weight";

std::string partSuffix(int64_t index, int64_t count) {
  return llvm::formatv("-{0,0+5}-of-{1,0+5}.gguf", index + 1, count);
}
} // namespace

Error Checkpoint::addFile(StringRef path) {
  auto file = checkpoint::MappedFile::open(path);
  if (!file)
    return file.takeError();
  auto header = parseHeader(file->bytes(), file->bytes().size(), path);
  if (!header)
    return header.takeError();
  mapped.push_back(std::move(*file));
  headers.push_back(std::move(*header));
  return Error::success();
}

Error Checkpoint::addParts(StringRef firstPath) {
  auto count = metadata().integer("split.count", 0, kMostParts, 1);
  if (!count)
    return count.takeError();
  if (*count <= 1)
    return Error::success();
  auto index = metadata().integer("split.no", 0, *count - 1);
  if (!index)
    return index.takeError();
  if (*index)
    return createStringError(firstPath + ": is part " + Twine(*index + 1) +
                             " of " + Twine(*count) +
                             " of a model; name the first part");
  StringRef stem = firstPath;
  if (!stem.consume_back(partSuffix(0, *count)))
    return createStringError(firstPath + ": is the first of " + Twine(*count) +
                             " parts, but its name does not end in " +
                             partSuffix(0, *count) +
                             ", so that the others cannot be found");
  for (int64_t i = 1; i < *count; ++i) {
    std::string path = stem.str() + partSuffix(i, *count);
    if (!llvm::sys::fs::exists(path))
      return createStringError(path +
                               ": no such file; the model is split "
                               "into " +
                               Twine(*count) + " files");
    if (Error error = addFile(path))
      return error;
    const Metadata &part = headers.back().metadata;
    auto partIndex = part.integer("split.no", i, i);
    if (!partIndex)
      return partIndex.takeError();
    auto partCount = part.integer("split.count", *count, *count);
    if (!partCount)
      return partCount.takeError();
  }
  int64_t total = 0;
  for (const Header &header : headers)
    total += int64_t(header.tensors.size());
  auto expected =
      metadata().integer("split.tensors.count", 0, INT64_MAX, total);
  if (!expected)
    return expected.takeError();
  if (*expected != total)
    return metadata().fail("split.tensors.count",
                           Twine(total) + ", the tensors of all parts");
  return Error::success();
}

Error Checkpoint::addSplitExperts(StringRef layer, Tensor::Part gate,
                                  Tensor::Part up) {
  const TensorEntry &first = *gate.entry, &second = *up.entry;
  if (first.shape != second.shape || first.shape.size() != 3 ||
      first.type != second.type)
    return createStringError(
        mapped[gate.file].path() + ": tensors " + quote(first.name) + " and " +
        quote(second.name) +
        " differ in type or shape, or do not have three dimensions; they are "
        "the halves of the experts' gate_up_proj");
  Tensor tensor;
  tensor.parts = {gate, up};
  tensor.turnRows = first.shape[1];
  tensor.shape = first.shape;
  tensor.shape[1] *= 2;
  std::string name = *officialName((layer + ".ffn_gate_up_exps.weight").str());
  if (!tensors.try_emplace(name, std::move(tensor)).second)
    return createStringError(mapped[gate.file].path() + ": tensor " +
                             quote(first.name) +
                             " is there beside ffn_gate_up_exps");
  return Error::success();
}

Error Checkpoint::nameTensors() {
  std::map<std::string, Tensor::Part> gates, ups; // by "blk.N"
  for (auto [file, header] : llvm::enumerate(headers))
    for (const TensorEntry &entry : header.tensors) {
      Tensor::Part part{&entry, file};
      StringRef layer = entry.name;
      bool isGate = layer.consume_back(kGateExperts);
      if ((isGate || layer.consume_back(kUpExperts)) &&
          officialName((layer + ".attn_norm.weight").str())) {
        (isGate ? gates : ups)[layer.str()] = part;
        continue;
      }
      Tensor tensor;
      tensor.parts = {part};
      tensor.shape = entry.shape;
      std::string name = officialName(entry.name).value_or(entry.name);
      if (!tensors.try_emplace(name, std::move(tensor)).second)
        return createStringError(mapped[file].path() + ": tensor " +
                                 quote(entry.name) +
                                 " is in another part of the model as well");
    }
  for (const auto &[layer, gate] : gates) {
    auto up = ups.find(layer);
    if (up == ups.end())
      return createStringError(mapped[gate.file].path() + ": tensor " +
                               quote(layer + kUpExperts.str()) +
                               " is missing, the other half of " +
                               quote(gate.entry->name));
    if (Error error = addSplitExperts(layer, gate, up->second))
      return error;
  }
  if (gates.size() != ups.size())
    return createStringError(mapped.front().path() +
                             ": holds ffn_up_exps without ffn_gate_exps");
  return Error::success();
}

llvm::Expected<std::unique_ptr<Checkpoint>> Checkpoint::open(StringRef path) {
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint);
  if (Error error = checkpoint->addFile(path))
    return std::move(error);
  if (Error error = checkpoint->addParts(path))
    return std::move(error);
  if (Error error = checkpoint->nameTensors())
    return std::move(error);
  return std::move(checkpoint);
}

std::vector<std::string> Checkpoint::files() const {
  std::vector<std::string> paths;
  for (const checkpoint::MappedFile &file : mapped)
    paths.push_back(file.path());
  return paths;
}

const Checkpoint::Tensor *Checkpoint::findTensor(StringRef name) const {
  auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second;
}

llvm::ArrayRef<uint8_t> Checkpoint::bytesOf(const Tensor::Part &part) const {
  return mapped[part.file].bytes().slice(part.entry->offset, part.entry->bytes);
}

std::optional<checkpoint::WeightInfo> Checkpoint::find(StringRef name) const {
  const Tensor *tensor = findTensor(name);
  if (!tensor)
    return std::nullopt;
  ElementType type = tensor->parts.front().entry->type;
  checkpoint::WeightInfo info{type, tensor->shape, levelForm(type)};
  for (const Tensor::Part &part : tensor->parts)
    info.bytes += part.entry->bytes;
  return info;
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> result;
  for (StringRef name : tensors.keys())
    if (name != kRopeFrequencies)
      result.push_back(name.str());
  llvm::sort(result);
  return result;
}

std::string Checkpoint::fileOf(StringRef name) const {
  const Tensor *tensor = findTensor(name);
  return tensor ? mapped[tensor->parts.front().file].path() : "";
}

void Checkpoint::forEachRun(
    const Tensor &tensor, int64_t row, int64_t rows,
    llvm::function_ref<void(const Tensor::Part &, int64_t, int64_t)> read)
    const {
  if (!tensor.turnRows)
    return read(tensor.parts.front(), row, rows);
  while (rows > 0) {
    int64_t turn = row / tensor.turnRows, inTurn = row % tensor.turnRows;
    int64_t count = std::min(rows, tensor.turnRows - inTurn);
    read(tensor.parts[size_t(turn % 2)], turn / 2 * tensor.turnRows + inTurn,
         count);
    row += count;
    rows -= count;
  }
}

std::string Checkpoint::nameInFile(StringRef name) const {
  const Tensor *tensor = findTensor(name);
  return tensor ? tensor->parts.front().entry->name
                : ggufName(name).value_or(name.str());
}

checkpoint::StoredElement Checkpoint::locate(StringRef name,
                                             int64_t element) const {
  const Tensor &tensor = *findTensor(name);
  int64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
  checkpoint::StoredElement place;
  forEachRun(tensor, element / columns, /*rows=*/1,
             [&](const Tensor::Part &part, int64_t row, int64_t) {
               place = {mapped[part.file].path(), part.entry->name,
                        row * columns + element % columns, std::nullopt};
             });
  return place;
}

/// Elements [first, first + out.size()) of whole blocks at `source`.
static void decodeRange(ElementType type, const uint8_t *source, int64_t first,
                        llvm::MutableArrayRef<float> out) {
  BlockSize block = blockSize(type);
  auto count = int64_t(out.size());
  if (checkpoint::isFloat(type))
    return checkpoint::decodeFloats(type, source + first * block.bytes, count,
                                    out.data());
  // Blocks that are cut by an end of the range are decoded aside.
  while (count > 0) {
    const uint8_t *at = source + first / block.elements * block.bytes;
    int64_t skipped = first % block.elements;
    int64_t blocks = count / block.elements;
    int64_t taken = blocks * block.elements;
    if (!skipped && blocks) {
      decodeBlocks(type, at, blocks, out.data());
    } else {
      std::vector<float> values(static_cast<size_t>(block.elements));
      decodeBlocks(type, at, 1, values.data());
      taken = std::min(count, block.elements - skipped);
      std::copy_n(values.begin() + skipped, taken, out.begin());
    }
    out = out.drop_front(size_t(taken));
    first += taken;
    count -= taken;
  }
}

Error Checkpoint::readF32(StringRef name, int64_t firstElement,
                          llvm::MutableArrayRef<float> out) const {
  std::optional<checkpoint::WeightInfo> info = find(name);
  if (Error error = checkRead(name, info, firstElement, int64_t(out.size())))
    return error;
  const Tensor &tensor = *findTensor(name);
  int64_t columns = info->columns();
  while (!out.empty()) {
    // Up to the end of a row, then whole rows, then the rest.
    int64_t row = firstElement / columns, column = firstElement % columns;
    auto count = int64_t(out.size());
    int64_t rows = column ? 1 : std::max<int64_t>(count / columns, 1);
    forEachRun(tensor, row, rows,
               [&](const Tensor::Part &part, int64_t partRow, int64_t run) {
                 int64_t taken =
                     std::min(int64_t(out.size()), run * columns - column);
                 decodeRange(info->type, bytesOf(part).data(),
                             partRow * columns + column,
                             out.take_front(size_t(taken)));
                 out = out.drop_front(size_t(taken));
                 firstElement += taken;
                 column = 0;
               });
  }
  return Error::success();
}

Error Checkpoint::readLevels(StringRef name, int64_t firstRow,
                             llvm::MutableArrayRef<int8_t> levels,
                             llvm::MutableArrayRef<float> scales) const {
  std::optional<checkpoint::WeightInfo> info = find(name);
  if (Error error =
          checkLevels(name, info, firstRow, levels.size(), scales.size()))
    return error;
  BlockSize block = blockSize(info->type);
  int64_t blocks = info->columns() / block.elements;
  int8_t *level = levels.data();
  float *scale = scales.data();
  forEachRun(*findTensor(name), firstRow,
             int64_t(levels.size()) / info->columns(),
             [&](const Tensor::Part &part, int64_t row, int64_t rows) {
               decodeLevels(info->type,
                            bytesOf(part).data() + row * blocks * block.bytes,
                            rows * blocks, level, scale);
               level += rows * info->columns();
               scale += rows * blocks;
             });
  return Error::success();
}

void Checkpoint::done(StringRef name) const {
  if (const Tensor *tensor = findTensor(name))
    for (const Tensor::Part &part : tensor->parts)
      checkpoint::releasePages(bytesOf(part));
}
