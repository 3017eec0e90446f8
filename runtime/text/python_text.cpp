//===- python_text.cpp - Texts as Python writes and cuts them -------------===//

#include "runtime/text/python_text.h"
#include "runtime/text/utf8.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace gemcut::text;

std::string gemcut::text::formatReal(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char buffer[40];
  for (int digits = 0; digits < 17; ++digits) {
    snprintf(buffer, sizeof buffer, "%.*e", digits, value);
    if (strtod(buffer, nullptr) == value)
      break;
  }
  std::string text = buffer;
  size_t mark = text.find('e');
  int exponent = atoi(text.c_str() + mark + 1);
  std::string sign = text[0] == '-' ? "-" : "";
  std::string digits = text.substr(sign.size(), mark - sign.size());
  if (digits.size() > 1)
    digits.erase(1, 1); // the point
  if (exponent < -4 || exponent >= 16) {
    std::string power = std::to_string(std::abs(exponent));
    if (power.size() < 2)
      power = "0" + power;
    if (digits.size() > 1)
      digits.insert(1, ".");
    return sign + digits + (exponent < 0 ? "e-" : "e+") + power;
  }
  if (exponent < 0)
    return sign + "0." + std::string(size_t(-exponent - 1), '0') + digits;
  size_t whole = size_t(exponent) + 1;
  if (digits.size() <= whole)
    return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

/// Characters that repr() escapes, besides quotes and the backslash.
static bool isUnprintable(uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0xA0) || point == 0xAD ||
         (point >= 0x2000 && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202F) ||
         (point >= 0x205F && point <= 0x206F) || point == 0x3000 ||
         (point >= 0xE000 && point <= 0xF8FF) || point == 0xFEFF ||
         (point >= 0xFFF0 && point <= 0xFFFB) || point == 0x1680 ||
         point >= 0xE0000;
}

static void appendQuoted(const MarkedText &text, MarkedText &out) {
  bool hasSingle = text.bytes.find('\'') != std::string::npos;
  bool hasDouble = text.bytes.find('"') != std::string::npos;
  char quote = hasSingle && !hasDouble ? '"' : '\'';
  out.appendTrusted({&quote, 1});
  for (size_t i = 0, length; i < text.size(); i += length) {
    uint32_t point = static_cast<uint8_t>(text.bytes[i]);
    length = decodeUtf8(text.bytes.data() + i, text.size() - i, point);
    char escape[12] = "";
    if (point == '\n' || point == '\r' || point == '\t')
      snprintf(escape, sizeof escape, "\\%c",
               point == '\n'   ? 'n'
               : point == '\r' ? 'r'
                               : 't');
    else if (point == '\\' || (length == 1 && char(point) == quote))
      snprintf(escape, sizeof escape, "\\%c", char(point));
    else if (length == 0 || isUnprintable(point))
      snprintf(escape, sizeof escape,
               point < 0x100     ? "\\x%02x"
               : point < 0x10000 ? "\\u%04x"
                                 : "\\U%08x",
               point);
    length = std::max<size_t>(length, 1);
    if (escape[0])
      out.appendLike(escape, text, i);
    else
      out.append(text, i, i + length);
  }
  out.appendTrusted({&quote, 1});
}

static void appendRepr(const Value &value, MarkedText &out) {
  if (value.isString())
    appendQuoted(value.text(), out);
  else if (value.isUndefined())
    out.appendTrusted("Undefined");
  else
    appendText(value, out);
}

void gemcut::text::appendText(const Value &value, MarkedText &out) {
  switch (value.kind()) {
  case Value::Kind::Undefined:
    return;
  case Value::Kind::None:
    return out.appendTrusted("None");
  case Value::Kind::Boolean:
    return out.appendTrusted(value.integerValue() ? "True" : "False");
  case Value::Kind::Integer:
    return out.appendTrusted(std::to_string(value.integerValue()));
  case Value::Kind::Real:
    return out.appendTrusted(formatReal(value.realValue()));
  case Value::Kind::String:
  case Value::Kind::BigInteger:
    return out.append(value.text());
  case Value::Kind::List: {
    out.appendTrusted(value.isTuple() ? "(" : "[");
    for (size_t i = 0; i < value.items().size(); ++i) {
      if (i > 0)
        out.appendTrusted(", ");
      appendRepr(value.items()[i], out);
    }
    if (value.isTuple())
      out.appendTrusted(value.items().size() == 1 ? ",)" : ")");
    else
      out.appendTrusted("]");
    return;
  }
  case Value::Kind::Map: {
    out.appendTrusted("{");
    bool isFirst = true;
    for (const Value::Entry &entry : value.entries()) {
      if (!isFirst)
        out.appendTrusted(", ");
      isFirst = false;
      appendQuoted(entry.key, out);
      out.appendTrusted(": ");
      appendRepr(entry.value, out);
    }
    return out.appendTrusted("}");
  }
  case Value::Kind::Macro:
    return out.appendTrusted("<macro>");
  case Value::Kind::Method:
    return out.appendTrusted("<method>");
  case Value::Kind::Namespace:
    return out.appendTrusted("<Namespace>");
  case Value::Kind::Loop:
    return out.appendTrusted("<LoopContext>");
  }
}

MarkedText gemcut::text::toText(const Value &value) {
  MarkedText out;
  appendText(value, out);
  return out;
}

size_t gemcut::text::characterLength(std::string_view text, size_t at) {
  uint32_t point;
  size_t length = decodeUtf8(text.data() + at, text.size() - at, point);
  return length ? length : 1;
}

size_t gemcut::text::countCharacters(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); i += characterLength(text, i))
    ++count;
  return count;
}

size_t gemcut::text::findCharacter(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index)
    at += characterLength(text, at);
  return at;
}

bool gemcut::text::isSpace(uint32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) ||
         c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Length of the character that ends at `end`.
static size_t lastLength(std::string_view text, size_t end) {
  for (size_t length = 1; length <= 4 && length <= end; ++length)
    if (characterLength(text.substr(0, end), end - length) == length)
      if (length > 1 || (static_cast<uint8_t>(text[end - 1]) & 0xC0) != 0x80)
        return length;
  return 1;
}

static bool isStripped(std::string_view character,
                       const std::string_view *characters) {
  uint32_t point;
  if (decodeUtf8(character.data(), character.size(), point) != character.size())
    return false;
  if (!characters)
    return isSpace(point);
  for (size_t i = 0, length; i < characters->size(); i += length) {
    length = characterLength(*characters, i);
    if (characters->substr(i, length) == character)
      return true;
  }
  return false;
}

static Span findKept(std::string_view text, bool left, bool right,
                     const std::string_view *characters) {
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    size_t length = characterLength(text, begin);
    if (!isStripped(text.substr(begin, length), characters))
      break;
    begin += length;
  }
  while (right && begin < end) {
    size_t length = lastLength(text, end);
    if (!isStripped(text.substr(end - length, length), characters))
      break;
    end -= length;
  }
  return {begin, end};
}

MarkedText gemcut::text::strip(const MarkedText &text, bool left, bool right,
                               const std::string_view *characters) {
  Span kept = findKept(text.bytes, left, right, characters);
  return text.slice(kept.begin, kept.end);
}

std::string_view gemcut::text::trim(std::string_view text) {
  Span kept = findKept(text, true, true, nullptr);
  return text.substr(kept.begin, kept.end - kept.begin);
}

MarkedText gemcut::text::replaceAll(const MarkedText &text,
                                    const MarkedText &from,
                                    const MarkedText &to, int64_t count) {
  MarkedText out;
  size_t done = 0;
  std::string_view bytes = text.bytes;
  if (from.size() == 0) {
    // Between all characters, and at both ends.
    for (; count != 0 && done <= bytes.size(); --count) {
      out.append(to);
      if (done == bytes.size())
        return out;
      size_t length = characterLength(bytes, done);
      out.append(text, done, done + length);
      done += length;
    }
    out.append(text, done, text.size());
    return out;
  }
  for (; count != 0; --count) {
    size_t at = bytes.find(from.bytes, done);
    if (at == std::string_view::npos)
      break;
    out.append(text, done, at);
    out.append(to);
    done = at + from.size();
  }
  out.append(text, done, text.size());
  return out;
}

static std::vector<Value> splitAtSpace(const MarkedText &text, int64_t most,
                                       bool fromRight) {
  std::vector<Value> parts;
  Span rest = findKept(text.bytes, true, true, nullptr);
  std::string_view bytes = text.bytes;
  auto spaceAt = [&](size_t at) {
    uint32_t point;
    return decodeUtf8(bytes.data() + at, bytes.size() - at, point) > 0 &&
           isSpace(point);
  };
  while (rest.begin < rest.end) {
    Span word = rest;
    if (most >= 0 && parts.size() == size_t(most)) {
      rest.begin = rest.end;
    } else if (!fromRight) {
      size_t end = rest.begin;
      while (end < rest.end && !spaceAt(end))
        end += characterLength(bytes, end);
      word.end = end;
      while (end < rest.end && spaceAt(end))
        end += characterLength(bytes, end);
      rest.begin = end;
    } else {
      auto previous = [&](size_t at) { return at - lastLength(bytes, at); };
      size_t begin = rest.end;
      while (begin > rest.begin && !spaceAt(previous(begin)))
        begin = previous(begin);
      word.begin = begin;
      while (begin > rest.begin && spaceAt(previous(begin)))
        begin = previous(begin);
      rest.end = begin;
    }
    parts.push_back(Value::string(text.slice(word.begin, word.end)));
  }
  if (fromRight)
    std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Value> gemcut::text::split(const MarkedText &text,
                                       const std::string_view *separator,
                                       int64_t most, bool fromRight) {
  if (!separator)
    return splitAtSpace(text, most, fromRight);
  std::vector<Value> parts;
  std::string_view bytes = text.bytes;
  size_t begin = 0, end = bytes.size();
  while (most < 0 || parts.size() < size_t(most)) {
    size_t at = fromRight ? bytes.substr(0, end).rfind(*separator)
                          : bytes.find(*separator, begin);
    if (at == std::string_view::npos)
      break;
    if (fromRight) {
      parts.push_back(Value::string(text.slice(at + separator->size(), end)));
      end = at;
    } else {
      parts.push_back(Value::string(text.slice(begin, at)));
      begin = at + separator->size();
    }
  }
  parts.push_back(Value::string(text.slice(begin, end)));
  if (fromRight)
    std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Value> gemcut::text::splitLines(const MarkedText &text) {
  std::vector<Value> lines;
  size_t begin = 0;
  for (size_t i = 0, length; i < text.size(); i += length) {
    uint32_t point = 0;
    length = decodeUtf8(text.bytes.data() + i, text.size() - i, point);
    length = std::max<size_t>(length, 1);
    bool isEnd = (point >= 0x0A && point <= 0x0D) ||
                 (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
                 point == 0x2028 || point == 0x2029;
    if (!isEnd)
      continue;
    lines.push_back(Value::string(text.slice(begin, i)));
    if (point == '\r' && i + 1 < text.size() && text.bytes[i + 1] == '\n')
      ++length;
    begin = i + length;
  }
  if (begin < text.size())
    lines.push_back(Value::string(text.slice(begin, text.size())));
  return lines;
}
