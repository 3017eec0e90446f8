//===- schema_objects.cpp - Objects of a schema ---------------------------===//
//
// The properties that a schema names come in its order. Others come behind
// them; whether one of those is written twice is not followed, so that all of
// them together count as one where a least number is asked for.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/regex.h"
#include "runtime/constrain/schema_compiler.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

static constexpr uint32_t kNoNode = UINT32_MAX;
/// Each pair of patterns is looked at.
static constexpr size_t kMostPatterns = 8;

gemcut_status SchemaCompiler::readPatterns(const Place &place,
                                           std::vector<NamePattern> &patterns) {
  if (!place.schema.contains("patternProperties"))
    return GEMCUT_OK;
  Place list = place.at("patternProperties");
  if (!list.schema.is_object())
    return refuse(list, "'patternProperties' must be an object of schemas");
  if (list.schema.size() > kMostPatterns)
    return refuse(list, "more than " + std::to_string(kMostPatterns) +
                            " patterns are not supported");
  for (const auto &item : list.schema.items()) {
    Place here = list.at(item.key());
    NamePattern pattern = {&item.value(), here.pointer, {}};
    std::string error;
    if (!parseRegex(item.key(), RegexSpan::Anywhere, pattern.names, error))
      return refuse(here, "the pattern: " + error);
    for (const NamePattern &other : patterns) {
      CharAutomaton both = intersect(other.names, pattern.names);
      bool isTooLarge = both.states.empty() && !other.names.states.empty() &&
                        !pattern.names.states.empty();
      if (isTooLarge)
        return refuse(here, "the pattern becomes too large");
      if (!trim(both).states.empty())
        return refuse(here, "a name can match this pattern and another one, " +
                                other.pointer +
                                "; both schemas at once are not supported");
    }
    patterns.push_back(std::move(pattern));
  }
  return GEMCUT_OK;
}

gemcut_status
SchemaCompiler::readProperties(const Place &place,
                               const std::vector<NamePattern> &patterns,
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
        auto pattern = patterns.begin();
        for (; pattern != patterns.end(); ++pattern) {
          bool isFound;
          if (gemcut_status status =
                  findName({*pattern->schema, pattern->pointer}, pattern->names,
                           text, isFound))
            return status;
          if (isFound)
            break;
        }
        const Json *value = &kAnySchema;
        std::string pointer = kAnyValueName;
        if (pattern != patterns.end()) {
          value = pattern->schema;
          pointer = pattern->pointer;
        } else if (schema.contains("additionalProperties")) {
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
                                        uint32_t to, bool isOnce) {
  uint32_t value = builder.addNode();
  syntax.addKey(from, property.name, value);
  if (isOnce)
    return addSchema({*property.schema, property.pointer}, value, to);
  builder.addCall(value, findRule(*property.schema, property.pointer), to);
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::findName(const Place &place,
                                       const CharAutomaton &names,
                                       const std::string &name, bool &isFound) {
  std::optional<bool> found = accepts(names, name, nameSearch);
  if (!found)
    return refuse(place, "the search for the names of properties "
                         "becomes too large");
  isFound = *found;
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::readNames(const Place &place, int depth,
                                        CharAutomaton &names) {
  const Json &schema = place.schema;
  if (schema.is_boolean()) {
    if (schema.get<bool>())
      names = anyText();
    return GEMCUT_OK; // or none
  }
  if (!schema.is_object() || depth > kMostReferences)
    return refuse(place, "the names must be given by a schema of strings");
  if (gemcut_status status = checkKeywords(place))
    return status;
  if (schema.contains("$ref")) {
    if (gemcut_status status = checkAlone(place, "$ref"))
      return status;
    Place target = place;
    if (gemcut_status status = followReference(place, target.pointer))
      return status;
    return readNames({*findReference(target.pointer), target.pointer},
                     depth + 1, names);
  }
  if (schema.contains("type") && schema["type"] != "string")
    return refuse(place.at("type"), "names are strings");
  for (const char *keyword : {"anyOf", "oneOf", "allOf"})
    if (schema.contains(keyword))
      return refuse(place.at(keyword),
                    std::string("'") + keyword + "' of names is not supported");
  if (!schema.contains("enum") && !schema.contains("const"))
    return readText(place, names);
  std::vector<const Json *> values;
  if (gemcut_status status = readConstants(place, values))
    return status;
  std::vector<std::string> texts;
  for (const Json *value : values)
    if (value->is_string())
      texts.push_back(value->get<std::string>());
  names = namesOf(texts);
  return names.states.empty() ? refuse(place, "the list becomes too large")
                              : GEMCUT_OK;
}

gemcut_status
SchemaCompiler::readOthers(const Place &place,
                           const std::vector<Property> &properties,
                           const std::vector<NamePattern> &patterns,
                           std::vector<OtherProperties> &others) {
  const Json &schema = place.schema;
  std::vector<std::string> known;
  for (const Property &property : properties)
    known.push_back(property.name);
  CharAutomaton names = syntax.getOtherNames(known);
  if (schema.contains("propertyNames")) {
    Place rule = place.at("propertyNames");
    CharAutomaton allowed;
    if (gemcut_status status = readNames(rule, 0, allowed))
      return status;
    for (const std::string &name : known) {
      bool isFound;
      if (gemcut_status status = findName(rule, allowed, name, isFound))
        return status;
      if (!isFound)
        return refuse(rule, "the property " + Json(name).dump() +
                                " is none of the names that this allows");
    }
    CharAutomaton both = intersect(names, allowed);
    if (both.states.empty() && !allowed.states.empty())
      return refuse(rule, "what remains of the names becomes too large");
    names = trim(both);
  }
  for (const NamePattern &pattern : patterns) {
    Place here = {*pattern.schema, pattern.pointer};
    for (const Property &property : properties) {
      if (*pattern.schema == true || *pattern.schema == *property.schema)
        continue;
      bool isFound;
      if (gemcut_status status =
              findName(here, pattern.names, property.name, isFound))
        return status;
      if (isFound)
        return refuse(here,
                      "the property " + Json(property.name).dump() +
                          " matches this pattern, too; both schemas at once "
                          "are not supported");
    }
    CharAutomaton both = intersect(names, pattern.names);
    if (both.states.empty() && !names.states.empty())
      return refuse(here, "the pattern becomes too large");
    both = trim(both);
    if (!both.states.empty() && *pattern.schema != false)
      others.push_back(
          {std::move(both), findRule(*pattern.schema, pattern.pointer)});
  }
  const Json *value = &kAnySchema;
  std::string pointer = kAnyValueName;
  bool isFree = !schema.contains("properties") && patterns.empty();
  if (schema.contains("additionalProperties")) {
    value = &schema["additionalProperties"];
    pointer = place.at("additionalProperties").pointer;
    isFree = *value != false;
    if (isFree && !patterns.empty() && !value->is_boolean() && !value->empty())
      return refuse(place.at("additionalProperties"),
                    "beside 'patternProperties' only true and false are "
                    "supported");
  }
  if (isFree && patterns.empty() && !names.states.empty())
    others.push_back({std::move(names), findRule(*value, pointer)});
  return GEMCUT_OK;
}

void SchemaCompiler::addOthers(const std::vector<OtherProperties> &others,
                               uint32_t from, uint32_t to) {
  for (const OtherProperties &other : others) {
    uint32_t value = builder.addNode();
    syntax.addKeyOf(from, other.names, value);
    builder.addCall(value, other.rule, to);
  }
}

/// Before a property: its key comes first, or behind a comma.
void SchemaCompiler::addSeparator(uint32_t from, bool isFirst, uint32_t key) {
  if (isFirst)
    builder.addMove(from, key);
  else
    builder.addText(from, ",", key);
}

gemcut_status SchemaCompiler::addObject(const Place &place, uint32_t from,
                                        uint32_t to) {
  std::vector<NamePattern> patterns;
  std::vector<Property> properties;
  std::vector<OtherProperties> others;
  if (gemcut_status status = readPatterns(place, patterns))
    return status;
  if (gemcut_status status = readProperties(place, patterns, properties))
    return status;
  if (gemcut_status status = readOthers(place, properties, patterns, others))
    return status;
  uint32_t least = 0, most = kUnbounded;
  if (gemcut_status status = readCount(place, "minProperties", least))
    return status;
  if (gemcut_status status = readCount(place, "maxProperties", most))
    return status;
  if (most < least)
    return refuse(place.at("maxProperties"),
                  "'maxProperties' is below 'minProperties'");
  if (least > properties.size() + !others.empty())
    return refuse(place.at("minProperties"),
                  "only " + std::to_string(properties.size()) +
                      " properties are named, and others count as one, since "
                      "they might be equal");

  // Where `count` properties have been written. What is counted no further is
  // together in the last one.
  bool isBounded = most != kUnbounded;
  uint32_t last = isBounded ? most : std::max(least, 1u);
  std::vector<uint32_t> counted = {builder.addNode()};
  builder.addText(from, "{", counted[0]);
  for (const Property &property : properties) {
    if (builder.isTooLarge())
      return GEMCUT_OK;
    uint32_t size = uint32_t(counted.size());
    std::vector<uint32_t> next(std::min(size, last) + 1, kNoNode);
    for (uint32_t &node : next)
      node = builder.addNode();
    for (uint32_t count = 1; count < next.size(); ++count) {
      uint32_t key = builder.addNode();
      addSeparator(counted[count - 1], count == 1, key);
      if (!isBounded && count == last && count < size)
        addSeparator(counted[count], /*isFirst=*/false, key);
      if (gemcut_status status =
              addMember(property, key, next[count], /*isOnce=*/last == 1))
        return status;
    }
    if (!property.isRequired)
      for (uint32_t count = 0; count < size; ++count)
        builder.addMove(counted[count], next[count]);
    counted = std::move(next);
  }
  while (!isBounded && counted.size() <= last)
    counted.push_back(builder.addNode());
  for (uint32_t count = least; count < counted.size(); ++count)
    builder.addText(counted[count], "}", to);
  if (others.empty())
    return GEMCUT_OK;
  // One more is enough, or there were enough before.
  uint32_t first = least > 0 ? least - 1 : 0;
  if (!isBounded) {
    uint32_t key = builder.addNode();
    for (uint32_t count = first; count < counted.size(); ++count)
      addSeparator(counted[count], count == 0, key);
    addOthers(others, key, counted[last]);
    return GEMCUT_OK;
  }
  uint32_t rule = builder.addRule(place.pointer + " other properties");
  addOthers(others, builder.startOf(rule), builder.endOf(rule));
  uint32_t before = kNoNode; // behind `count` properties, some of them others
  for (uint32_t count = first; count < most && !builder.isTooLarge(); ++count) {
    uint32_t key = builder.addNode(), behind = builder.addNode();
    if (count < counted.size())
      addSeparator(counted[count], count == 0, key);
    if (before != kNoNode)
      addSeparator(before, /*isFirst=*/false, key);
    builder.addCall(key, rule, behind);
    builder.addText(behind, "}", to);
    before = behind;
  }
  return GEMCUT_OK;
}
