//===- Checkpoint.cpp - The tensors of a checkpoint -----------------------===//

#include "frontends/Safetensors/Checkpoint.h"

#include "frontends/Safetensors/CheckedJson.h"
#include "frontends/Safetensors/ShardIndex.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut::safetensors;
using llvm::createStringError;

namespace {
constexpr char kSingleName[] = "model.safetensors";
constexpr char kIndexName[] = "model.safetensors.index.json";

float halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31, mantissa = half & 0x3FF;
  uint32_t bits;
  if (exponent == 31)
    bits = sign | 0x7F800000 | mantissa << 13;
  else if (exponent)
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  else if (!mantissa)
    bits = sign;
  else { // subnormal: value is mantissa * 2^-24
    float value = float(mantissa) * 0x1p-24f;
    std::memcpy(&bits, &value, 4);
    bits |= sign;
  }
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
} // namespace

void gemcut::safetensors::decodeF32(DType type, const uint8_t *source,
                                    int64_t count, float *out) {
  switch (type) {
  case DType::F32:
    std::memcpy(out, source, size_t(count) * 4);
    return;
  case DType::BF16:
    for (int64_t i = 0; i < count; ++i) {
      uint16_t half;
      std::memcpy(&half, source + 2 * i, 2);
      uint32_t bits = uint32_t(half) << 16;
      std::memcpy(out + i, &bits, 4);
    }
    return;
  case DType::F16:
    for (int64_t i = 0; i < count; ++i) {
      uint16_t half;
      std::memcpy(&half, source + 2 * i, 2);
      out[i] = halfToFloat(half);
    }
    return;
  default:
    assert(false && "only F32, BF16 and F16 are numbers");
  }
}

Checkpoint::~Checkpoint() {
  for (File &file : files)
    if (file.data)
      munmap(const_cast<uint8_t *>(file.data), file.length);
}

llvm::Error Checkpoint::addFile(llvm::StringRef path,
                                std::vector<TensorInfo> *out) {
  std::string name = path.str();
  // O_NONBLOCK: opening a FIFO would otherwise wait for a writer.
  int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return createStringError(
        name + ": cannot be opened: " + llvm::sys::StrError(errno));
  llvm::scope_exit closing([&] { close(descriptor); });
  struct stat status;
  if (fstat(descriptor, &status) || !S_ISREG(status.st_mode))
    return createStringError(name + ": is not a regular file");
  File file;
  file.path = name;
  file.length = uint64_t(status.st_size);
  if (file.length) {
    void *data =
        mmap(nullptr, file.length, PROT_READ, MAP_SHARED, descriptor, 0);
    if (data == MAP_FAILED)
      return createStringError(
          name + ": " + std::to_string(file.length) +
          " bytes cannot be mapped: " + llvm::sys::StrError(errno));
    file.data = static_cast<const uint8_t *>(data);
  }
  files.push_back(file);
  auto parsed =
      parseHeader({file.data, size_t(file.length)}, file.length, name);
  if (!parsed)
    return parsed.takeError();
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

const TensorInfo *Checkpoint::find(llvm::StringRef name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &infos[found->second];
}

llvm::StringRef Checkpoint::fileOf(const TensorInfo &tensor) const {
  return files[tensor.fileIndex].path;
}

llvm::ArrayRef<uint8_t> Checkpoint::bytes(const TensorInfo &tensor) const {
  return {files[tensor.fileIndex].data + tensor.offset, size_t(tensor.bytes)};
}

llvm::Error Checkpoint::checkFloat(const TensorInfo &tensor) const {
  if (isFloat(tensor.dtype))
    return llvm::Error::success();
  return createStringError(fileOf(tensor).str() + ": tensor " +
                           quoteName(tensor.name) + " has dtype " +
                           stringifyDType(tensor.dtype).str() +
                           ", supported are BF16, F16 and F32");
}

void Checkpoint::readF32(const TensorInfo &tensor, int64_t first,
                         llvm::MutableArrayRef<float> out) const {
  assert(first >= 0 && int64_t(out.size()) <= tensor.elements() - first &&
         "elements outside the tensor");
  decodeF32(tensor.dtype,
            bytes(tensor).data() + first * elementBytes(tensor.dtype),
            int64_t(out.size()), out.data());
}

void Checkpoint::release(const TensorInfo &tensor, int64_t first,
                         int64_t count) const {
  assert(first >= 0 && count >= 0 && count <= tensor.elements() - first &&
         "elements outside the tensor");
  int64_t size = elementBytes(tensor.dtype);
  auto begin = reinterpret_cast<uintptr_t>(bytes(tensor).data() + first * size);
  auto end = begin + uintptr_t(count * size);
  auto page = uintptr_t(sysconf(_SC_PAGESIZE));
  begin = (begin + page - 1) & ~(page - 1);
  end &= ~(page - 1);
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

void Checkpoint::release(const TensorInfo &tensor) const {
  release(tensor, 0, tensor.elements());
}
