//===- regex_parser.cpp - The tree of a regular expression ----------------===//

#include "runtime/constrain/regex_parser.h"

#include "runtime/text/utf8.h"

using namespace gemcut::constrain;
using namespace gemcut;

static constexpr int kMostDepth = 100;
static constexpr uint32_t kMostCount = 1 << 16;

static CodePoints makeDigits() { return CodePoints('0', '9'); }

static CodePoints makeWord() {
  CodePoints set('0', '9');
  set.add('A', 'Z');
  set.add('a', 'z');
  set.add('_', '_');
  return set;
}

/// WhiteSpace and LineTerminator of ECMA-262.
static CodePoints makeSpace() {
  CodePoints set(0x09, 0x0D);
  for (uint32_t point :
       {0x20, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF})
    set.add(point, point);
  set.add(0x2000, 0x200A);
  return set;
}

static CodePoints makeLineEnds() {
  CodePoints set('\n', '\n');
  set.add('\r', '\r');
  set.add(0x2028, 0x2029);
  return set;
}

bool RegexParser::fail(const std::string &what, size_t where) {
  if (error.empty())
    error = what + " at byte " + std::to_string(where);
  return false;
}

bool RegexParser::consume(std::string_view text) {
  if (pattern.substr(at, text.size()) != text)
    return false;
  at += text.size();
  return true;
}

bool RegexParser::parse(RegexNode &out) {
  if (!parseLookaheads() || !parseEither(out))
    return false;
  if (!isAtEnd())
    return fail("')' without '('", at);
  if (lookaheads.empty())
    return true;
  if (out.kind == RegexNode::Either)
    return fail("look-around in front of alternatives is not supported, found",
                1);
  RegexNode begin;
  begin.kind = RegexNode::Begin;
  out.children.insert(out.children.begin(), std::move(begin));
  return true;
}

bool RegexParser::parseLookaheads() {
  if (pattern.substr(0, 4) != "^(?=" && pattern.substr(0, 4) != "^(?!")
    return true;
  at = 1;
  for (;;) {
    size_t begin = at;
    bool isNegative = consume("(?!");
    if (!isNegative && !consume("(?="))
      return true;
    RegexNode tree;
    if (!parseEither(tree))
      return false;
    if (!consume(")"))
      return fail("'(' without ')'", begin);
    lookaheads.push_back({isNegative, std::move(tree)});
  }
}

bool RegexParser::parseEither(RegexNode &out) {
  if (++depth > kMostDepth)
    return fail("groups nested deeper than 100", at);
  RegexNode first;
  if (!parseConcat(first))
    return false;
  if (isAtEnd() || pattern[at] != '|') {
    out = std::move(first);
  } else {
    out.kind = RegexNode::Either;
    out.children.push_back(std::move(first));
    while (consume("|")) {
      RegexNode next;
      if (!parseConcat(next))
        return false;
      out.children.push_back(std::move(next));
    }
  }
  --depth;
  return true;
}

bool RegexParser::parseConcat(RegexNode &out) {
  while (!isAtEnd() && pattern[at] != '|' && pattern[at] != ')') {
    RegexNode atom;
    if (!parseAtom(atom) || !parseQuantifier(atom))
      return false;
    out.children.push_back(std::move(atom));
  }
  return true;
}

bool RegexParser::parseCodePoint(uint32_t &value) {
  size_t length =
      text::decodeUtf8(pattern.data() + at, pattern.size() - at, value);
  if (length == 0)
    return fail("bytes that are not UTF-8", at);
  at += length;
  return true;
}

bool RegexParser::parseGroup(RegexNode &out) {
  size_t begin = at - 1;
  if (consume("?")) {
    if (consume("=") || consume("!") || consume("<=") || consume("<!"))
      return fail("look-around is supported behind the first '^' only, and "
                  "only ahead; found it",
                  begin);
    if (consume("<") || consume("P<")) {
      while (!isAtEnd() && pattern[at] != '>')
        ++at;
      if (!consume(">"))
        return fail("a group's name without '>'", begin);
    } else if (!consume(":")) {
      return fail("a group of an unknown kind", begin);
    }
  }
  if (!parseEither(out))
    return false;
  return consume(")") || fail("'(' without ')'", begin);
}

bool RegexParser::parseAtom(RegexNode &out) {
  size_t begin = at;
  char c = pattern[at];
  switch (c) {
  case '(':
    ++at;
    return parseGroup(out);
  case '^':
  case '$':
    ++at;
    out.kind = c == '^' ? RegexNode::Begin : RegexNode::End;
    return true;
  case '*':
  case '+':
  case '?':
    return fail("nothing to repeat", begin);
  case '{':
  case '}':
  case ']':
    return fail(std::string("'") + c + "' without a backslash", begin);
  }
  out.kind = RegexNode::Set;
  ++at;
  if (c == '.') {
    out.set = makeLineEnds().complement();
    return true;
  }
  if (c == '[')
    return parseClass(out.set);
  bool isClass;
  if (c == '\\')
    return parseEscape(out.set, isClass);
  --at;
  uint32_t point;
  if (!parseCodePoint(point))
    return false;
  out.set = CodePoints(point, point);
  return true;
}

bool RegexParser::parseCount(uint32_t &value) {
  size_t begin = at;
  value = 0;
  while (!isAtEnd() && pattern[at] >= '0' && pattern[at] <= '9') {
    value = value * 10 + uint32_t(pattern[at++] - '0');
    if (value > kMostCount)
      return fail("a count above 65536", begin);
  }
  return at > begin || fail("a count without digits", begin);
}

bool RegexParser::parseQuantifier(RegexNode &atom) {
  size_t begin = at;
  uint32_t least = 0, most = UINT32_MAX;
  if (consume("*")) {
  } else if (consume("+")) {
    least = 1;
  } else if (consume("?")) {
    most = 1;
  } else if (consume("{")) {
    if (!parseCount(least))
      return false;
    most = least;
    if (consume(",")) {
      most = UINT32_MAX;
      if (!isAtEnd() && pattern[at] != '}' && !parseCount(most))
        return false;
    }
    if (!consume("}"))
      return fail("'{' without '}'", begin);
    if (most < least)
      return fail("counts in the wrong order", begin);
  } else {
    return true;
  }
  if (atom.kind == RegexNode::Begin || atom.kind == RegexNode::End)
    return fail("an anchor cannot be repeated, found", begin);
  consume("?"); // lazy
  if (!isAtEnd() && (pattern[at] == '*' || pattern[at] == '+' ||
                     pattern[at] == '?' || pattern[at] == '{'))
    return fail("a repetition of a repetition", at);
  RegexNode repeat;
  repeat.kind = RegexNode::Repeat;
  repeat.least = least;
  repeat.most = most;
  repeat.children.push_back(std::move(atom));
  atom = std::move(repeat);
  return true;
}

bool RegexParser::parseHex(size_t digits, uint32_t &value) {
  value = 0;
  for (size_t i = 0; i < digits; ++i, ++at) {
    char c = isAtEnd() ? 0 : pattern[at];
    uint32_t digit = c >= '0' && c <= '9'   ? uint32_t(c - '0')
                     : c >= 'a' && c <= 'f' ? uint32_t(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? uint32_t(c - 'A' + 10)
                                            : 16;
    if (digit == 16)
      return fail("a hexadecimal digit is missing", at);
    value = value * 16 + digit;
  }
  return true;
}

bool RegexParser::parseEscape(CodePoints &out, bool &isClass) {
  size_t begin = at - 1;
  isClass = false;
  if (isAtEnd())
    return fail("a backslash without a character", begin);
  char c = pattern[at++];
  auto one = [&](uint32_t point) {
    if (CodePoints(point, point).isEmpty())
      return fail("half of a surrogate pair (write the character as \\u{...})",
                  begin);
    out = CodePoints(point, point);
    return true;
  };
  switch (c) {
  case 'd':
  case 'D':
  case 'w':
  case 'W':
  case 's':
  case 'S':
    isClass = true;
    out = c == 'd' || c == 'D'   ? makeDigits()
          : c == 'w' || c == 'W' ? makeWord()
                                 : makeSpace();
    if (c < 'a')
      out = out.complement();
    return true;
  case 't':
    return one('\t');
  case 'n':
    return one('\n');
  case 'r':
    return one('\r');
  case 'f':
    return one('\f');
  case 'v':
    return one('\v');
  case 'b':
  case 'B':
    return fail("word boundaries are not supported, found", begin);
  case 'p':
  case 'P':
    return fail("classes of Unicode properties are not supported, found",
                begin);
  }
  uint32_t value = 0;
  if (c == 'x')
    return parseHex(2, value) && one(value);
  if (c == 'u') {
    if (!consume("{"))
      return parseHex(4, value) && one(value);
    size_t end = pattern.find('}', at);
    if (end == std::string_view::npos || end - at > 6)
      return fail("'\\u{' without one to six digits and '}'", begin);
    return parseHex(end - at, value) && consume("}") && one(value);
  }
  if (c >= '0' && c <= '9') {
    if (c == '0' && (isAtEnd() || pattern[at] < '0' || pattern[at] > '9'))
      return one(0);
    return fail("back references are not supported, found", begin);
  }
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c & 0x80)
    return fail("an escape of an unknown kind", begin);
  return one(uint8_t(c));
}

bool RegexParser::parseClass(CodePoints &out) {
  size_t begin = at - 1;
  bool isNegated = consume("^");
  auto parseOne = [&](CodePoints &set, bool &isClass) {
    isClass = false;
    if (isAtEnd())
      return fail("'[' without ']'", begin);
    if (consume("\\")) {
      if (consume("b")) { // inside a class, the backspace character
        set = CodePoints('\b', '\b');
        return true;
      }
      return parseEscape(set, isClass);
    }
    uint32_t point;
    if (!parseCodePoint(point))
      return false;
    set = CodePoints(point, point);
    return true;
  };
  while (!consume("]")) {
    size_t from = at;
    CodePoints first, last;
    bool isClass, isLastClass;
    if (!parseOne(first, isClass))
      return false;
    if (isAtEnd() || pattern[at] != '-' || pattern.substr(at, 2) == "-]") {
      out.add(first);
      continue;
    }
    ++at;
    if (!parseOne(last, isLastClass))
      return false;
    if (isClass || isLastClass)
      return fail("a range with a class at its end", from);
    uint32_t low = first.getRanges()[0].first, high = last.getRanges()[0].first;
    if (low > high)
      return fail("a range in the wrong order", from);
    out.add(low, high);
  }
  if (isNegated)
    out = out.complement();
  return true;
}
