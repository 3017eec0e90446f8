//===- schema_merge.cpp - 'allOf' of schemas of objects -------------------===//
//
// A value must be valid for all parts. Parts that say which properties objects
// have can be written as one schema: the properties of all, and what any of
// them requires.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/schema_compiler.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

/// Bounds of what references and properties may lead to.
static constexpr int kMostNesting = 16;
static constexpr size_t kMostParts = 64;
/// References let a short text lead to any number of schemas.
static constexpr size_t kMostVisits = 1 << 14;

gemcut_status SchemaCompiler::checkPart(const Place &place) {
  const Json &schema = place.schema;
  for (const auto &item : schema.items()) {
    const std::string &key = item.key();
    bool isKnown = key == "type" || key == "properties" || key == "required" ||
                   key == "additionalProperties" || key == "allOf" ||
                   key == "$id" || isAnnotation(key);
    if (!isKnown)
      return refuse(place.at(key),
                    "'" + key +
                        "' is not supported where 'allOf' joins schemas; type, "
                        "properties and required of objects are");
  }
  if (schema.contains("type") && schema["type"] != "object")
    return refuse(place.at("type"),
                  "'allOf' joins schemas of objects only; write one schema "
                  "with all keywords");
  if (schema.contains("properties") && !schema["properties"].is_object())
    return refuse(place.at("properties"),
                  "'properties' must be an object of schemas");
  if (schema.contains("required") && !schema["required"].is_array())
    return refuse(place.at("required"), "'required' must be a list of names");
  if (schema.contains("additionalProperties") &&
      schema["additionalProperties"] != true)
    return refuse(place.at("additionalProperties"),
                  "'additionalProperties' other than true is not supported "
                  "where 'allOf' joins schemas");
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::collectParts(const Place &place, int depth,
                                           std::vector<const Json *> &parts) {
  const Json &schema = place.schema;
  if (depth > kMostNesting || parts.size() > kMostParts ||
      ++mergeVisits > kMostVisits)
    return refuse(place, "'allOf' leads too deep, or back to itself");
  if (schema == true)
    return GEMCUT_OK;
  if (!schema.is_object())
    return refuse(place, "'allOf' joins schemas of objects only");
  if (schema.contains("$ref")) {
    if (gemcut_status status = checkAlone(place, "$ref"))
      return status;
    std::string pointer;
    if (gemcut_status status = followReference(place, pointer))
      return status;
    return collectParts({*findReference(pointer), pointer}, depth + 1, parts);
  }
  if (gemcut_status status = checkPart(place))
    return status;
  if (schema.contains("allOf")) {
    Place list = place.at("allOf");
    if (!list.schema.is_array() || list.schema.empty())
      return refuse(list,
                    "'allOf' must be a list of schemas that is not empty");
    for (size_t i = 0; i < list.schema.size(); ++i)
      if (gemcut_status status =
              collectParts(list.at(std::to_string(i)), depth + 1, parts))
        return status;
  }
  bool saysSomething = schema.contains("type") ||
                       schema.contains("properties") ||
                       schema.contains("required");
  if (saysSomething)
    parts.push_back(&schema);
  return GEMCUT_OK;
}

/// Adds a property; one that is there already must be valid for both schemas.
static void addProperty(Json &properties, const std::string &name,
                        const Json &schema) {
  if (!properties.contains(name))
    properties[name] = schema;
  else if (properties[name] != schema)
    properties[name] = {{"allOf", Json::array({properties[name], schema})}};
}

gemcut_status SchemaCompiler::addMerged(const Place &place, uint32_t from,
                                        uint32_t to) {
  std::vector<const Json *> parts;
  if (gemcut_status status = collectParts(place, mergeDepth, parts))
    return status;
  if (parts.empty())
    return addSchema({kAnySchema, place.pointer}, from, to);
  Json &whole = merged.emplace_back(Json{{"type", "object"}});
  for (const Json *part : parts) {
    if (part->contains("properties"))
      for (const auto &item : (*part)["properties"].items())
        addProperty(whole["properties"], item.key(), item.value());
    if (part->contains("required"))
      for (const Json &name : (*part)["required"]) {
        Json &names = whole["required"];
        if (std::find(names.begin(), names.end(), name) == names.end())
          names.push_back(name);
      }
  }
  ++mergeDepth;
  gemcut_status status = addSchema({whole, place.pointer + "/allOf"}, from, to);
  --mergeDepth;
  return status;
}
