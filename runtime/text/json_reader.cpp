//===- json_reader.cpp - Values from JSON ---------------------------------===//

#include "runtime/text/json_reader.h"
#include "runtime/text/utf8.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace gemcut::text;

namespace {

constexpr int kMaxJsonDepth = 100;

class JsonReader {
public:
  explicit JsonReader(std::string_view text) : text(text) {}

  bool read(Value &out) {
    if (!value(out, 0))
      return false;
    skipSpace();
    return at == text.size() || fail("something stands behind the value");
  }

  std::string describeError() const {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < text.size(); ++i) {
      ++column;
      if (text[i] == '\n')
        ++line, column = 1;
    }
    return "JSON, line " + std::to_string(line) + ", column " +
           std::to_string(column) + ": " + message;
  }

private:
  bool fail(const char *what) {
    message = what;
    return false;
  }

  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' ||
                                text[at] == '\t' || text[at] == '\r'))
      ++at;
  }

  bool take(char c) {
    if (at >= text.size() || text[at] != c)
      return false;
    ++at;
    return true;
  }

  bool takeWord(std::string_view word) {
    if (text.substr(at, word.size()) != word)
      return false;
    at += word.size();
    return true;
  }

  bool value(Value &out, int depth) {
    skipSpace();
    if (at == text.size())
      return fail("the text ends where a value is expected");
    switch (text[at]) {
    case '{':
      return object(out, depth + 1);
    case '[':
      return array(out, depth + 1);
    case '"': {
      std::string bytes;
      if (!string(bytes))
        return false;
      out = Value::untrusted(bytes);
      return true;
    }
    case 't':
      out = Value::boolean(true);
      return takeWord("true") || fail("expected a value");
    case 'f':
      out = Value::boolean(false);
      return takeWord("false") || fail("expected a value");
    case 'n':
      out = Value::none();
      return takeWord("null") || fail("expected a value");
    default:
      return number(out);
    }
  }

  bool object(Value &out, int depth) {
    if (depth > kMaxJsonDepth)
      return fail("more than 100 values lie inside each other");
    ++at;
    std::vector<Value::Entry> entries;
    skipSpace();
    if (!take('}')) {
      do {
        skipSpace();
        std::string key;
        if (at == text.size() || text[at] != '"')
          return fail("expected a key in quotes");
        if (!string(key))
          return false;
        skipSpace();
        if (!take(':'))
          return fail("expected ':' behind a key");
        entries.emplace_back();
        entries.back().key = MarkedText::untrustedAll(key);
        if (!value(entries.back().value, depth))
          return false;
        skipSpace();
      } while (take(','));
      if (!take('}'))
        return fail("expected ',' or '}'");
    }
    out = Value::map(std::move(entries));
    return true;
  }

  bool array(Value &out, int depth) {
    if (depth > kMaxJsonDepth)
      return fail("more than 100 values lie inside each other");
    ++at;
    std::vector<Value> items;
    skipSpace();
    if (!take(']')) {
      do {
        items.emplace_back();
        if (!value(items.back(), depth))
          return false;
        skipSpace();
      } while (take(','));
      if (!take(']'))
        return fail("expected ',' or ']'");
    }
    out = Value::list(std::move(items));
    return true;
  }

  bool string(std::string &out) {
    for (++at; at < text.size();) {
      char c = text[at];
      if (c == '"') {
        ++at;
        return true;
      }
      if (static_cast<uint8_t>(c) < 0x20)
        return fail("a control character must be escaped");
      if (c == '\\') {
        if (!escape(out))
          return false;
        continue;
      }
      uint32_t point;
      size_t length = decodeUtf8(text.data() + at, text.size() - at, point);
      if (length == 0)
        return fail("a byte is not UTF-8");
      out.append(text.substr(at, length));
      at += length;
    }
    return fail("a string does not end");
  }

  bool hex(uint32_t &out) {
    if (text.size() - at < 4)
      return fail("\\u needs four hexadecimal digits");
    out = 0;
    for (size_t end = at + 4; at < end; ++at) {
      char c = text[at];
      int digit = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
      if (digit < 0)
        return fail("\\u needs four hexadecimal digits");
      out = out * 16 + uint32_t(digit);
    }
    return true;
  }

  bool escape(std::string &out) {
    ++at;
    static constexpr char kNames[] = "\"\\/bfnrt";
    static constexpr char kBytes[] = "\"\\/\b\f\n\r\t";
    char c = at < text.size() ? text[at] : 0;
    if (const char *found = c ? strchr(kNames, c) : nullptr) {
      out += kBytes[found - kNames];
      ++at;
      return true;
    }
    if (c != 'u')
      return fail("an escape that JSON does not have");
    ++at;
    uint32_t point;
    if (!hex(point))
      return false;
    if (point >= 0xD800 && point < 0xDC00) {
      uint32_t low;
      if (!takeWord("\\u"))
        return fail("half of a surrogate pair");
      if (!hex(low))
        return false;
      if (low < 0xDC00 || low > 0xDFFF)
        return fail("half of a surrogate pair");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    } else if (point >= 0xDC00 && point < 0xE000) {
      return fail("half of a surrogate pair");
    }
    appendUtf8(point, out);
    return true;
  }

  bool isDigit() const {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
  }

  bool digits() {
    if (!isDigit())
      return fail("expected a value");
    while (isDigit())
      ++at;
    return true;
  }

  bool number(Value &out) {
    size_t start = at;
    take('-');
    if (take('0')) {
      if (isDigit())
        return fail("a number begins with 0");
    } else if (!digits()) {
      return false;
    }
    bool isReal = false;
    if (take('.')) {
      isReal = true;
      if (!digits())
        return false;
    }
    if (take('e') || take('E')) {
      isReal = true;
      if (!take('+'))
        take('-');
      if (!digits())
        return false;
    }
    std::string spelling(text.substr(start, at - start));
    if (isReal) {
      double real = strtod(spelling.c_str(), nullptr);
      if (!std::isfinite(real))
        return fail("a number is too large");
      out = Value::real(real);
      return true;
    }
    errno = 0;
    int64_t integer = strtoll(spelling.c_str(), nullptr, 10);
    if (errno == ERANGE)
      out =
          Value::string(MarkedText::trusted(spelling), Value::Kind::BigInteger);
    else
      out = Value::integer(integer);
    return true;
  }

  std::string_view text;
  size_t at = 0;
  const char *message = "";
};

} // namespace

gemcut_status gemcut::text::parseJson(std::string_view json, Value *out,
                                      std::string *error) {
  JsonReader reader(json);
  if (reader.read(*out))
    return GEMCUT_OK;
  *error = reader.describeError();
  return GEMCUT_INVALID_ARGUMENT;
}
