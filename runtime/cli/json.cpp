//===- json.cpp - A small JSON writer -------------------------------------===//

#include "runtime/cli/json.h"

#include <cmath>
#include <cstdio>

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

/// Length of the UTF-8 sequence at the start of `s`, or 0 (RFC 3629, section
/// 4).
static size_t getSequenceLength(std::string_view s) {
  auto byte = [&](size_t i) { return i < s.size() ? uint8_t(s[i]) : 0; };
  uint8_t lead = byte(0);
  if (lead < 0x80)
    return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  uint8_t next = byte(1);
  bool isOverlong =
      (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
  bool isSurrogate = lead == 0xed && next > 0x9f;
  bool isTooLarge = lead == 0xf4 && next > 0x8f;
  return isOverlong || isSurrogate || isTooLarge ? 0 : length;
}

void JsonWriter::string(std::string_view value) {
  separate();
  text += '"';
  while (!value.empty()) {
    size_t length = getSequenceLength(value);
    uint8_t c = uint8_t(value[0]);
    if (length == 0) {
      text += "\xef\xbf\xbd";
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
