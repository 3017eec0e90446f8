//===- ExpressionParser.h - Jinja expressions -------------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONPARSER_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONPARSER_H

#include "frontends/ChatTemplate/Ast.h"
#include "frontends/ChatTemplate/TokenReader.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace gemcut::chat {

/// Recursive descent over tokens, with Jinja's precedences (lowest first):
/// if-else, or, and, not, comparisons and in, + -, ~, * / // %, **, signs,
/// then attributes, items, calls, filters and tests from left to right. After
/// the first error nothing more is read: functions then return null.
class ExpressionParser : public TokenReader {
public:
  using TokenReader::TokenReader;

protected:
  /// With `withCondition`, `a if b else c` is one expression.
  ExpressionPtr expression(bool withCondition = true);
  /// `a, b` is a tuple.
  ExpressionPtr tuple(bool withCondition = true);
  /// Filters behind `value`, which may be null.
  ExpressionPtr filters(ExpressionPtr value);
  ExpressionPtr filter(ExpressionPtr value);

private:
  ExpressionPtr make(Expression::Kind kind, Place place, ExpressionPtr a = {},
                     ExpressionPtr b = {});
  /// Operands that operators of one precedence join from left to right;
  /// `findOperator` gives the operator that a token is (0 for those that are a
  /// kind of their own), or -1.
  ExpressionPtr leftToRight(ExpressionPtr (ExpressionParser::*operand)(),
                            llvm::function_ref<int(const Token &)> findOperator,
                            Expression::Kind kind = Expression::Binary);
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary();
  ExpressionPtr sign();

  // In OperandParser.cpp.
  ExpressionPtr primary();
  ExpressionPtr list();
  ExpressionPtr map();
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr value);
  ExpressionPtr filtersAndTests(ExpressionPtr value);
  ExpressionPtr test(ExpressionPtr value);
  std::vector<Argument> arguments();
};

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_EXPRESSIONPARSER_H
