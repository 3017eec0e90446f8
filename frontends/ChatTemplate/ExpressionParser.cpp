//===- ExpressionParser.cpp - Operators of Jinja --------------------------===//

#include "frontends/ChatTemplate/ExpressionParser.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

using namespace gemcut::chat;

ExpressionPtr ExpressionParser::make(Expression::Kind kind, Place place,
                                     ExpressionPtr a, ExpressionPtr b) {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->place = place;
  if (a)
    made->parts.push_back(std::move(a));
  if (b)
    made->parts.push_back(std::move(b));
  return made;
}

ExpressionPtr ExpressionParser::expression(bool withCondition) {
  Level level(*this);
  ExpressionPtr value = either();
  while (withCondition && value && peek().isName("if")) {
    Place place = next().place;
    ExpressionPtr condition = either();
    if (!condition)
      return nullptr;
    value = make(Expression::If, place, std::move(value), std::move(condition));
    if (takeName("else")) {
      ExpressionPtr other = expression();
      if (!other)
        return nullptr;
      value->parts.push_back(std::move(other));
    }
  }
  return value;
}

ExpressionPtr ExpressionParser::tuple(bool withCondition) {
  Place place = peek().place;
  ExpressionPtr first = expression(withCondition);
  if (!first || !peek().isOperator(","))
    return first;
  ExpressionPtr all = make(Expression::Tuple, place, std::move(first));
  while (take(",")) {
    const Token &token = peek();
    if (token.kind == Token::BlockEnd || token.kind == Token::VariableEnd ||
        token.isOperator(")"))
      break;
    ExpressionPtr part = expression(withCondition);
    if (!part)
      return nullptr;
    all->parts.push_back(std::move(part));
  }
  return all;
}

ExpressionPtr ExpressionParser::leftToRight(
    ExpressionPtr (ExpressionParser::*operand)(),
    llvm::function_ref<int(const Token &)> findOperator,
    Expression::Kind kind) {
  ExpressionPtr left = (this->*operand)();
  for (int op; left && (op = findOperator(peek())) >= 0;) {
    Place place = next().place;
    ExpressionPtr right = (this->*operand)();
    if (!right)
      return nullptr;
    left = make(kind, place, std::move(left), std::move(right));
    left->op = gemcut_chat_operator(op);
  }
  return left;
}

ExpressionPtr ExpressionParser::either() {
  return leftToRight(
      &ExpressionParser::both,
      [](const Token &token) { return token.isName("or") ? 0 : -1; },
      Expression::Or);
}

ExpressionPtr ExpressionParser::both() {
  return leftToRight(
      &ExpressionParser::negation,
      [](const Token &token) { return token.isName("and") ? 0 : -1; },
      Expression::And);
}

ExpressionPtr ExpressionParser::negation() {
  if (!peek().isName("not"))
    return comparison();
  Level level(*this);
  Place place = next().place;
  ExpressionPtr value = negation();
  return value ? make(Expression::Unary, place, std::move(value)) : nullptr;
}

/// The operator of a comparison that begins at `token`, or -1.
static int findComparison(const Token &token, const Token &after) {
  if (token.kind == Token::Operator)
    return llvm::StringSwitch<int>(token.text)
        .Case("==", GEMCUT_CHAT_EQUAL)
        .Case("!=", GEMCUT_CHAT_NOT_EQUAL)
        .Case("<", GEMCUT_CHAT_LESS)
        .Case("<=", GEMCUT_CHAT_LESS_EQUAL)
        .Case(">", GEMCUT_CHAT_GREATER)
        .Case(">=", GEMCUT_CHAT_GREATER_EQUAL)
        .Default(-1);
  if (token.isName("in"))
    return GEMCUT_CHAT_IN;
  return token.isName("not") && after.isName("in") ? GEMCUT_CHAT_NOT_IN : -1;
}

ExpressionPtr ExpressionParser::comparison() {
  ExpressionPtr left = sum();
  int op = findComparison(peek(), peek(1));
  if (!left || op < 0)
    return left;
  Place place = next().place;
  if (op == GEMCUT_CHAT_NOT_IN)
    next();
  ExpressionPtr right = sum();
  if (!right)
    return nullptr;
  if (findComparison(peek(), peek(1)) >= 0)
    return fail(peek().place, "comparisons in a chain are not supported; join "
                              "two with 'and'");
  left = make(Expression::Binary, place, std::move(left), std::move(right));
  left->op = gemcut_chat_operator(op);
  return left;
}

ExpressionPtr ExpressionParser::sum() {
  return leftToRight(&ExpressionParser::concatenation, [](const Token &token) {
    return token.isOperator("+")   ? GEMCUT_CHAT_ADD
           : token.isOperator("-") ? GEMCUT_CHAT_SUBTRACT
                                   : -1;
  });
}

ExpressionPtr ExpressionParser::concatenation() {
  return leftToRight(&ExpressionParser::product, [](const Token &token) {
    return token.isOperator("~") ? GEMCUT_CHAT_CONCATENATE : -1;
  });
}

ExpressionPtr ExpressionParser::product() {
  return leftToRight(&ExpressionParser::power, [](const Token &token) {
    return token.kind != Token::Operator
               ? -1
               : llvm::StringSwitch<int>(token.text)
                     .Case("*", GEMCUT_CHAT_MULTIPLY)
                     .Case("/", GEMCUT_CHAT_DIVIDE)
                     .Case("//", GEMCUT_CHAT_FLOOR_DIVIDE)
                     .Case("%", GEMCUT_CHAT_MODULO)
                     .Default(-1);
  });
}

ExpressionPtr ExpressionParser::power() {
  return leftToRight(&ExpressionParser::unary, [](const Token &token) {
    return token.isOperator("**") ? GEMCUT_CHAT_POWER : -1;
  });
}

ExpressionPtr ExpressionParser::unary() { return filtersAndTests(sign()); }

ExpressionPtr ExpressionParser::sign() {
  ExpressionPtr value;
  if (peek().isOperator("-") || peek().isOperator("+")) {
    Level level(*this);
    Token token = next();
    value = sign();
    if (!value)
      return nullptr;
    value = make(Expression::Unary, token.place, std::move(value));
    value->op = token.text == "-" ? GEMCUT_CHAT_NEGATE : GEMCUT_CHAT_PLUS;
  } else {
    value = primary();
  }
  return postfix(std::move(value));
}
