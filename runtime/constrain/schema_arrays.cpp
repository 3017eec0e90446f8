//===- schema_arrays.cpp - Arrays of a schema -----------------------------===//

#include "runtime/constrain/schema_compiler.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

static constexpr uint32_t kNoRule = UINT32_MAX;

/// Distinct constants come in any order if they are so few; a state for each
/// set of them. More come in the order of the list.
static constexpr size_t kMostInAnyOrder = 8;
static constexpr size_t kMostDistinct = 256;

/// Rules of the first items, and of those behind them: kNoRule if there are
/// none.
gemcut_status SchemaCompiler::readItems(const Place &place,
                                        std::vector<uint32_t> &first,
                                        uint32_t &others) {
  const Json &schema = place.schema;
  // A list of "items", and "additionalItems", are older drafts' names.
  bool isOld = schema.contains("items") && schema["items"].is_array();
  const char *firstName = isOld ? "items" : "prefixItems";
  const char *othersName = isOld ? "additionalItems" : "items";
  if (schema.contains(firstName)) {
    Place list = place.at(firstName);
    if (!list.schema.is_array())
      return refuse(list, "'prefixItems' must be a list of schemas");
    for (size_t i = 0; i < list.schema.size(); ++i) {
      Place item = list.at(std::to_string(i));
      first.push_back(findRule(item.schema, item.pointer));
    }
  }
  others = kNoRule;
  if (!schema.contains(othersName)) {
    if (!schema.contains(firstName))
      others = findRule(kAnySchema, kAnyValueName);
    return GEMCUT_OK;
  }
  Place items = place.at(othersName);
  if (items.schema != false)
    others = findRule(items.schema, items.pointer);
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addDistinct(const Place &place, uint32_t least,
                                          uint32_t most, uint32_t from,
                                          uint32_t to) {
  static const char kNeeded[] =
      "'uniqueItems' needs 'items' that 'enum' or 'const' lists, or "
      "'maxItems' 1; else use false";
  if (!place.schema.contains("items") || place.schema.contains("prefixItems"))
    return refuse(place.at("uniqueItems"), kNeeded);
  const Json *target;
  std::string pointer;
  if (gemcut_status status =
          followReferences(place.at("items"), target, pointer))
    return status;
  Place item = {*target, pointer};
  if (!target->is_object() ||
      (!target->contains("enum") && !target->contains("const")))
    return refuse(place.at("uniqueItems"), kNeeded);
  if (gemcut_status status = checkKeywords(item))
    return status;
  unsigned types;
  if (gemcut_status status = readTypes(item, types))
    return status;
  std::vector<const Json *> listed, values;
  if (gemcut_status status = readConstants(item, listed))
    return status;
  if (types & kNumber)
    types |= kInteger;
  for (const Json *value : listed)
    if (types & typeOf(*value) &&
        std::none_of(values.begin(), values.end(),
                     [&](const Json *other) { return *other == *value; }))
      values.push_back(value);
  if (values.size() > kMostDistinct)
    return refuse(place.at("uniqueItems"), "more than " +
                                               std::to_string(kMostDistinct) +
                                               " values are not supported");
  most = std::min(most, uint32_t(values.size()));
  if (most < least)
    return refuse(place.at("uniqueItems"),
                  "there are only " + std::to_string(values.size()) +
                      " values for at least " + std::to_string(least) +
                      " items");
  uint32_t begin = builder.addNode();
  builder.addText(from, "[", begin);
  auto addItem = [&](uint32_t before, bool isFirst, size_t index,
                     uint32_t behind) {
    uint32_t value = builder.addNode();
    addSeparator(before, isFirst, value);
    return syntax.addValue(value, *values[index], behind)
               ? GEMCUT_OK
               : refuse(item, "the value " + values[index]->dump() +
                                  " cannot be written in a call");
  };
  if (values.size() <= kMostInAnyOrder) {
    std::vector<uint32_t> nodes(size_t(1) << values.size()); // by set
    for (size_t set = 0; set < nodes.size(); ++set)
      nodes[set] = set ? builder.addNode() : begin;
    for (size_t set = 0; set < nodes.size(); ++set) {
      uint32_t count = uint32_t(__builtin_popcountll(set));
      if (count >= least && count <= most)
        builder.addText(nodes[set], "]", to);
      for (size_t i = 0; i < values.size() && count < most; ++i)
        if (!(set >> i & 1))
          if (gemcut_status status = addItem(nodes[set], count == 0, i,
                                             nodes[set | size_t(1) << i]))
            return status;
    }
    return GEMCUT_OK;
  }
  // By the number of items so far, in front of a value that may come next.
  std::vector<uint32_t> counted = {begin};
  for (size_t i = 0; i < values.size() && !builder.isTooLarge(); ++i) {
    std::vector<uint32_t> next(std::min(counted.size(), size_t(most)) + 1);
    for (uint32_t &node : next)
      node = builder.addNode();
    for (size_t count = 0; count < counted.size(); ++count) {
      builder.addMove(counted[count], next[count]);
      if (count < most)
        if (gemcut_status status =
                addItem(counted[count], count == 0, i, next[count + 1]))
          return status;
    }
    counted = std::move(next);
  }
  for (size_t count = least; count < counted.size(); ++count)
    builder.addText(counted[count], "]", to);
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
  bool isUnique = place.schema.contains("uniqueItems") &&
                  place.schema["uniqueItems"] != false;
  if (isUnique && most > 1)
    return addDistinct(place, least, most, from, to);
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
