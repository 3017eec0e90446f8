//===- SafetensorsHeader.cpp - The header of one file ---------------------===//

#include "frontends/Safetensors/SafetensorsHeader.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

using namespace gemcut::safetensors;
using llvm::createStringError;
using nlohmann::json;

namespace {
struct DTypeRow {
  DType type;
  llvm::StringLiteral name;
  int64_t bytes;
};
constexpr DTypeRow kDTypes[] = {
    {DType::Bool, "BOOL", 1},      {DType::U8, "U8", 1},
    {DType::I8, "I8", 1},          {DType::F8E4M3, "F8_E4M3", 1},
    {DType::F8E5M2, "F8_E5M2", 1}, {DType::I16, "I16", 2},
    {DType::U16, "U16", 2},        {DType::F16, "F16", 2},
    {DType::BF16, "BF16", 2},      {DType::I32, "I32", 4},
    {DType::U32, "U32", 4},        {DType::F32, "F32", 4},
    {DType::I64, "I64", 8},        {DType::U64, "U64", 8},
    {DType::F64, "F64", 8},
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

/// Parses JSON without exceptions and reports what nlohmann's DOM would hide: a
/// name that occurs twice in one object, and nesting beyond what a header
/// needs.
struct HeaderJson {
  json value;
  std::string duplicate;
  bool tooDeep = false;

  explicit HeaderJson(llvm::StringRef text) {
    std::vector<llvm::StringSet<>> names;
    auto watch = [&](int depth, json::parse_event_t event, json &parsed) {
      if (depth > 8)
        tooDeep = true;
      if (event == json::parse_event_t::object_start)
        names.emplace_back();
      else if (event == json::parse_event_t::object_end)
        names.pop_back();
      else if (event == json::parse_event_t::key && !names.empty() &&
               !names.back()
                    .insert(parsed.get_ref<const std::string &>())
                    .second &&
               duplicate.empty())
        duplicate = parsed.get_ref<const std::string &>();
      return !tooDeep;
    };
    value = json::parse(text.begin(), text.end(), watch,
                        /*allow_exceptions=*/false);
  }
};

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
    if (!entry.is_object())
      return fail(name, "is not an object with dtype, shape and data_offsets");
    for (const char *key : {"dtype", "shape", "data_offsets"})
      if (!entry.contains(key))
        return fail(name, std::string("has no '") + key + "'");
    TensorInfo info;
    info.name = name;
    const json &dtype = entry["dtype"];
    const DTypeRow *row = dtype.is_string()
                              ? findDType(dtype.get_ref<const std::string &>())
                              : nullptr;
    if (!row)
      return fail(name, "has unknown dtype " + dtype.dump() +
                            ", expected one of BF16, F16, F32 (or an integer "
                            "type of the safetensors format)");
    info.dtype = row->type;
    uint64_t elements = 1;
    const json &shape = entry["shape"];
    if (!shape.is_array() || shape.size() > 8)
      return fail(name, "has shape " + brief(shape) +
                            ", expected a list of up to 8 sizes");
    for (const json &size : shape) {
      std::optional<uint64_t> number = unsignedNumber(size);
      if (!number || *number > uint64_t(INT64_MAX))
        return fail(name, "has size " + brief(size) +
                              " in its shape, expected a non-negative integer");
      bool overflow = false;
      elements = llvm::SaturatingMultiply(elements, *number, &overflow);
      if (overflow)
        return fail(name, "has a shape whose number of elements overflows");
      info.shape.push_back(int64_t(*number));
    }
    const json &offsets = entry["data_offsets"];
    std::optional<uint64_t> begin, end;
    if (offsets.is_array() && offsets.size() == 2) {
      begin = unsignedNumber(offsets[0]);
      end = unsignedNumber(offsets[1]);
    }
    if (!begin || !end || *begin > *end)
      return fail(name, "has data_offsets " + brief(offsets) +
                            ", expected [begin, end] with begin <= end");
    if (*end > dataLength)
      return fail(name, "ends at data byte " + std::to_string(*end) +
                            ", but the file holds " +
                            std::to_string(dataLength) +
                            " bytes of data; it may be truncated");
    bool overflow = false;
    uint64_t bytes =
        llvm::SaturatingMultiply(elements, uint64_t(row->bytes), &overflow);
    if (overflow || bytes != *end - *begin)
      return fail(name, "has " + std::to_string(*end - *begin) +
                            " bytes of data, but dtype and shape take " +
                            std::to_string(bytes));
    info.offset = dataStart + *begin;
    info.bytes = bytes;
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
        return createStringError(file.str() + ": tensors '" + previous->name +
                                 "' and '" + tensor->name +
                                 "' overlap at data byte " +
                                 std::to_string(tensor->offset - dataStart));
      if (tensor->offset > at)
        return createStringError(file.str() + ": " +
                                 std::to_string(tensor->offset - at) +
                                 " bytes before tensor '" + tensor->name +
                                 "' belong to no tensor; the file is damaged");
      at = tensor->offset + tensor->bytes;
      previous = tensor;
    }
    if (at != dataStart + dataLength)
      return createStringError(file.str() + ": " +
                               std::to_string(dataStart + dataLength - at) +
                               " bytes after the last tensor belong to no "
                               "tensor; the file is damaged");
    return llvm::Error::success();
  }

private:
  llvm::StringRef file;
  uint64_t dataStart, dataLength;

  llvm::Error fail(llvm::StringRef tensor, const std::string &what) {
    return createStringError(file.str() + ": tensor '" + tensor.str() + "' " +
                             what);
  }

  static std::string brief(const json &value) {
    std::string text =
        value.dump(-1, ' ', false, json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 57) + "..." : text;
  }
};
} // namespace

llvm::StringRef gemcut::safetensors::stringifyDType(DType type) {
  return rowOf(type).name;
}

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
  HeaderJson header(text);
  if (header.tooDeep)
    return createStringError(file + ": header JSON is nested too deeply");
  if (header.value.is_discarded() || !header.value.is_object())
    return createStringError(file + ": header is not a JSON object");
  if (!header.duplicate.empty())
    return createStringError(file + ": name '" + header.duplicate +
                             "' occurs twice in the header");
  uint64_t dataStart = 8 + length;
  HeaderParser parser(fileName, dataStart, fileLength - dataStart);
  std::vector<TensorInfo> tensors;
  for (const auto &[name, entry] : header.value.items()) {
    if (name == "__metadata__")
      continue;
    auto tensor = parser.parseTensor(name, entry);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  if (llvm::Error error = parser.checkCoverage(tensors))
    return std::move(error);
  return tensors;
}
