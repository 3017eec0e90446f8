//===- schema_arrays.cpp - Arrays of a schema -----------------------------===//

#include "runtime/constrain/schema_compiler.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

static constexpr uint32_t kNoRule = UINT32_MAX;

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
      others = findRule(kAnySchema, kAnyValueName);
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
