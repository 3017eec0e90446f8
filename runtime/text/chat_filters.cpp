//===- chat_filters.cpp - Filters of chat templates -----------------------===//

#include "runtime/text/chat_builtins.h"
#include "runtime/text/json_writer.h"
#include "runtime/text/python_text.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace gemcut::text;
using Kind = Value::Kind;

namespace {

Value indent(Evaluation &run, const Value &value, Arguments arguments) {
  const MarkedText &given = toString(run, value, "what to indent");
  if (run.failed)
    return Value();
  MarkedText prefix;
  if (arguments.find(0) && arguments.find(0)->isString())
    prefix = arguments.find(0)->text();
  else
    prefix.bytes.assign(size_t(std::clamp<int64_t>(
                            toInteger(run, arguments.find(0), 4), 0, 1 << 16)),
                        ' ');
  MarkedText text = given;
  text.appendTrusted("\n"); // as jinja2 does, so that a last line end stays
  std::vector<Value> lines = splitLines(text);
  MarkedText out;
  if (arguments.isTrueAt(1))
    out.append(prefix);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out.appendTrusted("\n");
      if (lines[i].text().size() > 0 || arguments.isTrueAt(2))
        out.append(prefix);
    }
    out.append(lines[i].text());
    if (!run.spend(prefix.size() + lines[i].text().size()))
      return Value();
  }
  return Value::string(std::move(out));
}

/// The number that a text spells, as Python's float().
bool readReal(const Value &value, double &out) {
  if (value.isNumber()) {
    out = value.realValue();
    return true;
  }
  if (!value.isString())
    return false;
  std::string text(trim(value.bytes()));
  if (text.empty() ||
      text.find_first_not_of("0123456789+-.eE") != std::string::npos)
    return false;
  char *end;
  out = strtod(text.c_str(), &end);
  return *end == 0 && std::isfinite(out);
}

Value toInt(const Value &value, Arguments arguments) {
  Value otherwise = arguments.find(0) ? *arguments.find(0) : Value::integer(0);
  if (value.isInteger())
    return Value::integer(value.integerValue());
  if (value.is(Kind::BigInteger))
    return value;
  if (value.isString()) {
    std::string text(trim(value.bytes()));
    errno = 0;
    char *end;
    int64_t integer = strtoll(text.c_str(), &end, 10);
    if (!text.empty() && *end == 0 && errno == 0)
      return Value::integer(integer);
  }
  double real;
  if (!readReal(value, real) || std::fabs(real) >= 0x1p63)
    return otherwise;
  return Value::integer(int64_t(real));
}

Value toReal(const Value &value, Arguments arguments) {
  double real;
  if (readReal(value, real))
    return Value::real(real);
  return arguments.find(0) ? *arguments.find(0) : Value::real(0);
}

Value absolute(Evaluation &run, const Value &value) {
  bool isNegative = value.isNumber() && std::signbit(value.realValue());
  return applyUnary(run, isNegative ? GEMCUT_CHAT_NEGATE : GEMCUT_CHAT_PLUS,
                    value);
}

Value roundNumber(Evaluation &run, const Value &value, Arguments arguments) {
  if (!value.isNumber())
    return run.fail(std::string("found '") + typeName(value) +
                    "', expected a number to round");
  int64_t precision = toInteger(run, arguments.find(0), 0);
  std::string_view method = "common";
  if (arguments.find(1))
    method = toString(run, *arguments.find(1), "the method of rounding").bytes;
  if (precision < 0 || precision > 300)
    return run.fail("round is supported to 0 to 300 digits");
  bool isWhole = value.isInteger() || value.is(Kind::BigInteger);
  if (method == "common" && isWhole)
    return value.isInteger() ? Value::integer(value.integerValue()) : value;
  if (isWhole)
    return Value::real(value.realValue());
  if (method == "common") {
    char digits[700];
    snprintf(digits, sizeof digits, "%.*f", int(precision), value.realValue());
    return Value::real(strtod(digits, nullptr));
  }
  double scale = std::pow(10.0, double(precision));
  if (method == "ceil")
    return Value::real((std::ceil(value.realValue() * scale) + 0.0) / scale);
  if (method == "floor")
    return Value::real((std::floor(value.realValue() * scale) + 0.0) / scale);
  return run.fail("round knows the methods common, ceil and floor");
}

Value sortKeys(const Value &value) {
  if (value.isList()) {
    std::vector<Value> items;
    for (const Value &item : value.items())
      items.push_back(sortKeys(item));
    return Value::list(std::move(items));
  }
  if (!value.isMap())
    return value;
  std::vector<Value::Entry> entries;
  for (const Value::Entry &entry : value.entries())
    entries.push_back({entry.key, sortKeys(entry.value)});
  std::sort(entries.begin(), entries.end(),
            [](const Value::Entry &a, const Value::Entry &b) {
              return a.key.bytes < b.key.bytes;
            });
  return Value::map(std::move(entries));
}

Value toJson(Evaluation &run, const Value &value, Arguments arguments) {
  JsonStyle style;
  style.isAscii = arguments.isTrueAt(0);
  int64_t width = toInteger(run, arguments.find(1), -1);
  style.indent = int(std::clamp<int64_t>(width, -1, 64));
  const Value *pair = arguments.find(2);
  if (pair && !pair->isNone()) {
    bool isPair = pair->isList() && pair->items().size() == 2 &&
                  pair->items()[0].isString() && pair->items()[1].isString();
    constexpr size_t kMostBytes = 64; // each is written many times
    if (!isPair || pair->items()[0].text().size() > kMostBytes ||
        pair->items()[1].text().size() > kMostBytes)
      return run.fail(
          "the separators of tojson must be two strings of at most 64 bytes");
    style.itemSeparator = &pair->items()[0].text();
    style.keySeparator = &pair->items()[1].text();
  }
  MarkedText out;
  if (!writeJson(arguments.isTrueAt(3) ? sortKeys(value) : value, style, out))
    return run.fail(std::string("'") + typeName(value) +
                    "' or something in it has no JSON form");
  run.spend(out.size());
  return Value::string(std::move(out));
}

/// title(): capitals behind white space, '-' and opening brackets only.
MarkedText title(const MarkedText &text) {
  MarkedText lower = convertCase(text, Case::Lower), out;
  bool isStart = true;
  for (size_t i = 0, length; i < lower.size(); i += length) {
    length = characterLength(lower.bytes, i);
    MarkedText letter = lower.slice(i, i + length);
    out.append(isStart ? convertCase(letter, Case::Upper) : letter);
    isStart = std::string_view(" \t\n\v\f\r-({[<").find(lower.bytes[i]) !=
              std::string_view::npos;
  }
  return out;
}

Value length(Evaluation &run, const Value &value) {
  if (value.isUndefined())
    return Value::integer(0);
  if (value.isString())
    return Value::integer(int64_t(countCharacters(value.bytes())));
  if (value.isList())
    return Value::integer(int64_t(value.items().size()));
  if (value.isMap())
    return Value::integer(int64_t(value.entries().size()));
  return run.fail(std::string("'") + typeName(value) + "' has no length");
}

Value applyTextFilter(Evaluation &run, unsigned filter, const MarkedText &text,
                      Arguments arguments) {
  if (!run.spend(text.size()))
    return Value();
  switch (filter) {
  case GEMCUT_CHAT_FILTER_CAPITALIZE:
    return Value::string(convertCase(text, Case::Capitalize));
  case GEMCUT_CHAT_FILTER_LOWER:
    return Value::string(convertCase(text, Case::Lower));
  case GEMCUT_CHAT_FILTER_UPPER:
    return Value::string(convertCase(text, Case::Upper));
  case GEMCUT_CHAT_FILTER_TITLE:
    return Value::string(title(text));
  case GEMCUT_CHAT_FILTER_TRIM: {
    const Value *given = arguments.find(0);
    if (!given || given->isNone())
      return Value::string(strip(text, true, true, nullptr));
    std::string_view characters =
        toString(run, *given, "the characters to trim").bytes;
    return Value::string(strip(text, true, true, &characters));
  }
  default: // REPLACE
    if (!arguments.find(0) || !arguments.find(1))
      return run.fail("replace needs what to replace and by what");
    MarkedText out =
        replaceAll(text, toText(*arguments.find(0)), toText(*arguments.find(1)),
                   toInteger(run, arguments.find(2), -1));
    run.spend(out.size());
    return Value::string(std::move(out));
  }
}

} // namespace

Value gemcut::text::applyFilter(Evaluation &run, unsigned filter,
                                const Value &value, Arguments arguments) {
  switch (filter) {
  case GEMCUT_CHAT_FILTER_CAPITALIZE:
  case GEMCUT_CHAT_FILTER_LOWER:
  case GEMCUT_CHAT_FILTER_REPLACE:
  case GEMCUT_CHAT_FILTER_TITLE:
  case GEMCUT_CHAT_FILTER_TRIM:
  case GEMCUT_CHAT_FILTER_UPPER:
    return applyTextFilter(run, filter, toText(value), arguments);
  case GEMCUT_CHAT_FILTER_ABS:
    return absolute(run, value);
  case GEMCUT_CHAT_FILTER_ATTR:
    if (!arguments.find(0))
      return run.fail("attr needs a name");
    return getAttribute(run, value,
                        toString(run, *arguments.find(0), "a name").bytes, 0);
  case GEMCUT_CHAT_FILTER_DEFAULT:
    if (!value.isUndefined() && (!arguments.isTrueAt(1) || isTrue(value)))
      return value;
    return arguments.find(0) ? *arguments.find(0) : Value::trusted("");
  case GEMCUT_CHAT_FILTER_FLOAT:
    return toReal(value, arguments);
  case GEMCUT_CHAT_FILTER_INDENT:
    return indent(run, value, arguments);
  case GEMCUT_CHAT_FILTER_INT:
    return toInt(value, arguments);
  case GEMCUT_CHAT_FILTER_LENGTH:
    return length(run, value);
  case GEMCUT_CHAT_FILTER_MAP_ATTRIBUTE: {
    if (!arguments.find(0))
      return run.fail("map needs an attribute");
    Value found = getPath(run, value, *arguments.find(0));
    return found.isUndefined() && arguments.find(1) ? *arguments.find(1)
                                                    : found;
  }
  case GEMCUT_CHAT_FILTER_ROUND:
    return roundNumber(run, value, arguments);
  case GEMCUT_CHAT_FILTER_SAFE:
  case GEMCUT_CHAT_FILTER_STRING:
    return value.isString() ? value : Value::string(toText(value));
  case GEMCUT_CHAT_FILTER_TOJSON:
    return toJson(run, value, arguments);
  case GEMCUT_CHAT_FILTER_DICTSORT:
  case GEMCUT_CHAT_FILTER_FIRST:
  case GEMCUT_CHAT_FILTER_ITEMS:
  case GEMCUT_CHAT_FILTER_JOIN:
  case GEMCUT_CHAT_FILTER_LAST:
  case GEMCUT_CHAT_FILTER_LIST:
  case GEMCUT_CHAT_FILTER_MAX:
  case GEMCUT_CHAT_FILTER_MIN:
  case GEMCUT_CHAT_FILTER_REVERSE:
  case GEMCUT_CHAT_FILTER_SORT:
  case GEMCUT_CHAT_FILTER_SUM:
  case GEMCUT_CHAT_FILTER_UNIQUE:
    return applySequenceFilter(run, filter, value, arguments);
  default:
    return run.fail("the program is damaged");
  }
}
