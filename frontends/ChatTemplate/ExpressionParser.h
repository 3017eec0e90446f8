//===- ExpressionParser.h - Jinja expressions -------------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONPARSER_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONPARSER_H

#include "frontends/ChatTemplate/Ast.h"

namespace gemcut::chat {

/// Recursive descent over tokens, with Jinja's precedences (lowest first):
/// if-else, or, and, not, comparisons and in, + -, ~, * / // %, **, signs,
/// then attributes, items, calls, filters and tests from left to right. After
/// the first error nothing more is read: functions then return null.
class ExpressionParser {
public:
  ExpressionParser(std::vector<Token> tokens, llvm::StringRef file)
      : tokens(std::move(tokens)), file(file) {}

  llvm::Error takeError() { return std::move(error); }

protected:
  /// With `withCondition`, `a if b else c` is one expression.
  ExpressionPtr expression(bool withCondition = true);
  /// `a, b` is a tuple.
  ExpressionPtr tuple(bool withCondition = true);
  /// Filters behind `value`, which may be null.
  ExpressionPtr filters(ExpressionPtr value);
  ExpressionPtr filter(ExpressionPtr value);

  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  Token next() { return at + 1 < tokens.size() ? tokens[at++] : tokens[at]; }
  bool take(llvm::StringRef operation);
  bool takeName(llvm::StringRef name);
  bool expect(llvm::StringRef operation);
  /// The text of a name, "" after an error.
  std::string expectName(const char *what);
  ExpressionPtr fail(Place place, const llvm::Twine &message);
  ExpressionPtr unexpected(const llvm::Twine &expected);
  bool hasFailed() const { return failed; }

  /// Counts one more level of nesting while it lives.
  struct Level {
    explicit Level(ExpressionParser &parser);
    ~Level() { --parser.depth; }
    ExpressionParser &parser;
  };

private:
  ExpressionPtr make(Expression::Kind kind, Place place, ExpressionPtr a = {},
                     ExpressionPtr b = {});
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr sign(bool withFilters = true);
  ExpressionPtr primary();
  ExpressionPtr list();
  ExpressionPtr map();
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr value);
  ExpressionPtr filtersAndTests(ExpressionPtr value);
  ExpressionPtr test(ExpressionPtr value);
  std::vector<Argument> arguments();

  std::vector<Token> tokens;
  size_t at = 0;
  unsigned depth = 0;
  bool failed = false;
  llvm::Error error = llvm::Error::success();

protected:
  llvm::StringRef file;
};

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONPARSER_H
