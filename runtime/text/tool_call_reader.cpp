//===- tool_call_reader.cpp - Calls as models write them ------------------===//

#include "runtime/text/tool_call_reader.h"
#include "runtime/text/json_reader.h"
#include "runtime/text/json_writer.h"
#include "runtime/text/python_text.h"

using namespace gemcut::text;

namespace {

constexpr int kMaxCallDepth = 64;

class CallReader {
public:
  explicit CallReader(std::string_view text) : text(text) {}

  bool read(std::string &name, std::string &arguments) {
    skipSpace();
    if (text.substr(at, 4) == "call") {
      size_t colon = at + 4;
      while (colon < text.size() && isBlank(text[colon]))
        ++colon;
      if (colon < text.size() && text[colon] == ':')
        at = colon + 1;
    }
    size_t brace = text.find('{', at);
    if (brace == std::string_view::npos)
      return false;
    name = unquote(trim(text.substr(at, brace - at)));
    at = brace;
    return !name.empty() && object(arguments, 1);
  }

private:
  static bool isBlank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
  }

  void skipSpace() {
    while (at < text.size() && isBlank(text[at]))
      ++at;
  }

  bool isAt(char c) const { return at < text.size() && text[at] == c; }

  bool take(char c) {
    skipSpace();
    if (!isAt(c))
      return false;
    ++at;
    return true;
  }

  /// A name or key without quotes of either kind around it.
  static std::string unquote(std::string_view word) {
    if (word.size() >= 2 && word.front() == word.back() &&
        (word.front() == kQuoteMark || word.front() == '"'))
      word = word.substr(1, word.size() - 2);
    return spellQuotes(word);
  }

  /// Reads to the quote that closes the string, or to the end.
  std::string_view quoted() {
    size_t end = text.find(kQuoteMark, ++at);
    std::string_view content = text.substr(at, end - at);
    at = end == std::string_view::npos ? text.size() : end + 1;
    return content;
  }

  /// A string in JSON's syntax becomes `value`; false if it is none.
  bool jsonString(std::string &value) {
    size_t end = at + 1;
    while (end < text.size() && text[end] != '"')
      end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size())
      return false;
    Value parsed;
    std::string error;
    if (parseJson(text.substr(at, end + 1 - at), &parsed, &error))
      return false;
    value = std::string(parsed.bytes());
    at = end + 1;
    return true;
  }

  std::string_view bare(std::string_view ends) {
    size_t end = text.find_first_of(ends, at);
    std::string_view word = text.substr(at, end - at);
    at = end == std::string_view::npos ? text.size() : end;
    return trim(word);
  }

  bool object(std::string &out, int depth) {
    if (depth > kMaxCallDepth)
      return false;
    ++at;
    out += '{';
    bool isFirst = true;
    while (!take('}') && at < text.size()) {
      if (take(','))
        continue;
      std::string key;
      if (isAt(kQuoteMark))
        key = quoted();
      else if (!isAt('"') || !jsonString(key))
        key = bare(":,}");
      if (!isFirst)
        out += ',';
      isFirst = false;
      appendJsonString(key, out);
      out += ':';
      if (!take(':'))
        out += "null";
      else if (!value(out, ",}", depth))
        return false;
    }
    out += '}';
    return true;
  }

  bool array(std::string &out, int depth) {
    if (depth > kMaxCallDepth)
      return false;
    ++at;
    out += '[';
    bool isFirst = true;
    while (!take(']') && at < text.size()) {
      if (take(','))
        continue;
      if (!isFirst)
        out += ',';
      isFirst = false;
      if (!value(out, ",]", depth))
        return false;
    }
    out += ']';
    return true;
  }

  bool value(std::string &out, std::string_view ends, int depth) {
    skipSpace();
    if (isAt('{'))
      return object(out, depth + 1);
    if (isAt('['))
      return array(out, depth + 1);
    std::string string;
    if (isAt(kQuoteMark)) {
      appendJsonString(quoted(), out);
    } else if (isAt('"') && jsonString(string)) {
      appendJsonString(string, out);
    } else {
      appendWord(bare(ends), out);
    }
    return true;
  }

  /// true, false, null and numbers stay what they are; all else is a string.
  static void appendWord(std::string_view word, std::string &out) {
    Value parsed;
    std::string error;
    if (word.empty())
      out += "null";
    else if (word == "True" || word == "False" || word == "None")
      out += word == "True" ? "true" : word == "False" ? "false" : "null";
    else if (parseJson(word, &parsed, &error) == GEMCUT_OK &&
             !parsed.isString() && !parsed.isMap() && !parsed.isList())
      out += word;
    else
      appendJsonString(spellQuotes(word), out);
  }

  std::string_view text;
  size_t at = 0;
};

} // namespace

bool gemcut::text::readToolCall(std::string_view call, std::string &name,
                                std::string &arguments) {
  return CallReader(call).read(name, arguments);
}

std::string gemcut::text::spellQuotes(std::string_view call) {
  std::string out;
  for (char c : call)
    if (c == kQuoteMark)
      out += "<|\"|>";
    else
      out += c;
  return out;
}
