//===- Checkpoint.cpp - The tensors of a checkpoint -----------------------===//

#include "frontends/Safetensors/Checkpoint.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <nlohmann/json.hpp>

#include <cassert>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut::safetensors;
using llvm::createStringError;
using nlohmann::json;

namespace {
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
  int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return createStringError(name +
                             ": cannot be opened: " + std::strerror(errno));
  struct stat status;
  if (fstat(descriptor, &status) || !S_ISREG(status.st_mode)) {
    close(descriptor);
    return createStringError(name + ": is not a regular file");
  }
  File file;
  file.path = name;
  file.length = uint64_t(status.st_size);
  if (file.length) {
    void *data =
        mmap(nullptr, file.length, PROT_READ, MAP_SHARED, descriptor, 0);
    int error = errno;
    if (data == MAP_FAILED) {
      close(descriptor);
      return createStringError(name +
                               ": cannot be mapped: " + std::strerror(error));
    }
    file.data = static_cast<const uint8_t *>(data);
  }
  close(descriptor);
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

llvm::Error Checkpoint::openIndex(llvm::StringRef directory,
                                  llvm::StringRef indexPath) {
  std::string index = indexPath.str();
  auto buffer = llvm::MemoryBuffer::getFile(index);
  if (!buffer)
    return createStringError(
        index + ": cannot be read: " + buffer.getError().message());
  json value = json::parse((*buffer)->getBuffer().begin(),
                           (*buffer)->getBuffer().end(), nullptr,
                           /*allow_exceptions=*/false);
  if (!value.is_object() || !value.contains("weight_map") ||
      !value["weight_map"].is_object())
    return createStringError(index +
                             ": is not a JSON object with a 'weight_map'");
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto &[tensor, shard] : value["weight_map"].items()) {
    if (!shard.is_string())
      return createStringError(index + ": tensor '" + tensor +
                               "' does not name a file");
    const auto &file = shard.get_ref<const std::string &>();
    if (llvm::sys::path::filename(file) != file || file == "..")
      return createStringError(
          index + ": tensor '" + tensor + "' names '" + file +
          "', expected a file beside the index without a path");
    if (!llvm::StringRef(file).ends_with(".safetensors"))
      return createStringError(index + ": tensor '" + tensor + "' names '" +
                               file + "', expected a .safetensors file");
    shards[file].push_back(tensor);
  }
  if (shards.empty())
    return createStringError(index + ": 'weight_map' names no tensor");
  for (const auto &[shard, names] : shards) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, shard);
    if (!llvm::sys::fs::exists(path))
      return createStringError(index + ": names shard '" + shard +
                               "', which is not in the directory");
    std::vector<TensorInfo> held;
    if (llvm::Error error = addFile(path, &held))
      return error;
    llvm::StringMap<size_t> present;
    for (size_t i = 0; i < held.size(); ++i)
      present[held[i].name] = i;
    if (held.size() > names.size())
      for (const TensorInfo &tensor : held)
        if (!llvm::is_contained(names, tensor.name))
          return createStringError(path.str().str() + ": holds tensor '" +
                                   tensor.name +
                                   "', which the index does not place there");
    for (const std::string &name : names) {
      auto found = present.find(name);
      if (found == present.end())
        return createStringError(index + ": places tensor '" + name + "' in '" +
                                 shard + "', which does not hold it");
      infos.push_back(std::move(held[found->second]));
    }
  }
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
  if (!llvm::sys::fs::exists(path))
    return createStringError(path.str() + ": no such file or directory");
  if (!llvm::sys::fs::is_directory(path)) {
    if (llvm::Error error = checkpoint->addFile(path, &checkpoint->infos))
      return std::move(error);
    checkpoint->finish();
    return std::move(checkpoint);
  }
  llvm::SmallString<256> index(path), single(path);
  llvm::sys::path::append(index, "model.safetensors.index.json");
  llvm::sys::path::append(single, "model.safetensors");
  if (llvm::sys::fs::exists(index)) {
    if (llvm::Error error = checkpoint->openIndex(path, index))
      return std::move(error);
  } else if (llvm::sys::fs::exists(single)) {
    if (llvm::Error error = checkpoint->addFile(single, &checkpoint->infos))
      return std::move(error);
  } else {
    return createStringError(
        path.str() +
        ": holds neither model.safetensors nor model.safetensors.index.json");
  }
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

void Checkpoint::readF32(const TensorInfo &tensor, int64_t first,
                         llvm::MutableArrayRef<float> out) const {
  assert(first >= 0 && first + int64_t(out.size()) <= tensor.elements() &&
         "elements outside the tensor");
  decodeF32(tensor.dtype,
            bytes(tensor).data() + first * elementBytes(tensor.dtype),
            int64_t(out.size()), out.data());
}

void Checkpoint::release(const TensorInfo &tensor) const {
  llvm::ArrayRef<uint8_t> range = bytes(tensor);
  auto page = uintptr_t(sysconf(_SC_PAGESIZE));
  auto begin =
      (reinterpret_cast<uintptr_t>(range.data()) + page - 1) & ~(page - 1);
  auto end =
      (reinterpret_cast<uintptr_t>(range.data()) + range.size()) & ~(page - 1);
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
