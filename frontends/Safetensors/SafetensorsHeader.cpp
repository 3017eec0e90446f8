//===- SafetensorsHeader.cpp - The header of one file ---------------------===//

#include "frontends/Safetensors/SafetensorsHeader.h"
#include "frontends/Checkpoint/CheckpointError.h"

#include "frontends/Json/CheckedJson.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <optional>

using namespace gemcut;
using namespace gemcut::checked_json;
using namespace gemcut::safetensors;
using llvm::createStringError;
using nlohmann::json;

namespace {
/// Tensor entries, their lists, and a little for metadata of other tools.
constexpr size_t kMaxHeaderDepth = 8;
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxRank = 8;

struct DTypeRow {
  DType type;
  int64_t bytes;
  llvm::StringRef name = checkpoint::stringify(type);
};
const DTypeRow kDTypes[] = {
    {DType::Bool, 1},   {DType::U8, 1},     {DType::I8, 1},  {DType::F8E4M3, 1},
    {DType::F8E5M2, 1}, {DType::F8E8M0, 1}, {DType::I16, 2}, {DType::U16, 2},
    {DType::F16, 2},    {DType::BF16, 2},   {DType::I32, 4}, {DType::U32, 4},
    {DType::F32, 4},    {DType::I64, 8},    {DType::U64, 8}, {DType::F64, 8},
    {DType::C64, 8},
};

const DTypeRow *findDType(llvm::StringRef name) {
  for (const DTypeRow &row : kDTypes)
    if (row.name == name)
      return &row;
  return nullptr;
}

const DTypeRow &rowOf(DType type) {
  for (const DTypeRow &row : kDTypes)
    if (row.type == type)
      return row;
  llvm_unreachable("all types are listed");
}

std::string supportedDTypes() {
  std::string names;
  for (const DTypeRow &row : kDTypes)
    names += (names.empty() ? "" : ", ") + row.name.str();
  return names;
}

std::optional<uint64_t> unsignedNumber(const json &value) {
  if (value.is_number_unsigned())
    return value.get<uint64_t>();
  return std::nullopt;
}

class HeaderParser {
public:
  HeaderParser(llvm::StringRef file, uint64_t dataStart, uint64_t dataLength)
      : file(file), dataStart(dataStart), dataLength(dataLength) {}

  llvm::Expected<TensorInfo> parseTensor(const std::string &name,
                                         const json &entry) {
    if (name.empty() || name.size() > kMaxNameBytes)
      return fail(name, "has a name of " + std::to_string(name.size()) +
                            " bytes, expected 1 to " +
                            std::to_string(kMaxNameBytes));
    if (!entry.is_object())
      return fail(name, "is described by " + briefJson(entry) +
                            ", expected an object with dtype, shape and "
                            "data_offsets");
    for (const char *key : {"dtype", "shape", "data_offsets"})
      if (!entry.contains(key))
        return fail(name, std::string("has no '") + key + "'");
    const json &dtype = entry["dtype"];
    const DTypeRow *row = dtype.is_string()
                              ? findDType(dtype.get_ref<const std::string &>())
                              : nullptr;
    if (!row)
      return fail(name, "has unknown dtype " + briefJson(dtype) +
                            ", expected one of " + supportedDTypes());
    TensorInfo info;
    info.name = name;
    info.dtype = row->type;
    if (llvm::Error error = parseShape(entry["shape"], row->bytes, info))
      return std::move(error);
    if (llvm::Error error = parseOffsets(entry["data_offsets"], info))
      return std::move(error);
    return info;
  }

  /// The tensors in the order of their data must tile it exactly.
  llvm::Error checkCoverage(std::vector<TensorInfo> &tensors) {
    std::vector<const TensorInfo *> order;
    for (const TensorInfo &tensor : tensors)
      order.push_back(&tensor);
    llvm::sort(order, [](const TensorInfo *a, const TensorInfo *b) {
      return std::tie(a->offset, a->bytes, a->name) <
             std::tie(b->offset, b->bytes, b->name);
    });
    uint64_t at = dataStart;
    const TensorInfo *previous = nullptr;
    for (const TensorInfo *tensor : order) {
      if (tensor->offset < at)
        return createStringError(
            file.str() + ": tensors " + quoteName(previous->name) + " and " +
            quoteName(tensor->name) + " overlap at data byte " +
            std::to_string(tensor->offset - dataStart));
      if (tensor->offset > at)
        return createStringError(
            file.str() + ": " + std::to_string(tensor->offset - at) +
            " bytes before tensor " + quoteName(tensor->name) +
            " belong to no tensor; the header lacks one, or the file is "
            "damaged");
      at = tensor->offset + tensor->bytes;
      previous = tensor;
    }
    if (at != dataStart + dataLength)
      return createStringError(file.str() + ": " +
                               std::to_string(dataStart + dataLength - at) +
                               " bytes after the last tensor belong to no "
                               "tensor; the header lacks one, or the file is "
                               "damaged");
    return llvm::Error::success();
  }

private:
  llvm::StringRef file;
  uint64_t dataStart, dataLength;

  /// Sets shape and bytes.
  llvm::Error parseShape(const json &shape, int64_t elementBytes,
                         TensorInfo &info) {
    if (!shape.is_array() || shape.size() > kMaxRank)
      return fail(info.name, "has shape " + briefJson(shape) +
                                 ", expected a list of up to " +
                                 std::to_string(kMaxRank) + " sizes");
    info.bytes = uint64_t(elementBytes);
    for (const json &size : shape) {
      std::optional<uint64_t> number = unsignedNumber(size);
      if (!number || *number > uint64_t(INT64_MAX))
        return fail(info.name, "has size " + briefJson(size) +
                                   " in its shape, expected a non-negative "
                                   "integer");
      bool overflow = false;
      info.bytes = llvm::SaturatingMultiply(info.bytes, *number, &overflow);
      if (overflow)
        return fail(info.name, "has shape " + briefJson(shape) +
                                   ", whose size in bytes overflows");
      info.shape.push_back(int64_t(*number));
    }
    return llvm::Error::success();
  }

  /// Sets the offset; expects dtype, shape and bytes.
  llvm::Error parseOffsets(const json &offsets, TensorInfo &info) {
    std::optional<uint64_t> begin, end;
    if (offsets.is_array() && offsets.size() == 2) {
      begin = unsignedNumber(offsets[0]);
      end = unsignedNumber(offsets[1]);
    }
    if (!begin || !end || *begin > *end)
      return fail(info.name, "has data_offsets " + briefJson(offsets) +
                                 ", expected [begin, end] with begin <= end");
    if (*end > dataLength)
      return fail(info.name, "ends at data byte " + std::to_string(*end) +
                                 ", but the file holds " +
                                 std::to_string(dataLength) +
                                 " bytes of data; it may be truncated");
    if (info.bytes != *end - *begin)
      return fail(info.name, "has " + std::to_string(*end - *begin) +
                                 " bytes of data, but " +
                                 rowOf(info.dtype).name.str() + " " +
                                 briefJson(json(info.shape)) + " takes " +
                                 std::to_string(info.bytes));
    info.offset = dataStart + *begin;
    return llvm::Error::success();
  }

  llvm::Error fail(llvm::StringRef tensor, const std::string &what) {
    return llvm::make_error<checkpoint::CheckpointError>(
        file.str(), tensor.str(),
        file.str() + ": tensor " + quoteName(tensor) + " " + what);
  }
};
} // namespace

int64_t gemcut::safetensors::elementBytes(DType type) {
  return rowOf(type).bytes;
}

int64_t TensorInfo::elements() const {
  return int64_t(bytes / uint64_t(elementBytes(dtype)));
}

llvm::Expected<std::vector<TensorInfo>>
gemcut::safetensors::parseHeader(llvm::ArrayRef<uint8_t> prefix,
                                 uint64_t fileLength,
                                 llvm::StringRef fileName) {
  std::string file = fileName.str();
  if (fileLength < 8 || prefix.size() < 8)
    return createStringError(
        file + ": has " + std::to_string(fileLength) +
        " bytes, too few for a safetensors header; the file "
        "is truncated or not a checkpoint");
  uint64_t length = llvm::support::endian::read64le(prefix.data());
  if (length > kMaxHeaderBytes)
    return createStringError(
        file + ": header length " + std::to_string(length) +
        " exceeds the format's limit of " + std::to_string(kMaxHeaderBytes) +
        "; this is not a safetensors file");
  if (length > fileLength - 8 || prefix.size() - 8 < length)
    return createStringError(file + ": header of " + std::to_string(length) +
                             " bytes does not fit into the file of " +
                             std::to_string(fileLength) +
                             " bytes; the file is truncated");
  llvm::StringRef text(reinterpret_cast<const char *>(prefix.data()) + 8,
                       length);
  if (!text.starts_with("{"))
    return createStringError(
        file + ": header starts with " +
        briefJson(json(text.take_front(1).str())) +
        ", expected \"{\"; this is not a safetensors file");
  auto header = parseCheckedObject(text, file + ": header ", kMaxHeaderDepth);
  if (!header)
    return header.takeError();
  uint64_t dataStart = 8 + length;
  HeaderParser parser(fileName, dataStart, fileLength - dataStart);
  std::vector<TensorInfo> tensors;
  for (const auto &[name, entry] : header->items()) {
    if (name == "__metadata__") {
      if (!entry.is_object())
        return createStringError(file + ": __metadata__: found " +
                                 briefJson(entry) + ", expected an object");
      continue;
    }
    auto tensor = parser.parseTensor(name, entry);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  if (llvm::Error error = parser.checkCoverage(tensors))
    return std::move(error);
  return tensors;
}
