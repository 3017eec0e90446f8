//===- JsonFields.cpp - Checked access to the fields of an object ---------===//

#include "frontends/Json/JsonFields.h"

#include "frontends/Json/CheckedJson.h"
#include "frontends/Json/Unsupported.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut;
using namespace gemcut::checked_json;
using nlohmann::json;

static std::optional<int64_t> integerOf(const json &value) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() &&
       value.get<uint64_t>() > uint64_t(INT64_MAX)))
    return std::nullopt;
  return value.get<int64_t>();
}

llvm::Expected<json>
gemcut::checked_json::parseJsonObject(llvm::StringRef text,
                                      llvm::StringRef fileName) {
  return parseCheckedObject(text, fileName.str() + ": ",
                            /*maxDepth=*/32);
}

JsonFields JsonFields::object(const char *key) {
  static const json kEmpty = json::object();
  const json *value = find(key);
  bool isObject = value && value->is_object();
  if (!isObject)
    fail(key, "an object");
  return JsonFields(isObject ? *value : kEmpty, file, path(key));
}

std::string JsonFields::path(const char *key) const {
  return where.empty() ? std::string(key) : where + "." + key;
}

void JsonFields::fail(const char *key, const std::string &expected) {
  auto found = source.find(key);
  failText(path(key) + ": found " +
           (found == source.end() ? "nothing" : briefJson(*found)) +
           ", expected " + expected);
}

void JsonFields::refuse(const char *key, const std::string &supported) {
  isUnsupported |= !error;
  fail(key, supported);
}

void JsonFields::refuseText(const std::string &message) {
  isUnsupported |= !error;
  failText(message);
}

void JsonFields::failText(const std::string &message) {
  if (!error)
    error = file + ": " + message;
}

llvm::Error JsonFields::takeError() {
  if (!error)
    return llvm::Error::success();
  return isUnsupported ? makeUnsupported(*error)
                       : llvm::createStringError(*error);
}

const json *JsonFields::find(const char *key) {
  known.insert(key);
  auto found = source.find(key);
  return found == source.end() || found->is_null() ? nullptr : &*found;
}

int64_t JsonFields::integer(const char *key, int64_t low, int64_t high) {
  const json *value = find(key);
  std::optional<int64_t> number = value ? integerOf(*value) : std::nullopt;
  if (number && *number >= low && *number <= high)
    return *number;
  fail(key, "an integer from " + std::to_string(low) + " to " +
                std::to_string(high));
  return low;
}

int64_t JsonFields::integer(const char *key, int64_t low, int64_t high,
                            int64_t fallback) {
  return find(key) ? integer(key, low, high) : fallback;
}

double JsonFields::number(const char *key, double low, double high) {
  const json *value = find(key);
  if (value && value->is_number() && value->get<double>() >= low &&
      value->get<double>() <= high)
    return value->get<double>();
  char range[64];
  std::snprintf(range, sizeof(range), "a number from %g to %g", low, high);
  fail(key, range);
  return low;
}

double JsonFields::number(const char *key, double low, double high,
                          double fallback) {
  return find(key) ? number(key, low, high) : fallback;
}

bool JsonFields::boolean(const char *key, bool fallback) {
  const json *value = find(key);
  if (!value)
    return fallback;
  if (value->is_boolean())
    return value->get<bool>();
  fail(key, "true or false");
  return fallback;
}

std::string JsonFields::string(const char *key, const char *fallback) {
  const json *value = find(key);
  if (!value)
    return fallback;
  if (value->is_string())
    return value->get<std::string>();
  fail(key, "a string");
  return fallback;
}

std::vector<int64_t> JsonFields::integers(const char *key, int64_t low,
                                          int64_t high) {
  constexpr size_t kMostIds = size_t(1) << 16;
  const json *value = find(key);
  if (!value)
    return {};
  std::vector<int64_t> result;
  auto take = [&](const json &item) {
    std::optional<int64_t> number = integerOf(item);
    if (!number || *number < low || *number > high)
      return false;
    result.push_back(*number);
    return true;
  };
  bool valid = !value->is_array()
                   ? take(*value)
                   : value->size() <= kMostIds && llvm::all_of(*value, take);
  if (valid)
    return result;
  fail(key, "an integer or a list of integers from " + std::to_string(low) +
                " to " + std::to_string(high));
  return {};
}

void JsonFields::ignore(std::initializer_list<const char *> keys) {
  for (const char *key : keys)
    known.insert(key);
}

void JsonFields::merge(JsonFields &inner) {
  if (error || !inner.error)
    return;
  error = std::move(inner.error);
  isUnsupported = inner.isUnsupported;
}

void JsonFields::reportUnknown(std::vector<std::string> *warnings) const {
  if (!warnings)
    return;
  for (const auto &item : source.items())
    if (!known.contains(item.key()))
      warnings->push_back(file + ": unknown key " +
                          quoteName(path(item.key().c_str())) + " is ignored");
}

void JsonFields::failUnknown(const std::string &supported) {
  for (const auto &item : source.items())
    if (!known.contains(item.key()))
      failText(quoteName(path(item.key().c_str())) + ": found " +
               briefJson(item.value()) + ", supported are " + supported);
}

void JsonFields::warn(const char *key, const std::string &message,
                      std::vector<std::string> *warnings) const {
  if (warnings)
    warnings->push_back(file + ": " + path(key) + ": " + message);
}
