//===- Checkpoint.cpp - The tensors of a checkpoint -----------------------===//

#include "frontends/Safetensors/Checkpoint.h"

#include "frontends/Checkpoint/CheckpointError.h"
#include "frontends/Json/CheckedJson.h"
#include "frontends/Safetensors/ShardIndex.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace gemcut;
using namespace gemcut::checked_json;
using namespace gemcut::safetensors;
using llvm::createStringError;

namespace {
constexpr char kSingleName[] = "model.safetensors";
constexpr char kIndexName[] = "model.safetensors.index.json";
} // namespace

llvm::Error Checkpoint::addFile(llvm::StringRef path,
                                std::vector<TensorInfo> *out) {
  auto file = checkpoint::MappedFile::open(path);
  if (!file)
    return file.takeError();
  auto parsed = parseHeader(file->bytes(), file->bytes().size(), path);
  if (!parsed)
    return checkpoint::about(parsed.takeError(), path);
  files.push_back(std::move(*file));
  for (TensorInfo &tensor : *parsed) {
    tensor.fileIndex = files.size() - 1;
    out->push_back(std::move(tensor));
  }
  return llvm::Error::success();
}

llvm::Error Checkpoint::addShard(llvm::StringRef path,
                                 llvm::ArrayRef<std::string> names,
                                 const std::string &index) {
  std::vector<TensorInfo> held;
  if (llvm::Error error = addFile(path, &held))
    return error;
  llvm::StringSet<> listed, present;
  for (const std::string &name : names)
    listed.insert(name);
  for (const TensorInfo &tensor : held) {
    present.insert(tensor.name);
    if (!listed.contains(tensor.name))
      return createStringError(path.str() + ": holds tensor " +
                               quoteName(tensor.name) + ", which " + index +
                               " does not place there");
  }
  for (const std::string &name : names)
    if (!present.contains(name))
      return createStringError(index + ": places tensor " + quoteName(name) +
                               " in " + path.str() +
                               ", which does not hold it");
  for (TensorInfo &tensor : held)
    infos.push_back(std::move(tensor));
  return llvm::Error::success();
}

llvm::Error Checkpoint::openIndex(llvm::StringRef directory,
                                  llvm::StringRef indexPath) {
  std::string name = indexPath.str();
  if (llvm::Error error = checkpoint::refuseSpecialFile(name))
    return error;
  auto buffer = llvm::MemoryBuffer::getFile(name);
  if (!buffer)
    return createStringError(
        name + ": cannot be read: " + buffer.getError().message());
  auto index = parseShardIndex((*buffer)->getBuffer(), name);
  if (!index)
    return index.takeError();
  for (const auto &[shard, names] : index->shards) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, shard);
    if (!llvm::sys::fs::exists(path))
      return createStringError(name + ": names shard " + quoteName(shard) +
                               " with " + std::to_string(names.size()) +
                               " tensors, which is not in the directory; the "
                               "download may be incomplete");
    if (llvm::Error error = addShard(path, names, name))
      return error;
  }
  uint64_t total = 0;
  for (const TensorInfo &tensor : infos)
    total += tensor.bytes;
  if (index->totalBytes && *index->totalBytes != total)
    return createStringError(
        name + ": metadata.total_size is " +
        std::to_string(*index->totalBytes) + " bytes, but the " +
        std::to_string(infos.size()) + " tensors of the shards have " +
        std::to_string(total) + "; index and shards belong to different files");
  return llvm::Error::success();
}

void Checkpoint::finish() {
  llvm::sort(infos, [](const TensorInfo &a, const TensorInfo &b) {
    return a.name < b.name;
  });
  for (size_t i = 0; i < infos.size(); ++i)
    byName[infos[i].name] = i;
}

llvm::Expected<std::unique_ptr<Checkpoint>>
Checkpoint::open(llvm::StringRef path) {
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint);
  llvm::SmallString<256> index(path), single(path);
  if (llvm::sys::fs::is_directory(path)) {
    llvm::sys::path::append(index, kIndexName);
    llvm::sys::path::append(single, kSingleName);
    if (llvm::sys::fs::exists(index)) {
      if (llvm::Error error = checkpoint->openIndex(path, index))
        return std::move(error);
      checkpoint->finish();
      return std::move(checkpoint);
    }
    if (!llvm::sys::fs::exists(single))
      return createStringError(path.str() + ": holds neither " + kSingleName +
                               " nor " + kIndexName);
  } else if (!llvm::sys::fs::exists(path)) {
    return createStringError(path.str() + ": no such file or directory");
  }
  if (llvm::Error error = checkpoint->addFile(single, &checkpoint->infos))
    return std::move(error);
  checkpoint->finish();
  return std::move(checkpoint);
}

llvm::Error gemcut::safetensors::refuseShard(llvm::StringRef path) {
  llvm::StringRef directory = llvm::sys::path::parent_path(path);
  llvm::StringRef stem = llvm::sys::path::filename(path);
  if (!stem.consume_back(".safetensors"))
    return llvm::Error::success();
  auto [start, count] = stem.rsplit("-of-");
  auto [name, number] = start.rsplit('-');
  unsigned parts, part;
  if (count.getAsInteger(10, parts) || number.getAsInteger(10, part) ||
      parts <= 1)
    return llvm::Error::success();
  return createStringError(
      path + ": is part " + llvm::Twine(part) + " of " + llvm::Twine(parts) +
      " of a checkpoint; name the directory that holds all of them, " +
      (directory.empty() ? "." : directory));
}

const TensorInfo *Checkpoint::findTensor(llvm::StringRef name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &infos[found->second];
}

llvm::ArrayRef<uint8_t> Checkpoint::bytes(const TensorInfo &tensor) const {
  return files[tensor.fileIndex].bytes().slice(tensor.offset, tensor.bytes);
}

std::optional<checkpoint::WeightInfo>
Checkpoint::find(llvm::StringRef name) const {
  const TensorInfo *tensor = findTensor(name);
  if (!tensor)
    return std::nullopt;
  return checkpoint::WeightInfo{tensor->dtype, tensor->shape,
                                /*levels=*/std::nullopt, tensor->bytes};
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> result;
  for (const TensorInfo &tensor : infos)
    result.push_back(tensor.name);
  return result;
}

std::string Checkpoint::fileOf(llvm::StringRef name) const {
  const TensorInfo *tensor = findTensor(name);
  return tensor ? files[tensor->fileIndex].path() : "";
}

llvm::Error Checkpoint::readF32(llvm::StringRef name, int64_t firstElement,
                                llvm::MutableArrayRef<float> out) const {
  if (llvm::Error error =
          checkRead(name, find(name), firstElement, int64_t(out.size())))
    return error;
  const TensorInfo *tensor = findTensor(name);
  checkpoint::decodeFloats(tensor->dtype,
                           bytes(*tensor).data() +
                               firstElement * elementBytes(tensor->dtype),
                           int64_t(out.size()), out.data());
  return llvm::Error::success();
}

void Checkpoint::done(llvm::StringRef name) const {
  if (const TensorInfo *tensor = findTensor(name))
    checkpoint::releasePages(bytes(*tensor));
}
