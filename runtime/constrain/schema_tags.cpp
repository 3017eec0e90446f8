//===- schema_tags.cpp - 'oneOf' with a discriminator ---------------------===//
//
// OpenAPI's "discriminator" names a property whose constant tells alternatives
// apart. Generators leave it out of "required" where it has a default; answers
// always have it, which makes them valid for one alternative alone.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/schema_compiler.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

/// The property that "discriminator" names; "" without one.
static std::string getTag(const Json &schema) {
  if (!schema.contains("discriminator") ||
      !schema["discriminator"].is_object() ||
      !schema["discriminator"].contains("propertyName") ||
      !schema["discriminator"]["propertyName"].is_string())
    return "";
  return schema["discriminator"]["propertyName"].get<std::string>();
}

static bool hasOptional(const Json &schema, const std::string &name) {
  if (!schema.is_object() || !schema.contains("properties") ||
      !schema["properties"].is_object() || !schema["properties"].contains(name))
    return false;
  if (!schema.contains("required"))
    return true;
  const Json &names = schema["required"];
  return names.is_array() &&
         std::find(names.begin(), names.end(), name) == names.end();
}

gemcut_status SchemaCompiler::requireTags(const Place &place,
                                          std::vector<Place> &all) {
  Place list = place.at("oneOf");
  // Each is compared with each.
  constexpr size_t kMost = 256;
  if (list.schema.size() > kMost)
    return refuse(list, "'oneOf' of more than " + std::to_string(kMost) +
                            " schemas is not supported; use 'anyOf'");
  std::string tag = getTag(place.schema);
  for (size_t i = 0; i < list.schema.size(); ++i) {
    Place alternative = list.at(std::to_string(i));
    const Json *target;
    std::string pointer;
    if (gemcut_status status = followReferences(alternative, target, pointer))
      return status;
    if (tag.empty() || !hasOptional(*target, tag)) {
      all.push_back(alternative);
      continue;
    }
    auto [made, isNew] = tagged.emplace(pointer + " with " + tag, nullptr);
    if (isNew) {
      Json &copy = merged.emplace_back(*target);
      copy["required"].push_back(tag);
      made->second = &copy;
    }
    all.push_back({*made->second, made->first});
  }
  return GEMCUT_OK;
}
