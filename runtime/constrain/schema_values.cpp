//===- schema_values.cpp - Constants, numbers and strings of a schema -----===//

#include "runtime/constrain/formats.h"
#include "runtime/constrain/numbers.h"
#include "runtime/constrain/regex.h"
#include "runtime/constrain/schema_compiler.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::constrain;

using Json = nlohmann::ordered_json;

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
    CharAutomaton multiples;
    if (!makeMultiples(schema["multipleOf"], isInteger, multiples, error))
      return refuse(place.at("multipleOf"), error);
    CharAutomaton both = intersect(text, multiples);
    if (!isInteger && !both.states.empty())
      // No more digits than a double holds, with the point.
      both = limitLength(both, 0, kMostDecimalDigits + 1);
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
    if (!isPattern && !format && schema.contains("pattern"))
      continue; // which describes the texts
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
