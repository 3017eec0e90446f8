//===- schema_disjoint.cpp - Whether alternatives exclude each other ------===//

#include "runtime/constrain/schema_compiler.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

/// The constants that a schema lists, or null.
static std::vector<Json> getConstants(const Json &schema) {
  if (schema.contains("const"))
    return {schema["const"]};
  if (schema.contains("enum") && schema["enum"].is_array())
    return {schema["enum"].begin(), schema["enum"].end()};
  return {};
}

static unsigned getTypes(const Json &schema) {
  if (schema.contains("type")) {
    bool isNullable = schema.contains("nullable") && schema["nullable"] == true;
    return parseTypes(schema["type"]) | (isNullable ? kNull : 0);
  }
  unsigned types = 0;
  for (const Json &value : getConstants(schema))
    types |= typeOf(value);
  return types ? types : unsigned(kAnyType);
}

static bool isRequired(const Json &schema, const std::string &name) {
  if (!schema.contains("required") || !schema["required"].is_array())
    return false;
  const Json &names = schema["required"];
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool SchemaCompiler::areDisjoint(const Json &a, const Json &b,
                                 int depth) const {
  if (depth > kMostReferences)
    return false;
  if (a == false || b == false)
    return true;
  if (!a.is_object() || !b.is_object())
    return false;
  for (const auto &[one, other] : {std::pair(&a, &b), std::pair(&b, &a)})
    if (one->contains("$ref")) {
      const Json &reference = (*one)["$ref"];
      const Json *target = reference.is_string()
                               ? findReference(reference.get<std::string>())
                               : nullptr;
      return target && areDisjoint(*target, *other, depth + 1);
    }
  unsigned left = getTypes(a), right = getTypes(b);
  // Whole numbers are numbers.
  for (unsigned *types : {&left, &right})
    if (*types & kNumber)
      *types |= kInteger;
  if ((left & right) == 0)
    return true;
  std::vector<Json> ours = getConstants(a), theirs = getConstants(b);
  if (!ours.empty() && !theirs.empty())
    return std::none_of(ours.begin(), ours.end(), [&](const Json &value) {
      return std::find(theirs.begin(), theirs.end(), value) != theirs.end();
    });
  // Objects that a required property of both tells apart.
  if ((left & right) != kObject || !a.contains("properties") ||
      !b.contains("properties"))
    return false;
  for (const auto &item : a["properties"].items())
    if (isRequired(a, item.key()) && isRequired(b, item.key()) &&
        b["properties"].is_object() && b["properties"].contains(item.key()) &&
        areDisjoint(item.value(), b["properties"][item.key()], depth + 1))
      return true;
  return false;
}

gemcut_status SchemaCompiler::checkDisjoint(const Place &list,
                                            const std::vector<Place> &all) {
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t k = i + 1; k < all.size(); ++k)
      if (!areDisjoint(all[i].schema, all[k].schema, 0))
        return refuse(list, "a value may be valid for both schema " +
                                std::to_string(i) + " and schema " +
                                std::to_string(k) +
                                " of 'oneOf'; use 'anyOf', or another constant "
                                "of a required property in each");
  return GEMCUT_OK;
}
