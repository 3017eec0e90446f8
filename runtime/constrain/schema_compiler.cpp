//===- schema_compiler.cpp - From a JSON schema to a network --------------===//

#include "runtime/constrain/schema_compiler.h"

#include "runtime/constrain/formats.h"
#include "runtime/constrain/numbers.h"
#include "runtime/constrain/regex.h"
#include "runtime/core/error.h"

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
    {"uniqueItems", kArray}, // false only
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

const Json constrain::kAnySchema = true;
static const Json kEmptySchema = Json::object();

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

/// Keywords of a schema that are no annotations.
static size_t countRules(const Json &schema) {
  size_t count = 0;
  for (const auto &item : schema.items())
    count += !isAnnotation(item.key()) && item.key() != "$id";
  return count;
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

gemcut_status SchemaCompiler::readTypes(const Place &place, unsigned &types) {
  const Json &schema = place.schema;
  if (schema.contains("type")) {
    types = parseTypes(schema["type"]);
    return types ? GEMCUT_OK
                 : refuse(place.at("type"),
                          "a type must be \"null\", \"boolean\", \"object\", "
                          "\"array\", \"number\", \"integer\", \"string\" or a "
                          "list of these");
  }
  types = 0;
  for (const Keyword &known : kKeywords)
    if (schema.contains(known.name))
      types |= known.types;
  if (types == 0)
    types = kAnyType;
  return GEMCUT_OK;
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
  if (keyword == std::string("oneOf"))
    if (gemcut_status status = checkDisjoint(list))
      return status;
  for (size_t i = 0; i < list.schema.size(); ++i) {
    // Apart, so that edges of alternatives do not mix with what came before.
    uint32_t start = builder.addNode();
    builder.addMove(from, start);
    if (gemcut_status status = addSchema(list.at(std::to_string(i)), start, to))
      return status;
  }
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::readConstants(const Place &place,
                                            std::vector<const Json *> &values) {
  const Json &schema = place.schema;
  const char *keyword = schema.contains("enum") ? "enum" : "const";
  for (const auto &item : schema.items())
    if (item.key() != keyword && item.key() != "type" &&
        !isAnnotation(item.key()))
      return refuse(place.at(item.key()), "'" + item.key() + "' beside '" +
                                              keyword + "' is not supported");
  Place list = place.at(keyword);
  if (keyword == std::string("const")) {
    values.push_back(&list.schema);
  } else {
    if (!list.schema.is_array())
      return refuse(list, "'enum' must be a list of values");
    for (const Json &value : list.schema)
      values.push_back(&value);
  }
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addConstants(const Place &place, unsigned types,
                                           uint32_t from, uint32_t to) {
  std::vector<const Json *> values;
  if (gemcut_status status = readConstants(place, values))
    return status;
  if (types & kNumber)
    types |= kInteger;
  for (const Json *value : values)
    if (types & typeOf(*value) && !syntax.addValue(from, *value, to))
      return refuse(place.at(place.schema.contains("enum") ? "enum" : "const"),
                    "the value " + value->dump() +
                        " cannot be written in a call");
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addNumber(const Place &place, bool isInteger,
                                        uint32_t from, uint32_t to) {
  const Json &schema = place.schema;
  NumberBound least, most;
  struct Name {
    const char *keyword;
    bool isLeast, isExclusive;
  };
  const Name kNames[] = {{"minimum", true, false},
                         {"exclusiveMinimum", true, true},
                         {"maximum", false, false},
                         {"exclusiveMaximum", false, true}};
  for (const Name &name : kNames) {
    if (!schema.contains(name.keyword))
      continue;
    const Json &value = schema[name.keyword];
    if (!value.is_number())
      return refuse(place.at(name.keyword),
                    std::string("'") + name.keyword + "' must be a number");
    NumberBound &bound = name.isLeast ? least : most;
    if (!bound.value.is_null()) {
      // The stricter one of both.
      double before = bound.value.get<double>(), now = value.get<double>();
      if (name.isLeast ? now < before : now > before)
        continue;
    }
    bound = {value, name.isExclusive};
  }
  CharAutomaton text;
  std::string error;
  bool isGood = isInteger ? makeIntegers(least, most, text, error)
                          : makeNumbers(least, most, text, error);
  if (!isGood)
    return refuse(place, error);
  if (schema.contains("multipleOf")) {
    const Json &divisor = schema["multipleOf"];
    double value = divisor.is_number() ? divisor.get<double>() : 0;
    if (!isInteger || !(value >= 1 && value <= 10000) ||
        value != std::floor(value))
      return refuse(place.at("multipleOf"),
                    "'multipleOf' is supported for \"type\": \"integer\" only, "
                    "and must be a whole number from 1 to 10000");
    CharAutomaton both = intersect(text, makeMultiples(uint32_t(value)));
    text = trim(both);
    if (text.states.empty())
      return refuse(place, both.states.empty()
                               ? "'multipleOf' and the bounds together become "
                                 "too large"
                               : "no multiple lies between the bounds");
  }
  syntax.addNumber(from, text, to);
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::addString(const Place &place, uint32_t from,
                                        uint32_t to) {
  bool isAny = true;
  for (const char *keyword : {"minLength", "maxLength", "pattern", "format"})
    isAny &= !place.schema.contains(keyword);
  if (isAny) {
    syntax.addAnyString(from, to);
    return GEMCUT_OK;
  }
  CharAutomaton text;
  if (gemcut_status status = readText(place, text))
    return status;
  syntax.addString(from, text, to);
  return GEMCUT_OK;
}

gemcut_status SchemaCompiler::readText(const Place &place,
                                       CharAutomaton &text) {
  const Json &schema = place.schema;
  uint32_t least = 0, most = kUnbounded;
  if (gemcut_status status = readCount(place, "minLength", least))
    return status;
  if (gemcut_status status = readCount(place, "maxLength", most))
    return status;
  text = syntax.getFreeText();
  auto restrict = [&](const CharAutomaton &other, const char *keyword) {
    CharAutomaton both = other.states.empty() ? other : intersect(text, other);
    text = trim(both);
    if (!text.states.empty())
      return GEMCUT_OK;
    return refuse(place.at(keyword),
                  both.states.empty()
                      ? "the string becomes larger than " +
                            std::to_string(kMostStates) + " states"
                      : "no string fulfils this and the other keywords");
  };
  std::string error;
  for (const char *keyword : {"pattern", "format"}) {
    if (!schema.contains(keyword))
      continue;
    const Json &value = schema[keyword];
    if (!value.is_string())
      return refuse(place.at(keyword),
                    std::string("'") + keyword + "' must be a string");
    auto name = value.get<std::string>();
    bool isPattern = keyword == std::string("pattern");
    const char *format = isPattern ? nullptr : findFormat(name);
    if (!isPattern && !format)
      return refuse(place.at(keyword), "the format " + value.dump() +
                                           " is not supported; there are " +
                                           listFormats());
    CharAutomaton other;
    if (!parseRegex(isPattern ? name : format,
                    isPattern ? RegexSpan::Anywhere : RegexSpan::Whole, other,
                    error))
      return refuse(place.at(keyword),
                    "the pattern " + value.dump() + ": " + error);
    if (gemcut_status status = restrict(other, keyword))
      return status;
  }
  if (least == 0 && most == kUnbounded)
    return GEMCUT_OK;
  if (most < least)
    return refuse(place.at("maxLength"), "'maxLength' is below 'minLength'");
  text = limitLength(text, least, most);
  const char *keyword =
      schema.contains("maxLength") ? "maxLength" : "minLength";
  if (text.states.empty())
    return refuse(place.at(keyword), "the string becomes larger than " +
                                         std::to_string(kMostStates) +
                                         " states");
  text = trim(text);
  return text.states.empty()
             ? refuse(place.at(keyword),
                      "no string fulfils this and the other keywords")
             : GEMCUT_OK;
}
