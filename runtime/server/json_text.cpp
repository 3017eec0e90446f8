//===- json_text.cpp - Compact JSON, member by member ---------------------===//

#include "runtime/server/json_text.h"

#include "runtime/text/json_writer.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace gemcut::server;

void JsonText::separate() {
  if (!text.empty() && text.back() != '{' && text.back() != '[' &&
      text.back() != ':')
    text += ',';
}

JsonText &JsonText::beginObject() {
  separate();
  text += '{';
  return *this;
}

JsonText &JsonText::endObject() {
  text += '}';
  return *this;
}

JsonText &JsonText::beginArray() {
  separate();
  text += '[';
  return *this;
}

JsonText &JsonText::endArray() {
  text += ']';
  return *this;
}

JsonText &JsonText::key(std::string_view name) {
  string(name);
  text += ':';
  return *this;
}

JsonText &JsonText::string(std::string_view value) {
  separate();
  text::appendJsonString(value, text);
  return *this;
}

JsonText &JsonText::integer(int64_t value) {
  separate();
  text += std::to_string(value);
  return *this;
}

JsonText &JsonText::number(double value) {
  if (!std::isfinite(value))
    return null();
  // The fewest digits that give the same float, as most numbers were one.
  char digits[32];
  for (int precision = 6; precision <= 9; ++precision) {
    snprintf(digits, sizeof(digits), "%.*g", precision, value);
    if (strtof(digits, nullptr) == float(value))
      break;
  }
  return raw(digits);
}

JsonText &JsonText::boolean(bool value) {
  return raw(value ? "true" : "false");
}

JsonText &JsonText::null() { return raw("null"); }

JsonText &JsonText::raw(std::string_view json) {
  separate();
  text += json;
  return *this;
}
