//===- json.cpp - A small JSON writer -------------------------------------===//

#include "runtime/cli/json.h"

#include "runtime/text/utf8.h"

#include <cmath>
#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

void JsonWriter::indent() {
  text += '\n';
  text.append(size_t(2 * depth), ' ');
}

void JsonWriter::separate() {
  if (isAfterKey) {
    isAfterKey = false;
    return;
  }
  if (depth == 0)
    return;
  if (!isFirst)
    text += ',';
  isFirst = false;
  indent();
}

void JsonWriter::open(char bracket) {
  separate();
  text += bracket;
  ++depth;
  isFirst = true;
}

void JsonWriter::close(char bracket) {
  --depth;
  if (!isFirst)
    indent();
  text += bracket;
  isFirst = false;
}

void JsonWriter::key(std::string_view name) {
  string(name);
  text += ": ";
  isAfterKey = true;
}

void JsonWriter::string(std::string_view value) {
  separate();
  text += '"';
  while (!value.empty()) {
    uint32_t point;
    size_t length = text::decodeUtf8(value.data(), value.size(), point);
    uint8_t c = uint8_t(value[0]);
    if (length == 0) {
      text += text::kReplacement;
      length = 1;
    } else if (c == '"' || c == '\\') {
      text += '\\';
      text += char(c);
    } else if (c < 0x20) {
      char escape[8];
      snprintf(escape, sizeof(escape), "\\u%04x", c);
      text += escape;
    } else {
      text.append(value.data(), length);
    }
    value.remove_prefix(length);
  }
  text += '"';
}

void JsonWriter::integer(int64_t value) {
  char digits[32];
  snprintf(digits, sizeof(digits), "%lld", (long long)value);
  raw(digits);
}

void JsonWriter::number(double value) {
  char digits[40];
  snprintf(digits, sizeof(digits), "%.9g", value);
  raw(std::isfinite(value) ? digits : "null");
}

void JsonWriter::boolean(bool value) { raw(value ? "true" : "false"); }

void JsonWriter::raw(std::string_view json) {
  separate();
  text += json;
}
