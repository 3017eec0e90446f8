//===- Metadata.cpp - The key-value pairs of a GGUF file ------------------===//

#include "frontends/GGUF/Metadata.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/ErrorHandling.h"

#include <cmath>
#include <cstring>

using namespace gemcut::gguf;
using llvm::createStringError;
using llvm::StringRef;
using llvm::Twine;
namespace endian = llvm::support::endian;

StringRef gemcut::gguf::stringify(ValueType type) {
  switch (type) {
  case ValueType::UInt8:
    return "uint8";
  case ValueType::Int8:
    return "int8";
  case ValueType::UInt16:
    return "uint16";
  case ValueType::Int16:
    return "int16";
  case ValueType::UInt32:
    return "uint32";
  case ValueType::Int32:
    return "int32";
  case ValueType::Float32:
    return "float32";
  case ValueType::Bool:
    return "bool";
  case ValueType::String:
    return "string";
  case ValueType::Array:
    return "array";
  case ValueType::UInt64:
    return "uint64";
  case ValueType::Int64:
    return "int64";
  case ValueType::Float64:
    return "float64";
  }
  llvm_unreachable("all types are listed");
}

std::string gemcut::gguf::quote(StringRef text) {
  constexpr size_t kLongest = 160;
  std::string quoted = "'" + text.take_front(kLongest).str();
  for (char &c : quoted)
    if (uint8_t(c) < 0x20 || uint8_t(c) >= 0x7F)
      c = '?';
  return quoted + (text.size() > kLongest ? "...'" : "'");
}

std::optional<int64_t> Value::integer(uint64_t index) const {
  const char *base = bytes.data();
  switch (type) {
  case ValueType::UInt8:
    return uint8_t(base[index]);
  case ValueType::Int8:
    return int8_t(base[index]);
  case ValueType::UInt16:
    return endian::read16le(base + 2 * index);
  case ValueType::Int16:
    return int16_t(endian::read16le(base + 2 * index));
  case ValueType::UInt32:
    return endian::read32le(base + 4 * index);
  case ValueType::Int32:
    return int32_t(endian::read32le(base + 4 * index));
  case ValueType::Int64:
    return int64_t(endian::read64le(base + 8 * index));
  case ValueType::UInt64: {
    uint64_t value = endian::read64le(base + 8 * index);
    if (value > uint64_t(INT64_MAX))
      return std::nullopt;
    return int64_t(value);
  }
  default:
    return std::nullopt;
  }
}

std::optional<double> Value::number(uint64_t index) const {
  if (type == ValueType::Float32) {
    float value;
    std::memcpy(&value, bytes.data() + 4 * index, 4);
    return value;
  }
  if (type == ValueType::Float64) {
    double value;
    std::memcpy(&value, bytes.data() + 8 * index, 8);
    return value;
  }
  if (std::optional<int64_t> whole = integer(index))
    return double(*whole);
  return std::nullopt;
}

std::optional<bool> Value::boolean(uint64_t index) const {
  if (type != ValueType::Bool)
    return std::nullopt;
  return bytes[index] != 0;
}

std::optional<std::vector<StringRef>> Value::strings() const {
  if (type != ValueType::String)
    return std::nullopt;
  std::vector<StringRef> result;
  result.reserve(count);
  StringRef left = bytes;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t length = endian::read64le(left.data());
    result.push_back(left.substr(8, length));
    left = left.drop_front(8 + length);
  }
  return result;
}

std::string Value::describe() const {
  if (isArray)
    return ("an array of " + Twine(count) + " " + stringify(type)).str();
  if (type == ValueType::String)
    return "the string " + quote(bytes.drop_front(8));
  if (type == ValueType::Bool)
    return bytes[0] ? "true" : "false";
  if (std::optional<int64_t> whole = integer())
    return std::to_string(*whole);
  if (std::optional<double> value = number())
    return std::to_string(*value);
  return "a " + stringify(type).str();
}

llvm::Error Metadata::fail(StringRef key, const Twine &expected) const {
  const Value *value = find(key);
  return createStringError(file + ": key " + quote(key) + ": found " +
                           (value ? value->describe() : "nothing") +
                           ", expected " + expected);
}

llvm::Expected<int64_t>
Metadata::integer(StringRef key, int64_t least, int64_t most,
                  std::optional<int64_t> fallback) const {
  const Value *value = find(key);
  if (!value && fallback)
    return *fallback;
  std::optional<int64_t> found;
  if (value && !value->isArray)
    found = value->integer();
  if (!found || *found < least || *found > most)
    return fail(key,
                "a whole number from " + Twine(least) + " to " + Twine(most));
  return *found;
}

llvm::Expected<double> Metadata::number(StringRef key,
                                        std::optional<double> fallback) const {
  const Value *value = find(key);
  if (!value && fallback)
    return *fallback;
  std::optional<double> found;
  if (value && !value->isArray)
    found = value->number();
  if (!found || !std::isfinite(*found))
    return fail(key, "a number");
  return *found;
}

llvm::Expected<bool> Metadata::boolean(StringRef key, bool fallback) const {
  const Value *value = find(key);
  if (!value)
    return fallback;
  std::optional<bool> found;
  if (!value->isArray)
    found = value->boolean();
  if (!found)
    return fail(key, "true or false");
  return *found;
}

llvm::Expected<std::string>
Metadata::string(StringRef key, std::optional<std::string> fallback) const {
  const Value *value = find(key);
  if (!value && fallback)
    return *fallback;
  if (!value || value->isArray || value->type != ValueType::String)
    return fail(key, "a string");
  return value->bytes.drop_front(8).str();
}

llvm::Expected<std::vector<int64_t>>
Metadata::integers(StringRef key, size_t count, int64_t least, int64_t most,
                   std::optional<int64_t> fallback) const {
  const Value *value = find(key);
  if (!value || !value->isArray) {
    auto scalar = integer(key, least, most, fallback);
    if (!scalar)
      return scalar.takeError();
    return std::vector<int64_t>(count, *scalar);
  }
  std::string expected =
      ("a whole number, or " + Twine(count) + " of them, from " + Twine(least) +
       " to " + Twine(most))
          .str();
  if (value->count != count)
    return fail(key, expected);
  std::vector<int64_t> result;
  for (size_t i = 0; i < count; ++i) {
    std::optional<int64_t> element = value->integer(i);
    if (!element || *element < least || *element > most)
      return createStringError(
          file + ": key " + quote(key) + ": found " +
          (element ? Twine(*element).str() : value->describe()) + " at index " +
          Twine(i) + ", expected " + expected);
    result.push_back(*element);
  }
  return result;
}

llvm::Expected<std::vector<StringRef>> Metadata::strings(StringRef key) const {
  const Value *value = find(key);
  if (!value || !value->isArray || value->type != ValueType::String)
    return fail(key, "an array of strings");
  return *value->strings();
}
