//===- schema_containers.cpp - Arrays and objects of a schema -------------===//

#include "runtime/constrain/schema_compiler.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

static constexpr uint32_t kNoRule = UINT32_MAX;
/// The rule of a value of which nothing is said.
static const char *const kAnyValue = "any value";

/// Rules of the first items, and of those behind them: kNoRule if there are
/// none.
gemcut_status SchemaCompiler::readItems(const Place &place,
                                        std::vector<uint32_t> &first,
                                        uint32_t &others) {
  const Json &schema = place.schema;
  if (schema.contains("uniqueItems") && schema["uniqueItems"] != false)
    return refuse(place.at("uniqueItems"),
                  "'uniqueItems' is supported as false only");
  if (schema.contains("prefixItems")) {
    Place list = place.at("prefixItems");
    if (!list.schema.is_array())
      return refuse(list, "'prefixItems' must be a list of schemas");
    for (size_t i = 0; i < list.schema.size(); ++i) {
      Place item = list.at(std::to_string(i));
      first.push_back(findRule(item.schema, item.pointer));
    }
  }
  others = kNoRule;
  if (!schema.contains("items")) {
    if (!schema.contains("prefixItems"))
      others = findRule(kAnySchema, kAnyValue);
    return GEMCUT_OK;
  }
  Place items = place.at("items");
  if (items.schema.is_array())
    return refuse(items, "'items' must be a schema; a list of schemas is "
                         "'prefixItems'");
  if (items.schema != false)
    others = findRule(items.schema, items.pointer);
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addArray(const Place &place, uint32_t from,
                                       uint32_t to) {
  std::vector<uint32_t> first;
  uint32_t others, least = 0, most = kUnbounded;
  if (gemcut_status status = readItems(place, first, others))
    return status;
  if (gemcut_status status = readCount(place, "minItems", least))
    return status;
  if (gemcut_status status = readCount(place, "maxItems", most))
    return status;
  if (most < least)
    return refuse(place.at("maxItems"), "'maxItems' is below 'minItems'");
  if (others == kNoRule)
    most = std::min(most, uint32_t(first.size()));

  uint32_t at = builder.addNode(); // behind `count` items
  builder.addText(from, "[", at);
  // Beyond the last state that counts, items repeat.
  uint32_t last =
      most != kUnbounded ? most : std::max({least, uint32_t(first.size()), 1u});
  for (uint32_t count = 0;; ++count) {
    if (count >= least)
      builder.addText(at, "]", to);
    if (count == most || builder.isTooLarge())
      return GEMCUT_OK;
    uint32_t item = at;
    if (count > 0) {
      item = builder.addNode();
      builder.addText(at, ",", item);
    }
    uint32_t rule = count < first.size() ? first[count] : others;
    uint32_t next = count < last ? builder.addNode() : at;
    builder.addCall(item, rule, next);
    if (next == at)
      return GEMCUT_OK;
    at = next;
  }
}

gemcut_status
SchemaCompiler::readProperties(const Place &place,
                               std::vector<Property> &properties) {
  const Json &schema = place.schema;
  if (schema.contains("properties")) {
    Place list = place.at("properties");
    if (!list.schema.is_object())
      return refuse(list, "'properties' must be an object of schemas");
    for (const auto &item : list.schema.items())
      properties.push_back(
          {item.key(), &item.value(), list.at(item.key()).pointer, false});
  }
  if (schema.contains("required")) {
    const Json &names = schema["required"];
    bool isGood = names.is_array() &&
                  std::all_of(names.begin(), names.end(), [](const Json &name) {
                    return name.is_string();
                  });
    if (!isGood)
      return refuse(place.at("required"), "'required' must be a list of names");
    for (const Json &name : names) {
      auto text = name.get<std::string>();
      auto at = std::find_if(properties.begin(), properties.end(),
                             [&](const auto &p) { return p.name == text; });
      if (at == properties.end()) {
        const Json *value = &kAnySchema;
        std::string pointer = kAnyValue;
        if (schema.contains("additionalProperties")) {
          value = &schema["additionalProperties"];
          pointer = place.at("additionalProperties").pointer;
        }
        if (*value == false)
          return refuse(place.at("required"),
                        "the property " + name.dump() +
                            " is required, but 'properties' does not have it "
                            "and 'additionalProperties' is false");
        at = properties.insert(at, {text, value, pointer, false});
      }
      at->isRequired = true;
    }
  }
  if (syntax.isCall()) {
    std::vector<Property> sorted; // equal names stay in order
    for (Property &property : properties) {
      auto at = std::upper_bound(sorted.begin(), sorted.end(), property,
                                 [](const Property &a, const Property &b) {
                                   return ValueSyntax::isBefore(a.name, b.name);
                                 });
      sorted.insert(at, std::move(property));
    }
    properties = std::move(sorted);
  }
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addMember(const Property &property, uint32_t from,
                                        uint32_t to) {
  uint32_t value = builder.addNode();
  syntax.addKey(from, property.name, value);
  return addSchema({*property.schema, property.pointer}, value, to);
}

gemcut_status SchemaCompiler::addObject(const Place &place, uint32_t from,
                                        uint32_t to) {
  std::vector<Property> properties;
  if (gemcut_status status = readProperties(place, properties))
    return status;
  // Before each property: nothing has been written yet, or something has.
  uint32_t none = builder.addNode(), some = builder.addNode();
  builder.addText(from, "{", none);
  std::vector<std::string> names;
  for (const Property &property : properties) {
    if (builder.isTooLarge())
      return GEMCUT_OK;
    names.push_back(property.name);
    uint32_t key = builder.addNode();
    builder.addMove(none, key);
    builder.addText(some, ",", key);
    uint32_t nextNone = builder.addNode(), nextSome = builder.addNode();
    if (gemcut_status status = addMember(property, key, nextSome))
      return status;
    if (!property.isRequired) {
      builder.addMove(none, nextNone);
      builder.addMove(some, nextSome);
    }
    none = nextNone;
    some = nextSome;
  }
  builder.addText(none, "}", to);
  builder.addText(some, "}", to);

  const Json &schema = place.schema;
  bool hasOthers = schema.contains("additionalProperties")
                       ? schema["additionalProperties"] != false
                       : !schema.contains("properties");
  if (!hasOthers)
    return GEMCUT_OK;
  uint32_t rule = schema.contains("additionalProperties")
                      ? findRule(schema["additionalProperties"],
                                 place.at("additionalProperties").pointer)
                      : findRule(kAnySchema, kAnyValue);
  uint32_t key = builder.addNode(), value = builder.addNode();
  builder.addMove(none, key);
  builder.addText(some, ",", key);
  syntax.addOtherKey(key, names, value);
  builder.addCall(value, rule, some);
  return GEMCUT_OK;
}
