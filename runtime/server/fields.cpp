//===- fields.cpp - Members of a request's body ---------------------------===//

#include "runtime/server/fields.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

const char *server::describeKind(const Value &value) {
  switch (value.kind()) {
  case Value::Kind::Undefined:
  case Value::Kind::None:
    return "null";
  case Value::Kind::Boolean:
    return "a boolean";
  case Value::Kind::Integer:
  case Value::Kind::BigInteger:
    return "an integer";
  case Value::Kind::Real:
    return "a number";
  case Value::Kind::String:
    return "a string";
  case Value::Kind::List:
    return "an array";
  default:
    return "an object";
  }
}

static std::string quote(std::string_view name) {
  return "'" + std::string(name) + "'";
}

static std::string formatNumber(double value) {
  char text[32];
  snprintf(text, sizeof(text), "%.10g", value);
  return text;
}

void Fields::fail(std::string_view name, std::string message, const char *code,
                  int status) {
  if (error)
    return;
  error = makeError(status, std::move(message), code);
  error.param = getPath(name);
}

void Fields::failType(std::string_view name, const char *expected,
                      const Value &found) {
  fail(name,
       "Invalid type for " + quote(getPath(name)) + ": expected " + expected +
           ", but got " + describeKind(found) + " instead.",
       "invalid_type");
}

const Value *Fields::find(std::string_view name) {
  known.emplace_back(name);
  const Value *value = object.find(name);
  return value && !value->isNone() && !value->isUndefined() ? value : nullptr;
}

bool Fields::getBool(std::string_view name, bool fallback) {
  const Value *value = find(name);
  if (!value)
    return fallback;
  if (value->is(Value::Kind::Boolean))
    return value->integerValue() != 0;
  failType(name, "a boolean", *value);
  return fallback;
}

int64_t Fields::getInteger(std::string_view name, int64_t fallback,
                           int64_t least, int64_t most) {
  const Value *value = find(name);
  if (!value)
    return fallback;
  bool isBig = value->is(Value::Kind::BigInteger);
  if (!isBig && !value->is(Value::Kind::Integer)) {
    failType(name, "an integer", *value);
    return fallback;
  }
  int64_t number = isBig ? fallback : value->integerValue();
  if (isBig || number < least || number > most) {
    fail(name,
         "Invalid value for " + quote(getPath(name)) + ": expected " +
             std::to_string(least) + " to " + std::to_string(most) +
             ", but got " +
             (isBig ? "an integer beyond 64 bits" : std::to_string(number)) +
             ".");
    return fallback;
  }
  return number;
}

double Fields::getNumber(std::string_view name, double fallback, double least,
                         double most) {
  const Value *value = find(name);
  if (!value)
    return fallback;
  if (!value->is(Value::Kind::Integer) && !value->is(Value::Kind::Real)) {
    failType(name, "a number", *value);
    return fallback;
  }
  double number = value->realValue();
  if (!(number >= least && number <= most)) {
    fail(name, "Invalid value for " + quote(getPath(name)) + ": expected " +
                   formatNumber(least) + " to " + formatNumber(most) +
                   ", but got " + formatNumber(number) + ".");
    return fallback;
  }
  return number;
}

std::string Fields::getString(std::string_view name,
                              std::string_view fallback) {
  const Value *value = find(name);
  if (value && value->isString())
    return std::string(value->bytes());
  if (value)
    failType(name, "a string", *value);
  return std::string(fallback);
}

const Value *Fields::getObject(std::string_view name) {
  const Value *value = find(name);
  if (!value || value->isMap())
    return value;
  failType(name, "an object", *value);
  return nullptr;
}

const Value *Fields::getList(std::string_view name) {
  const Value *value = find(name);
  if (!value || value->isList())
    return value;
  failType(name, "an array", *value);
  return nullptr;
}

void Fields::ignore(std::initializer_list<std::string_view> names) {
  known.insert(known.end(), names.begin(), names.end());
}

void Fields::refuse(std::string_view name, std::string_view why) {
  const Value *value = find(name);
  if (value && (value->isMap() || text::isTrue(*value)))
    fail(name,
         quote(getPath(name)) + " is not supported: " + std::string(why) + ".",
         "unsupported_parameter");
}

void Fields::refuseUnknown() {
  for (const Value::Entry &entry : object.entries())
    if (std::find(known.begin(), known.end(), entry.key.bytes) == known.end())
      fail(entry.key.bytes,
           "Unknown parameter: " + quote(getPath(entry.key.bytes)) + ".",
           "unknown_parameter");
}
