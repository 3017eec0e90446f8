//===- regex_parser.h - The tree of a regular expression --------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_REGEX_PARSER_H
#define GEMCUT_RUNTIME_CONSTRAIN_REGEX_PARSER_H

#include "runtime/constrain/code_points.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gemcut::constrain {

struct RegexNode {
  enum Kind { Set, Concat, Either, Repeat, Begin, End };
  Kind kind = Concat;           // without children: the empty text
  CodePoints set;               // of Set
  uint32_t least = 0, most = 0; // of Repeat; most UINT32_MAX: no bound
  std::vector<RegexNode> children;
};

/// What must, or must not, match at the beginning of a text.
struct Lookahead {
  bool isNegative;
  RegexNode tree;
};

/// Parses a whole pattern; see regex.h.
class RegexParser {
public:
  explicit RegexParser(std::string_view pattern) : pattern(pattern) {}

  [[nodiscard]] bool parse(RegexNode &out);
  /// Those behind the pattern's first '^'.
  std::vector<Lookahead> &getLookaheads() { return lookaheads; }
  const std::string &getError() const { return error; }

private:
  bool parseLookaheads();
  bool parseEither(RegexNode &out);
  bool parseConcat(RegexNode &out);
  bool parseAtom(RegexNode &out);
  bool parseGroup(RegexNode &out);
  bool parseQuantifier(RegexNode &atom);
  bool parseCount(uint32_t &value);
  bool parseClass(CodePoints &out);
  /// An escape behind its backslash. `isClass`: a class such as \d.
  bool parseEscape(CodePoints &out, bool &isClass);
  bool parseHex(size_t digits, uint32_t &value);
  bool parseCodePoint(uint32_t &value);

  bool isAtEnd() const { return at == pattern.size(); }
  bool consume(std::string_view text);
  bool fail(const std::string &what, size_t where);

  std::string_view pattern;
  size_t at = 0;
  int depth = 0;
  std::vector<Lookahead> lookaheads;
  std::string error;
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_REGEX_PARSER_H
