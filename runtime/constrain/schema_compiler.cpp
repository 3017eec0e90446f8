//===- schema_compiler.cpp - From a JSON schema to a network --------------===//

#include "runtime/constrain/schema_compiler.h"

#include "runtime/core/error.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

const Json constrain::kAnySchema = true;
static const Json kEmptySchema = Json::object();

SchemaCompiler::Place SchemaCompiler::Place::at(const std::string &key) const {
  std::string escaped;
  for (char c : key)
    escaped += c == '~'   ? "~0"
               : c == '/' ? "~1"
               : c == '%' ? "%25"
                          : std::string(1, c);
  auto found =
      schema.is_array() ? schema.begin() + atol(key.c_str()) : schema.find(key);
  return {*found, pointer + "/" + escaped};
}

gemcut_status SchemaCompiler::refuse(const Place &place,
                                     const std::string &sentence) {
  // Names of members may hold anything; a message is one line.
  std::string text = place.pointer + ": " + sentence;
  for (char &c : text)
    if (static_cast<unsigned char>(c) < 0x20)
      c = '?';
  return fail(GEMCUT_INVALID_ARGUMENT, "%s at %s", what, text.c_str());
}

uint32_t SchemaCompiler::findRule(const Json &schema,
                                  const std::string &pointer) {
  auto [rule, isNew] = rules.emplace(pointer, 0);
  if (isNew) {
    rule->second = builder.addRule(pointer);
    waiting.push_back({&schema, pointer, rule->second});
  }
  return rule->second;
}

gemcut_status SchemaCompiler::run(uint32_t from, uint32_t to) {
  builder.addCall(from, findRule(document, "#"), to);
  while (!waiting.empty() && !builder.isTooLarge()) {
    Waiting next = waiting.front();
    waiting.pop_front();
    if (gemcut_status status =
            addSchema({*next.schema, next.pointer}, builder.startOf(next.rule),
                      builder.endOf(next.rule)))
      return status;
  }
  return GEMCUT_OK;
}

/// One part of a JSON pointer in a fragment (RFC 6901, section 6).
static std::string decodePart(const std::string &part) {
  std::string text, result;
  for (size_t i = 0; i < part.size(); ++i)
    if (part[i] == '%' && i + 2 < part.size()) {
      text += char(strtol(part.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      text += part[i];
    }
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~' && i + 1 < text.size())
      result += text[++i] == '1' ? '/' : '~';
    else
      result += text[i];
  return result;
}

const Json *SchemaCompiler::findReference(const std::string &reference) const {
  if (reference.empty() || reference[0] != '#')
    return nullptr;
  const Json *at = &document;
  for (size_t i = 1; i < reference.size();) {
    if (reference[i] != '/')
      return nullptr;
    size_t end = std::min(reference.find('/', i + 1), reference.size());
    std::string part = decodePart(reference.substr(i + 1, end - i - 1));
    if (at->is_object()) {
      auto found = at->find(part);
      if (found == at->end())
        return nullptr;
      at = &*found;
    } else if (at->is_array()) {
      bool isIndex = !part.empty() && part.size() < 7 &&
                     part.find_first_not_of("0123456789") == std::string::npos;
      if (!isIndex || size_t(atol(part.c_str())) >= at->size())
        return nullptr;
      at = &(*at)[size_t(atol(part.c_str()))];
    } else {
      return nullptr;
    }
    i = end;
  }
  return at;
}

gemcut_status SchemaCompiler::addSchema(const Place &place, uint32_t from,
                                        uint32_t to) {
  const Json &schema = place.schema;
  // No value at all; or nothing more is needed to refuse the whole.
  if ((schema.is_boolean() && !schema.get<bool>()) || builder.isTooLarge())
    return GEMCUT_OK;
  if (!schema.is_object() && !schema.is_boolean())
    return refuse(place, "a schema must be an object, true or false");
  Place here = {schema.is_boolean() ? kEmptySchema : schema, place.pointer};
  if (gemcut_status status = checkKeywords(here))
    return status;
  // No value, whatever the rest says.
  if (here.schema.contains("not") && isAnything(here.schema["not"]))
    return GEMCUT_OK;
  if (here.schema.contains("$ref"))
    return addReference(here, from, to);
  bool isJoined =
      here.schema.contains("allOf") &&
      !(here.schema["allOf"].is_array() && here.schema["allOf"].size() <= 1 &&
        countRules(here.schema) == 1);
  if (isJoined)
    return addMerged(here, from, to);
  for (const char *keyword : {"anyOf", "oneOf", "allOf"})
    if (here.schema.contains(keyword))
      return addAlternatives(here, keyword, from, to);

  unsigned types;
  if (gemcut_status status = readTypes(here, types))
    return status;
  if (here.schema.contains("enum") || here.schema.contains("const"))
    return addConstants(here, types, from, to);
  gemcut_status status = GEMCUT_OK;
  if (types & kNull)
    builder.addText(from, "null", to);
  if (types & kBoolean) {
    builder.addText(from, "true", to);
    builder.addText(from, "false", to);
  }
  if (types & (kNumber | kInteger))
    status = addNumber(here, !(types & kNumber), from, to);
  if (!status && types & kString)
    status = addString(here, from, to);
  if (!status && types & kArray)
    status = addArray(here, from, to);
  if (!status && types & kObject)
    status = addObject(here, from, to);
  return status;
}

gemcut_status SchemaCompiler::followReference(const Place &place,
                                              std::string &pointer) {
  const Json &reference = place.schema["$ref"];
  if (reference.is_string())
    pointer = reference.get<std::string>();
  if (pointer != "#" && pointer.rfind("#/", 0) != 0)
    return refuse(place.at("$ref"),
                  "the reference " + reference.dump() +
                      " must be \"#\" or \"#/...\", the pointer of a schema in "
                      "this document");
  if (!findReference(pointer))
    return refuse(place.at("$ref"),
                  "there is no " + reference.dump() + " in this document");
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::followReferences(const Place &place,
                                               const Json *&schema,
                                               std::string &pointer) {
  schema = &place.schema;
  pointer = place.pointer;
  for (int depth = 0; depth < kMostReferences && schema->is_object() &&
                      schema->contains("$ref");
       ++depth) {
    Place here = {*schema, pointer};
    if (gemcut_status status = followReference(here, pointer))
      return status;
    schema = findReference(pointer);
  }
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addReference(const Place &place, uint32_t from,
                                           uint32_t to) {
  if (gemcut_status status = checkAlone(place, "$ref"))
    return status;
  std::string pointer;
  if (gemcut_status status = followReference(place, pointer))
    return status;
  builder.addCall(from, findRule(*findReference(pointer), pointer), to);
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addAlternatives(const Place &place,
                                              const char *keyword,
                                              uint32_t from, uint32_t to) {
  if (gemcut_status status = checkAlone(place, keyword))
    return status;
  Place list = place.at(keyword);
  if (!list.schema.is_array() || list.schema.empty())
    return refuse(list, std::string("'") + keyword +
                            "' must be a list of schemas that is not empty");
  std::vector<Place> all;
  if (keyword != std::string("oneOf")) {
    for (size_t i = 0; i < list.schema.size(); ++i)
      all.push_back(list.at(std::to_string(i)));
  } else {
    if (gemcut_status status = requireTags(place, all))
      return status;
    if (gemcut_status status = checkDisjoint(list, all))
      return status;
  }
  for (const Place &alternative : all) {
    // Apart, so that edges of alternatives do not mix with what came before.
    uint32_t start = builder.addNode();
    builder.addMove(from, start);
    // What tags made may be inside of itself.
    auto made = tagged.find(alternative.pointer);
    if (made != tagged.end())
      builder.addCall(start, findRule(*made->second, made->first), to);
    else if (gemcut_status status = addSchema(alternative, start, to))
      return status;
  }
  return GEMCUT_OK;
}
