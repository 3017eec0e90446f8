//===- schema_keywords.cpp - Which keywords a schema has ------------------===//

#include "runtime/constrain/schema_compiler.h"

#include <algorithm>
#include <cmath>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

namespace {
struct Keyword {
  const char *name;
  unsigned types; // what it is about; 0: no type in particular
};
} // namespace

static const Keyword kKeywords[] = {
    {"type", 0},
    {"enum", 0},
    {"const", 0},
    {"anyOf", 0},
    {"oneOf", 0},
    {"allOf", 0},
    {"$ref", 0},
    {"not", 0}, // of types only
    {"properties", kObject},
    {"required", kObject},
    {"additionalProperties", kObject},
    {"patternProperties", kObject},
    {"propertyNames", kObject},
    {"minProperties", kObject},
    {"maxProperties", kObject},
    {"items", kArray},
    {"prefixItems", kArray},
    {"minItems", kArray},
    {"maxItems", kArray},
    {"uniqueItems", kArray}, // of listed constants only
    {"additionalItems", kArray},
    {"minLength", kString},
    {"maxLength", kString},
    {"pattern", kString},
    {"format", kString},
    {"minimum", kNumber},
    {"maximum", kNumber},
    {"exclusiveMinimum", kNumber},
    {"exclusiveMaximum", kNumber},
    {"multipleOf", kNumber},
};

static const char *const kAnnotations[] = {
    "title",
    "description",
    "default",
    "examples",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
    "contentMediaType",
    "contentEncoding",
    "contentSchema",
    "$defs",
    "definitions",
    // of OpenAPI 3
    "discriminator",
    "example",
    "nullable",
    "externalDocs",
    "xml",
};

static std::string listKeywords() {
  std::string result;
  for (const Keyword &known : kKeywords)
    result += known.name + std::string(", ");
  return result + "$defs and annotations";
}

bool constrain::isAnnotation(const std::string &key) {
  return key.rfind("x-", 0) == 0 ||
         std::any_of(std::begin(kAnnotations), std::end(kAnnotations),
                     [&](const char *name) { return key == name; });
}

unsigned constrain::typeOf(const Json &value) {
  if (value.is_number_float()) {
    double number = value.get<double>();
    return number == std::floor(number) ? kInteger : kNumber;
  }
  return value.is_null()      ? kNull
         : value.is_boolean() ? kBoolean
         : value.is_object()  ? kObject
         : value.is_array()   ? kArray
         : value.is_string()  ? kString
                              : kInteger;
}

size_t constrain::countRules(const Json &schema) {
  size_t count = 0;
  for (const auto &item : schema.items())
    count += !isAnnotation(item.key()) && item.key() != "$id";
  return count;
}

std::string SchemaCompiler::findWrapped() const {
  for (const char *pointer : {"#/function/parameters", "#/json_schema/schema",
                              "#/parameters", "#/schema"}) {
    const Json *found = findReference(pointer);
    if (found && found->is_object())
      return pointer;
  }
  return "";
}

gemcut_status SchemaCompiler::checkKeywords(const Place &place) {
  for (const auto &item : place.schema.items()) {
    const std::string &key = item.key();
    bool isKnown =
        std::any_of(std::begin(kKeywords), std::end(kKeywords),
                    [&](const Keyword &known) { return key == known.name; });
    if (isKnown || isAnnotation(key) || (key == "$id" && place.pointer == "#"))
      continue;
    std::string wrapped = place.pointer == "#" ? findWrapped() : "";
    if (!wrapped.empty())
      return refuse(place, "this is not a schema, but has one; give the object "
                           "at " +
                               wrapped);
    return refuse(place.at(key), "the keyword '" + key +
                                     "' is not supported; supported are " +
                                     listKeywords());
  }
  return GEMCUT_OK;
}

/// `keyword` must be the only one that is no annotation.
gemcut_status SchemaCompiler::checkAlone(const Place &place,
                                         const char *keyword) {
  for (const auto &item : place.schema.items())
    if (item.key() != keyword && !isAnnotation(item.key()) &&
        item.key() != "$id")
      return refuse(place.at(item.key()),
                    "'" + item.key() + "' beside '" + keyword +
                        "' is not supported; move it into the schemas there");
  return GEMCUT_OK;
}

unsigned constrain::parseTypes(const Json &type) {
  static const std::pair<const char *, unsigned> kNames[] = {
      {"null", kNull},      {"boolean", kBoolean}, {"object", kObject},
      {"array", kArray},    {"number", kNumber},   {"string", kString},
      {"integer", kInteger}};
  if (!type.is_array()) {
    for (const auto &[known, bit] : kNames)
      if (type == known)
        return bit;
    return 0;
  }
  unsigned types = 0;
  for (const Json &name : type) {
    unsigned bit = name.is_array() ? 0 : parseTypes(name);
    if (bit == 0)
      return 0;
    types |= bit;
  }
  return types;
}

bool constrain::isAnything(const Json &schema) {
  if (schema.is_boolean())
    return schema.get<bool>();
  return schema.is_object() &&
         std::all_of(schema.items().begin(), schema.items().end(),
                     [](const auto &item) { return isAnnotation(item.key()); });
}

gemcut_status SchemaCompiler::excludeTypes(const Place &place,
                                           unsigned &types) {
  Place negated = place.at("not");
  if (negated.schema == false)
    return GEMCUT_OK;
  unsigned excluded = 0;
  if (negated.schema.is_object() && negated.schema.contains("type") &&
      countRules(negated.schema) == 1)
    excluded = parseTypes(negated.schema["type"]);
  if (excluded & kNumber)
    excluded |= kInteger;
  if (excluded == 0 ||
      (excluded & kInteger && !(excluded & kNumber) && types & kNumber))
    return refuse(negated,
                  "'not' is supported of {} and of types only, and not "
                  "of \"integer\" among numbers");
  types &= ~excluded;
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::readTypes(const Place &place, unsigned &types) {
  const Json &schema = place.schema;
  types = 0;
  if (schema.contains("type")) {
    types = parseTypes(schema["type"]);
    if (types == 0)
      return refuse(place.at("type"),
                    "a type must be \"null\", \"boolean\", \"object\", "
                    "\"array\", \"number\", \"integer\", \"string\" or a "
                    "list of these");
    if (schema.contains("nullable") && schema["nullable"] == true)
      types |= kNull;
  } else {
    for (const Keyword &known : kKeywords)
      if (schema.contains(known.name))
        types |= known.types;
    if (types == 0)
      types = kAnyType;
  }
  return schema.contains("not") ? excludeTypes(place, types) : GEMCUT_OK;
}

gemcut_status SchemaCompiler::readCount(const Place &place, const char *keyword,
                                        uint32_t &value) {
  if (!place.schema.contains(keyword))
    return GEMCUT_OK;
  const Json &count = place.schema[keyword];
  double number = count.is_number() ? count.get<double>() : -1;
  constexpr uint32_t kMost = 50000;
  if (!(number >= 0 && number <= kMost && number == std::floor(number)))
    return refuse(place.at(keyword), std::string("'") + keyword +
                                         "' must be a whole number from 0 to " +
                                         std::to_string(kMost));
  value = uint32_t(number);
  return GEMCUT_OK;
}
