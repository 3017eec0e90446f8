//===- JsonFields.cpp - Checked access to the fields of an object ---------===//

#include "frontends/Config/JsonFields.h"

using namespace gemcut::config;
using nlohmann::json;

llvm::Expected<json> gemcut::config::parseJsonObject(llvm::StringRef text,
                                                     llvm::StringRef fileName) {
  constexpr int kMaxDepth = 32;
  std::vector<llvm::StringSet<>> names;
  std::string duplicate;
  bool tooDeep = false;
  auto watch = [&](int depth, json::parse_event_t event, json &parsed) {
    tooDeep |= depth > kMaxDepth;
    if (event == json::parse_event_t::object_start)
      names.emplace_back();
    else if (event == json::parse_event_t::object_end)
      names.pop_back();
    else if (event == json::parse_event_t::key && !names.empty() &&
             !names.back().insert(parsed.get_ref<const std::string &>()).second)
      duplicate = parsed.get_ref<const std::string &>();
    return !tooDeep;
  };
  json value = json::parse(text.begin(), text.end(), watch,
                           /*allow_exceptions=*/false);
  if (tooDeep)
    return llvm::createStringError(fileName.str() +
                                   ": JSON is nested deeper than " +
                                   std::to_string(kMaxDepth) + " levels");
  if (value.is_discarded())
    return llvm::createStringError(fileName.str() +
                                   ": is not valid JSON; it may be truncated");
  if (!value.is_object())
    return llvm::createStringError(fileName.str() + ": is not a JSON object");
  if (!duplicate.empty())
    return llvm::createStringError(fileName.str() + ": key '" + duplicate +
                                   "' occurs twice");
  return value;
}

std::string JsonFields::path(const char *key) const {
  return where.empty() ? std::string(key) : where + "." + key;
}

void JsonFields::fail(const char *key, const std::string &expected) {
  std::string found = "nothing";
  if (object.contains(key))
    found = object[key].dump(-1, ' ', false, json::error_handler_t::replace);
  if (found.size() > 60)
    found = found.substr(0, 57) + "...";
  failText(path(key) + ": found " + found + ", expected " + expected);
}

void JsonFields::failText(const std::string &message) {
  if (!error)
    error = file + ": " + message;
}

llvm::Error JsonFields::takeError() {
  if (!error)
    return llvm::Error::success();
  return llvm::createStringError(*error);
}

const json *JsonFields::find(const char *key) {
  known.insert(key);
  auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

int64_t JsonFields::integer(const char *key, int64_t low, int64_t high) {
  const json *value = find(key);
  bool fits = value && value->is_number_integer() &&
              !(value->is_number_unsigned() &&
                value->get<uint64_t>() > uint64_t(INT64_MAX));
  if (fits && value->get<int64_t>() >= low && value->get<int64_t>() <= high)
    return value->get<int64_t>();
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
  const json *value = find(key);
  if (!value)
    return {};
  json list = value->is_array() ? *value : json::array({*value});
  std::vector<int64_t> result;
  for (const json &item : list) {
    if (!item.is_number_integer() || item.get<int64_t>() < low ||
        item.get<int64_t>() > high) {
      fail(key, "one or a list of integers from " + std::to_string(low) +
                    " to " + std::to_string(high));
      return {};
    }
    result.push_back(item.get<int64_t>());
  }
  return result;
}

void JsonFields::ignore(std::initializer_list<const char *> keys) {
  for (const char *key : keys)
    known.insert(key);
}

void JsonFields::reportUnknown(std::vector<std::string> *warnings) const {
  if (!warnings)
    return;
  for (const auto &item : object.items())
    if (!known.contains(item.key()))
      warnings->push_back(file + ": unknown key '" + path(item.key().c_str()) +
                          "' is ignored");
}
