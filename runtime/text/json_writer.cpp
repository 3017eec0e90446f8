//===- json_writer.cpp - Values to JSON -----------------------------------===//

#include "runtime/text/json_writer.h"
#include "runtime/text/python_text.h"
#include "runtime/text/utf8.h"

#include <cmath>
#include <cstdio>

using namespace gemcut::text;

namespace {

/// \uXXXX of a character, two of them beyond U+FFFF.
void appendAscii(std::string_view character, std::string &out) {
  uint32_t point = 0xFFFD;
  decodeUtf8(character.data(), character.size(), point);
  auto append = [&](uint32_t unit) {
    char text[8];
    snprintf(text, sizeof(text), "\\u%04x", unit);
    out += text;
  };
  if (point < 0x10000)
    return append(point);
  append(0xD800 + ((point - 0x10000) >> 10));
  append(0xDC00 + ((point - 0x10000) & 0x3FF));
}

class JsonWriter {
public:
  JsonWriter(MarkedText &out, const JsonStyle &style, bool isCompact)
      : out(out), style(style), isCompact(isCompact) {}

  bool write(const Value &value) {
    switch (value.kind()) {
    case Value::Kind::Undefined:
      if (!isCompact)
        return false;
      [[fallthrough]];
    case Value::Kind::None:
      out.appendTrusted("null");
      return true;
    case Value::Kind::Boolean:
      out.appendTrusted(value.integerValue() ? "true" : "false");
      return true;
    case Value::Kind::Real:
      if (!std::isfinite(value.realValue()))
        return false;
      [[fallthrough]];
    case Value::Kind::Integer:
    case Value::Kind::BigInteger:
      appendText(value, out);
      return true;
    case Value::Kind::String:
      quote(value.text());
      return true;
    case Value::Kind::List:
      return writeList(value);
    case Value::Kind::Map:
      return writeMap(value);
    default:
      return false;
    }
  }

private:
  bool writeList(const Value &value) {
    if (value.items().empty()) {
      out.appendTrusted("[]");
      return true;
    }
    open('[');
    bool isFirst = true;
    for (const Value &item : value.items()) {
      separate(isFirst);
      if (!write(item))
        return false;
    }
    close(']');
    return true;
  }

  bool writeMap(const Value &value) {
    if (value.entries().empty()) {
      out.appendTrusted("{}");
      return true;
    }
    open('{');
    bool isFirst = true;
    for (const Value::Entry &entry : value.entries()) {
      separate(isFirst);
      quote(entry.key);
      if (style.keySeparator)
        out.append(*style.keySeparator);
      else
        out.appendTrusted(isCompact ? ":" : ": ");
      if (!write(entry.value))
        return false;
    }
    close('}');
    return true;
  }

  void open(char bracket) {
    out.appendTrusted({&bracket, 1});
    ++depth;
    breakLine();
  }
  void close(char bracket) {
    --depth;
    breakLine();
    out.appendTrusted({&bracket, 1});
  }
  void separate(bool &isFirst) {
    if (!isFirst) {
      if (style.itemSeparator)
        out.append(*style.itemSeparator);
      else
        out.appendTrusted(isCompact || style.indent >= 0 ? "," : ", ");
      breakLine();
    }
    isFirst = false;
  }
  void breakLine() {
    if (style.indent >= 0)
      out.appendTrusted("\n" + std::string(size_t(style.indent) * depth, ' '));
  }

  void quote(const MarkedText &text) {
    out.appendTrusted("\"");
    size_t done = 0;
    for (size_t i = 0, length; i < text.size(); i += length) {
      auto c = static_cast<uint8_t>(text.bytes[i]);
      length = 1;
      std::string escaped;
      if (c >= 0x7f && style.isAscii) {
        length = characterLength(text.bytes, i);
        appendAscii(std::string_view(text.bytes).substr(i, length), escaped);
      } else if (c < 0x20 || c == '"' || c == '\\') {
        appendJsonString({&text.bytes[i], 1}, escaped);
        escaped = escaped.substr(1, escaped.size() - 2);
      } else {
        continue;
      }
      out.append(text, done, i);
      out.appendLike(escaped, text, i);
      done = i + length;
    }
    out.append(text, done, text.size());
    out.appendTrusted("\"");
  }

  MarkedText &out;
  JsonStyle style;
  bool isCompact;
  size_t depth = 0;
};

} // namespace

bool gemcut::text::writeJson(const Value &value, const JsonStyle &style,
                             MarkedText &out) {
  return JsonWriter(out, style, /*isCompact=*/false).write(value);
}

std::string gemcut::text::toCompactJson(const Value &value) {
  MarkedText out;
  if (!JsonWriter(out, JsonStyle(), /*isCompact=*/true).write(value))
    return "null";
  return out.bytes;
}

void gemcut::text::appendJsonString(std::string_view text, std::string &out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (size_t i = 0; i < text.size();) {
    uint32_t point;
    size_t length = decodeUtf8(text.data() + i, text.size() - i, point);
    char c = text[i];
    if (length == 0) {
      out += kReplacement;
      length = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (point >= 0x20) {
      out.append(text.substr(i, length));
    } else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f') {
      out += '\\';
      out += c == '\n'   ? 'n'
             : c == '\r' ? 'r'
             : c == '\t' ? 't'
             : c == '\b' ? 'b'
                         : 'f';
    } else {
      out += "\\u00";
      out += kHex[point >> 4];
      out += kHex[point & 15];
    }
    i += length;
  }
  out += '"';
}
