//===- chat_values.cpp - Values and declarations in template syntax -------===//

#include "runtime/text/chat_tools.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace gemcut::text;
using json = nlohmann::ordered_json;

namespace {

const json kNull;

const json &at(const json &object, const char *key) {
  if (!object.is_object())
    return kNull;
  auto it = object.find(key);
  return it == object.end() ? kNull : *it;
}

std::string stringAt(const json &object, const char *key) {
  auto *text = at(object, key).get_ptr<const std::string *>();
  return text ? *text : std::string();
}

/// Jinja's truth: empty strings and containers, zero, false and null are false.
bool isTrue(const json &value) {
  if (value.is_null())
    return false;
  if (value.is_boolean())
    return value.get<bool>();
  if (value.is_number())
    return value.get<double>() != 0;
  if (value.is_string())
    return !value.get_ref<const std::string &>().empty();
  return !value.empty();
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; }

std::string toUpper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), upper);
  return text;
}

struct Entry {
  const std::string *key;
  const json *value;
};

/// The entries in Jinja's dictsort order: keys without regard to case, equal
/// ones in their order.
std::vector<Entry> sorted(const json &object) {
  std::vector<Entry> entries;
  for (auto it = object.begin(); it != object.end(); ++it)
    entries.push_back({&it.key(), &it.value()});
  std::sort(entries.begin(), entries.end(), [](Entry a, Entry b) {
    const std::string &x = *a.key, &y = *b.key;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
      auto left = static_cast<unsigned char>(lower(x[i]));
      auto right = static_cast<unsigned char>(lower(y[i]));
      if (left != right)
        return left < right;
    }
    // Entries lie in memory in their order.
    return x.size() != y.size() ? x.size() < y.size() : a.value < b.value;
  });
  return entries;
}

/// As Python's repr: the shortest digits that read back as the same number,
/// with an exponent below 1e-4 and from 1e16 on.
std::string renderDouble(double value) {
  if (!std::isfinite(value))
    return "null";
  // std::to_chars would do, with tables of 128 KB.
  char buffer[32];
  for (int places = 0; places < 17; ++places) {
    snprintf(buffer, sizeof buffer, "%.*e", places, value);
    if (strtod(buffer, nullptr) == value)
      break;
  }
  std::string text(buffer);
  size_t mark = text.find('e');
  int exponent = std::atoi(text.c_str() + mark + 1);
  std::string sign = text[0] == '-' ? "-" : "";
  std::string digits = text.substr(sign.size(), mark - sign.size());
  if (digits.size() > 1)
    digits.erase(1, 1); // the point
  if (exponent < -4 || exponent >= 16) {
    std::string power = std::to_string(std::abs(exponent));
    if (power.size() < 2)
      power = "0" + power;
    if (digits.size() > 1)
      digits.insert(1, ".");
    return sign + digits + (exponent < 0 ? "e-" : "e+") + power;
  }
  if (exponent < 0)
    return sign + "0." + std::string(size_t(-exponent - 1), '0') + digits;
  size_t whole = size_t(exponent) + 1;
  if (digits.size() <= whole)
    return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

/// [<|"|>a<|"|>,...] of a list, each entry as text.
std::string renderNames(const json &list) {
  std::string out = "[";
  for (const json &name : list) {
    if (out.size() > 1)
      out += ',';
    auto *text = name.get_ptr<const std::string *>();
    out += quoteValue(text ? *text : renderValue(name));
  }
  return out + "]";
}

/// The type in capitals; a list as Python prints it: ['STRING', 'NULL'].
std::string renderType(const json &type) {
  if (auto *text = type.get_ptr<const std::string *>())
    return toUpper(*text);
  if (!type.is_array())
    return "";
  std::string out = "[";
  for (const json &name : type) {
    if (out.size() > 1)
      out += ", ";
    auto *text = name.get_ptr<const std::string *>();
    out += text ? "'" + toUpper(*text) + "'" : "NONE";
  }
  return out + "]";
}

std::string renderProperties(const json &properties, bool skipStandardKeys);

std::string renderItems(const json &items) {
  std::string out = "{";
  for (auto [key, value] : sorted(items)) {
    if (value->is_null())
      continue;
    if (out.size() > 1)
      out += ',';
    if (*key == "properties") {
      out += "properties:{" + renderProperties(*value, false) + "}";
    } else if (*key == "required" && value->is_array()) {
      out += "required:" + renderNames(*value);
    } else if (*key == "type" && value->is_array()) {
      json types = json::array();
      for (const json &type : *value)
        types.push_back(renderType(type));
      out += "type:" + renderNames(types);
    } else if (*key == "type") {
      out += "type:" + quoteValue(renderType(*value));
    } else {
      out += *key + ":" + renderValue(*value, /*quoteKeys=*/true);
    }
  }
  return out + "}";
}

std::string renderProperty(const json &schema) {
  std::string out;
  auto add = [&](const std::string &part) {
    if (!out.empty())
      out += ',';
    out += part;
  };
  std::string type = renderType(at(schema, "type"));
  if (isTrue(at(schema, "description")))
    add("description:" + quoteValue(stringAt(schema, "description")));
  const json &items = at(schema, "items");
  if (type == "STRING" && isTrue(at(schema, "enum")))
    add("enum:" + renderValue(at(schema, "enum"), /*quoteKeys=*/true));
  else if (type == "ARRAY" && items.is_object() && !items.empty())
    add("items:" + renderItems(items));
  if (isTrue(at(schema, "nullable")))
    add("nullable:true");
  if (type == "OBJECT") {
    const json &inner = at(schema, "properties");
    add("properties:{" +
        (inner.is_object()
             ? renderProperties(inner, /*skipStandardKeys=*/false)
             : renderProperties(schema, /*skipStandardKeys=*/true)) +
        "}");
    const json &required = at(schema, "required");
    if (required.is_array() && !required.empty())
      add("required:" + renderNames(required));
  }
  add("type:" + quoteValue(type));
  return out;
}

std::string renderProperties(const json &properties, bool skipStandardKeys) {
  std::string out;
  if (!properties.is_object())
    return out;
  for (auto [key, value] : sorted(properties)) {
    if (skipStandardKeys &&
        (*key == "description" || *key == "type" || *key == "properties" ||
         *key == "required" || *key == "nullable"))
      continue;
    if (!out.empty())
      out += ',';
    out += *key + ":{" + renderProperty(*value) + "}";
  }
  return out;
}

} // namespace

std::string gemcut::text::renderValue(const json &value, bool quoteKeys) {
  switch (value.type()) {
  case json::value_t::string:
    return quoteValue(value.get_ref<const std::string &>());
  case json::value_t::number_float:
    return renderDouble(value.get<double>());
  case json::value_t::array: {
    std::string out = "[";
    for (const json &element : value) {
      if (out.size() > 1)
        out += ',';
      out += renderValue(element, quoteKeys);
    }
    return out + "]";
  }
  case json::value_t::object: {
    std::string out = "{";
    for (auto [key, element] : sorted(value)) {
      if (out.size() > 1)
        out += ',';
      out += quoteKeys ? quoteValue(*key) : *key;
      out += ':';
      out += renderValue(*element, quoteKeys);
    }
    return out + "}";
  }
  case json::value_t::boolean:
    return value.get<bool>() ? "true" : "false";
  case json::value_t::number_integer:
    return std::to_string(value.get<int64_t>());
  case json::value_t::number_unsigned:
    return std::to_string(value.get<uint64_t>());
  default:
    return "null";
  }
}

std::string gemcut::text::renderDeclaration(const json &function) {
  std::string out =
      "declaration:" + stringAt(function, "name") +
      "{description:" + quoteValue(stringAt(function, "description"));
  const json &parameters = at(function, "parameters");
  if (parameters.is_object() && !parameters.empty()) {
    out += ",parameters:{";
    const json &properties = at(parameters, "properties");
    if (properties.is_object() && !properties.empty())
      out += "properties:{" + renderProperties(properties, false) + "},";
    const json &required = at(parameters, "required");
    if (required.is_array() && !required.empty())
      out += "required:" + renderNames(required) + ",";
    // The template closes the brace together with the type, and not without.
    if (isTrue(at(parameters, "type")))
      out += "type:" + quoteValue(renderType(at(parameters, "type"))) + "}";
  }
  if (function.is_object() && function.contains("response")) {
    const json &response = at(function, "response");
    out += ",response:{";
    if (isTrue(at(response, "description")))
      out +=
          "description:" + quoteValue(stringAt(response, "description")) + ",";
    // As above: the brace comes with the type.
    if (renderType(at(response, "type")) == "OBJECT")
      out += "type:" + quoteValue("OBJECT") + "}";
  }
  return out + "}";
}
