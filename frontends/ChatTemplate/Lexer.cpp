//===- Lexer.cpp - Tokens of a Jinja template -----------------------------===//

#include "frontends/ChatTemplate/Lexer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/ConvertUTF.h"

#include <algorithm>

using namespace gemcut::chat;
using llvm::Error;
using llvm::StringRef;

Error gemcut::chat::makeError(StringRef file, Place place,
                              const llvm::Twine &message) {
  return llvm::createStringError(file + ":" + llvm::Twine(place.line) + ":" +
                                 llvm::Twine(place.column) + ": " + message);
}

namespace {

constexpr StringRef kSpace = " \t\n\v\f\r";

class Lexer {
public:
  Lexer(std::string source, StringRef file)
      : source(std::move(source)), text(this->source), file(file) {}

  Error run();
  std::vector<Token> tokens;

private:
  Error fail(size_t where, const llvm::Twine &message) const {
    return makeError(file, placeOf(where), message);
  }
  Place placeOf(size_t where) const;
  Token &push(Token::Kind kind, size_t where, StringRef spelling = {}) {
    tokens.push_back({kind, spelling.str(), placeOf(where)});
    return tokens.back();
  }

  void pushData(size_t begin, size_t end, size_t tag);
  void skipAfter(char modifier, bool isBlock);
  Error comment(size_t tag);
  Error raw(size_t tag, size_t bodyBegin, char modifier);
  bool isRaw(size_t tag, size_t &bodyBegin, char &modifier) const;
  Error inside(size_t tag, StringRef close);
  Error expressionToken();
  Error string();
  Error appendEscape(std::string &out);
  void number();

  std::string source;
  StringRef text, file;
  size_t at = 0;
  std::vector<size_t> lineStarts;
  bool isAtLineStart = true; ///< behind a line end, or at the file's start
};

Place Lexer::placeOf(size_t where) const {
  auto next = std::upper_bound(lineStarts.begin(), lineStarts.end(), where);
  unsigned line = unsigned(next - lineStarts.begin());
  return {line, unsigned(where - *(next - 1)) + 1};
}

/// Data before the tag at `tag`, less what the tag strips.
void Lexer::pushData(size_t begin, size_t end, size_t tag) {
  StringRef data = text.slice(begin, end);
  if (tag < text.size()) {
    char modifier = tag + 2 < text.size() ? text[tag + 2] : 0;
    if (modifier == '-') {
      data = data.rtrim(kSpace);
    } else if (modifier != '+' && text[tag + 1] != '{') {
      size_t line = data.rfind('\n');
      bool startsLine = line != StringRef::npos || isAtLineStart;
      line = line == StringRef::npos ? 0 : line + 1;
      if (startsLine && data.substr(line).trim(kSpace).empty())
        data = data.take_front(line);
    }
  }
  if (!data.empty())
    push(Token::Data, begin, data);
}

/// Skips what the end of a tag, in front of `at`, strips behind it.
void Lexer::skipAfter(char modifier, bool isBlock) {
  isAtLineStart = false;
  if (modifier == '-') {
    size_t next = text.find_first_not_of(kSpace, at);
    size_t end = next == StringRef::npos ? text.size() : next;
    isAtLineStart = end > at && text[end - 1] == '\n';
    at = end;
  } else if (isBlock && modifier != '+' && at < text.size() &&
             text[at] == '\n') {
    ++at;
    isAtLineStart = true;
  }
}

Error Lexer::comment(size_t tag) {
  size_t close = text.find("#}", tag + 2);
  if (close == StringRef::npos)
    return fail(tag, "the comment does not end with '#}'");
  at = close + 2;
  skipAfter(close > tag + 2 ? text[close - 1] : 0, /*isBlock=*/true);
  return Error::success();
}

/// Matches "{% raw %}" at `tag`.
bool Lexer::isRaw(size_t tag, size_t &bodyBegin, char &modifier) const {
  size_t i = tag + 2;
  if (i < text.size() && (text[i] == '-' || text[i] == '+'))
    ++i;
  i = text.find_first_not_of(kSpace, i);
  if (i == StringRef::npos || !text.substr(i).starts_with("raw"))
    return false;
  i = text.find_first_not_of(kSpace, i + 3);
  if (i == StringRef::npos)
    return false;
  modifier = text[i] == '-' || text[i] == '+' ? text[i] : 0;
  i += modifier != 0;
  bodyBegin = i + 2;
  return text.substr(i).starts_with("%}");
}

Error Lexer::raw(size_t tag, size_t bodyBegin, char modifier) {
  at = bodyBegin;
  skipAfter(modifier, /*isBlock=*/true);
  size_t begin = at;
  for (size_t i = begin; (i = text.find("{%", i)) != StringRef::npos; ++i) {
    size_t word = i + 2;
    if (word < text.size() && (text[word] == '-' || text[word] == '+'))
      ++word;
    word = text.find_first_not_of(kSpace, word);
    if (word == StringRef::npos || !text.substr(word).starts_with("endraw"))
      continue;
    size_t close = text.find_first_not_of(kSpace, word + 6);
    if (close == StringRef::npos)
      continue;
    char after = text[close] == '-' || text[close] == '+' ? text[close] : 0;
    close += after != 0;
    if (!text.substr(close).starts_with("%}"))
      continue;
    pushData(begin, i, i);
    at = close + 2;
    skipAfter(after, /*isBlock=*/true);
    return Error::success();
  }
  return fail(tag, "the raw block does not end with '{% endraw %}'");
}

Error Lexer::appendEscape(std::string &out) {
  size_t start = at++;
  if (at == text.size())
    return Error::success(); // the string does not end
  char c = text[at++];
  static constexpr StringRef kNames = "\\'\"abfnrtv";
  static constexpr char kBytes[] = "\\'\"\a\b\f\n\r\t\v";
  if (size_t known = kNames.find(c); c && known != StringRef::npos) {
    out += kBytes[known];
    return Error::success();
  }
  if (c == '\n')
    return Error::success();
  size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits) {
    uint32_t point;
    StringRef hex = text.substr(at, digits);
    llvm::SmallString<4> bytes;
    bytes.resize(4);
    char *end = bytes.data();
    if (hex.size() != digits || !llvm::all_of(hex, llvm::isHexDigit) ||
        hex.getAsInteger(16, point) || point > 0x10FFFF ||
        !llvm::ConvertCodePointToUTF8(point, end))
      return fail(start, "the escape needs " + llvm::Twine(digits) +
                             " hexadecimal digits of a character");
    out.append(bytes.data(), end);
    at += digits;
    return Error::success();
  }
  if (c >= '0' && c <= '7')
    return fail(start, "octal escapes are not supported; use \\x");
  // Python keeps the backslash of escapes that it does not know.
  out += '\\';
  --at;
  return Error::success();
}

Error Lexer::string() {
  size_t start = at;
  char quote = text[at++];
  std::string value;
  while (at < text.size() && text[at] != quote) {
    if (text[at] == '\\') {
      if (Error error = appendEscape(value))
        return error;
    } else {
      value += text[at++];
    }
  }
  if (at == text.size())
    return fail(start, "the string does not end");
  ++at;
  push(Token::String, start, value);
  return Error::success();
}

void Lexer::number() {
  size_t start = at;
  auto digits = [&] {
    while (at < text.size() && (llvm::isDigit(text[at]) || text[at] == '_'))
      ++at;
  };
  digits();
  bool isReal = false;
  if (at + 1 < text.size() && text[at] == '.' && llvm::isDigit(text[at + 1])) {
    isReal = true;
    ++at;
    digits();
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    size_t next = at + 1;
    if (next < text.size() && (text[next] == '+' || text[next] == '-'))
      ++next;
    if (next < text.size() && llvm::isDigit(text[next])) {
      isReal = true;
      at = next;
      digits();
    }
  }
  std::string spelling = text.slice(start, at).str();
  llvm::erase(spelling, '_');
  push(isReal ? Token::Real : Token::Integer, start, spelling);
}

Error Lexer::expressionToken() {
  char c = text[at];
  if (c == '\'' || c == '"')
    return string();
  if (llvm::isDigit(c)) {
    number();
    return Error::success();
  }
  if (llvm::isAlpha(c) || c == '_') {
    size_t start = at;
    while (at < text.size() && (llvm::isAlnum(text[at]) || text[at] == '_'))
      ++at;
    push(Token::Name, start, text.slice(start, at));
    return Error::success();
  }
  for (StringRef spelling : {"**", "//", "==", "!=", "<=", ">="})
    if (text.substr(at).starts_with(spelling)) {
      push(Token::Operator, at, spelling);
      at += 2;
      return Error::success();
    }
  if (StringRef("+-*/%~<>=.,:|()[]{}").contains(c)) {
    push(Token::Operator, at, text.substr(at, 1));
    ++at;
    return Error::success();
  }
  return fail(at, "a character that no expression has");
}

/// The tokens of the tag at `tag`, whose end is `close`.
Error Lexer::inside(size_t tag, StringRef close) {
  bool isBlock = close == "%}";
  push(isBlock ? Token::BlockBegin : Token::VariableBegin, tag);
  at = tag + 2;
  if (at < text.size() && (text[at] == '-' || text[at] == '+'))
    ++at;
  std::string open; // brackets
  while (true) {
    at = text.find_first_not_of(kSpace, at);
    if (at == StringRef::npos)
      return fail(tag, "the tag does not end with '" + close + "'");
    StringRef rest = text.substr(at);
    char modifier = rest[0] == '-' || (isBlock && rest[0] == '+') ? rest[0] : 0;
    if (open.empty() && rest.substr(modifier != 0).starts_with(close)) {
      push(isBlock ? Token::BlockEnd : Token::VariableEnd, at);
      at += 2 + (modifier != 0);
      skipAfter(modifier, isBlock);
      return Error::success();
    }
    char c = rest[0];
    if (size_t kind = StringRef("([{").find(c); kind != StringRef::npos)
      open += ")]}"[kind];
    else if (StringRef(")]}").contains(c)) {
      if (open.empty() || open.back() != c)
        return fail(at, "'" + llvm::Twine(c) + "' closes nothing here");
      open.pop_back();
    }
    if (Error error = expressionToken())
      return error;
  }
}

Error Lexer::run() {
  lineStarts.push_back(0);
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n')
      lineStarts.push_back(i + 1);
  while (at < text.size()) {
    size_t tag = at;
    while ((tag = text.find('{', tag)) != StringRef::npos &&
           !(tag + 1 < text.size() && StringRef("%{#").contains(text[tag + 1])))
      ++tag;
    pushData(at, std::min(tag, text.size()), tag);
    if (tag == StringRef::npos)
      break;
    size_t bodyBegin;
    char modifier;
    Error error = text[tag + 1] == '#'   ? comment(tag)
                  : text[tag + 1] == '{' ? inside(tag, "}}")
                  : isRaw(tag, bodyBegin, modifier)
                      ? raw(tag, bodyBegin, modifier)
                      : inside(tag, "%}");
    if (error)
      return error;
  }
  push(Token::End, text.size());
  return Error::success();
}

} // namespace

llvm::Expected<std::vector<Token>> gemcut::chat::tokenize(StringRef source,
                                                          StringRef file) {
  std::string normal;
  for (size_t i = 0; i < source.size(); ++i) {
    bool isReturn = source[i] == '\r';
    normal += isReturn ? '\n' : source[i];
    if (isReturn && i + 1 < source.size() && source[i + 1] == '\n')
      ++i;
  }
  if (!normal.empty() && normal.back() == '\n')
    normal.pop_back();
  Lexer lexer(std::move(normal), file);
  if (Error error = lexer.run())
    return std::move(error);
  return std::move(lexer.tokens);
}
