//===- ExpressionParser.cpp - Jinja expressions ---------------------------===//

#include "frontends/ChatTemplate/ExpressionParser.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

#include <cstdlib>

using namespace gemcut::chat;
using llvm::StringRef;
using llvm::Twine;

static constexpr unsigned kMaxDepth = 100;

ExpressionParser::Level::Level(ExpressionParser &parser) : parser(parser) {
  if (++parser.depth > kMaxDepth)
    parser.fail(parser.peek().place,
                "more than 100 expressions or blocks lie inside each other");
}

ExpressionPtr ExpressionParser::fail(Place place, const Twine &message) {
  if (failed)
    return nullptr;
  failed = true;
  llvm::consumeError(std::move(error));
  error = makeError(file, place, message);
  at = tokens.size() - 1; // the end: nothing matches any more
  return nullptr;
}

ExpressionPtr ExpressionParser::unexpected(const Twine &expected) {
  const Token &token = peek();
  std::string found = "the end of the template";
  switch (token.kind) {
  case Token::BlockEnd:
    found = "'%}'";
    break;
  case Token::VariableEnd:
    found = "'}}'";
    break;
  case Token::String:
    found = "a string";
    break;
  case Token::Name:
  case Token::Operator:
  case Token::Integer:
  case Token::Real:
    found = "'" + token.text + "'";
    break;
  default:
    break;
  }
  return fail(token.place, "found " + found + ", expected " + expected);
}

bool ExpressionParser::take(StringRef operation) {
  if (!peek().isOperator(operation))
    return false;
  next();
  return true;
}

bool ExpressionParser::takeName(StringRef name) {
  if (!peek().isName(name))
    return false;
  next();
  return true;
}

bool ExpressionParser::expect(StringRef operation) {
  if (take(operation))
    return true;
  unexpected("'" + operation + "'");
  return false;
}

std::string ExpressionParser::expectName(const char *what) {
  if (peek().kind == Token::Name)
    return next().text;
  unexpected(what);
  return "";
}

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

ExpressionPtr ExpressionParser::either() {
  ExpressionPtr left = both();
  while (left && peek().isName("or")) {
    Place place = next().place;
    ExpressionPtr right = both();
    if (!right)
      return nullptr;
    left = make(Expression::Or, place, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::both() {
  ExpressionPtr left = negation();
  while (left && peek().isName("and")) {
    Place place = next().place;
    ExpressionPtr right = negation();
    if (!right)
      return nullptr;
    left = make(Expression::And, place, std::move(left), std::move(right));
  }
  return left;
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
  ExpressionPtr left = concatenation();
  while (left && (peek().isOperator("+") || peek().isOperator("-"))) {
    Token token = next();
    ExpressionPtr right = concatenation();
    if (!right)
      return nullptr;
    left = make(Expression::Binary, token.place, std::move(left),
                std::move(right));
    left->op = token.text == "+" ? GEMCUT_CHAT_ADD : GEMCUT_CHAT_SUBTRACT;
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  ExpressionPtr left = product();
  while (left && peek().isOperator("~")) {
    Place place = next().place;
    ExpressionPtr right = product();
    if (!right)
      return nullptr;
    left = make(Expression::Binary, place, std::move(left), std::move(right));
    left->op = GEMCUT_CHAT_CONCATENATE;
  }
  return left;
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (left && peek().kind == Token::Operator) {
    int op = llvm::StringSwitch<int>(peek().text)
                 .Case("*", GEMCUT_CHAT_MULTIPLY)
                 .Case("/", GEMCUT_CHAT_DIVIDE)
                 .Case("//", GEMCUT_CHAT_FLOOR_DIVIDE)
                 .Case("%", GEMCUT_CHAT_MODULO)
                 .Default(-1);
    if (op < 0)
      break;
    Place place = next().place;
    ExpressionPtr right = power();
    if (!right)
      return nullptr;
    left = make(Expression::Binary, place, std::move(left), std::move(right));
    left->op = gemcut_chat_operator(op);
  }
  return left;
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = sign();
  while (left && peek().isOperator("**")) {
    Place place = next().place;
    ExpressionPtr right = sign();
    if (!right)
      return nullptr;
    left = make(Expression::Binary, place, std::move(left), std::move(right));
    left->op = GEMCUT_CHAT_POWER;
  }
  return left;
}

ExpressionPtr ExpressionParser::sign(bool withFilters) {
  ExpressionPtr value;
  if (peek().isOperator("-") || peek().isOperator("+")) {
    Level level(*this);
    Token token = next();
    value = sign(/*withFilters=*/false);
    if (!value)
      return nullptr;
    value = make(Expression::Unary, token.place, std::move(value));
    value->op = token.text == "-" ? GEMCUT_CHAT_NEGATE : GEMCUT_CHAT_PLUS;
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return withFilters ? filtersAndTests(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::primary() {
  const Token &token = peek();
  ExpressionPtr made = make(Expression::Name, token.place);
  switch (token.kind) {
  case Token::Name: {
    int constant = llvm::StringSwitch<int>(token.text)
                       .Cases({"true", "True"}, GEMCUT_CHAT_TRUE)
                       .Cases({"false", "False"}, GEMCUT_CHAT_FALSE)
                       .Cases({"none", "None"}, GEMCUT_CHAT_NONE)
                       .Default(-1);
    if (constant >= 0) {
      made->kind = Expression::Constant;
      made->constant = gemcut_chat_constant(constant);
    } else if (llvm::StringSwitch<bool>(token.text)
                   .Cases({"if", "else", "and", "or", "not", "in", "is"}, true)
                   .Default(false)) {
      return unexpected("a value");
    }
    made->text = next().text;
    return made;
  }
  case Token::String:
    made->kind = Expression::String;
    while (peek().kind == Token::String)
      made->text += next().text;
    return made;
  case Token::Integer:
    made->kind = Expression::Integer;
    if (StringRef(token.text).getAsInteger(10, made->integer))
      return fail(token.place,
                  "the integer " + token.text + " has more than 64 bits");
    next();
    return made;
  case Token::Real:
    made->kind = Expression::Real;
    made->real = strtod(next().text.c_str(), nullptr);
    return made;
  case Token::Operator:
    if (take("(")) {
      if (take(")")) {
        made->kind = Expression::Tuple;
        return made;
      }
      ExpressionPtr inner = tuple();
      return inner && expect(")") ? std::move(inner) : nullptr;
    }
    if (token.text == "[")
      return list();
    if (token.text == "{")
      return map();
    [[fallthrough]];
  default:
    return unexpected("a value");
  }
}

ExpressionPtr ExpressionParser::list() {
  ExpressionPtr made = make(Expression::List, next().place);
  while (!peek().isOperator("]")) {
    ExpressionPtr item = expression();
    if (!item)
      return nullptr;
    made->parts.push_back(std::move(item));
    if (!take(","))
      break;
  }
  return expect("]") ? std::move(made) : nullptr;
}

ExpressionPtr ExpressionParser::map() {
  ExpressionPtr made = make(Expression::Map, next().place);
  while (!peek().isOperator("}")) {
    ExpressionPtr key = expression();
    if (!key || !expect(":"))
      return nullptr;
    ExpressionPtr value = expression();
    if (!value)
      return nullptr;
    made->parts.push_back(std::move(key));
    made->parts.push_back(std::move(value));
    if (!take(","))
      break;
  }
  return expect("}") ? std::move(made) : nullptr;
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
  // A long chain is a deep tree.
  for (unsigned length = 0; value; ++length) {
    const Token &token = peek();
    if (length > kMaxDepth)
      return fail(token.place, "more than 100 attributes, items and calls "
                               "follow each other");
    if (token.isOperator(".")) {
      Place place = next().place;
      if (peek().kind == Token::Integer) {
        ExpressionPtr index = primary();
        if (!index)
          return nullptr;
        value =
            make(Expression::Item, place, std::move(value), std::move(index));
        continue;
      }
      value = make(Expression::Attribute, place, std::move(value));
      value->text = expectName("an attribute's name");
    } else if (token.isOperator("[")) {
      value = subscript(std::move(value));
    } else if (token.isOperator("(")) {
      value = make(Expression::Call, token.place, std::move(value));
      value->arguments = arguments();
    } else {
      break;
    }
    if (failed)
      return nullptr;
  }
  return value;
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr value) {
  Place place = next().place;
  ExpressionPtr bounds[3];
  int count = 0;
  bool isSlice = false;
  while (!peek().isOperator("]")) {
    if (take(":")) {
      isSlice = true;
      if (++count > 2)
        return fail(place, "a slice has at most three parts");
      continue;
    }
    if (bounds[count])
      return unexpected("']'");
    bounds[count] = tuple();
    if (!bounds[count])
      return nullptr;
  }
  next();
  if (!isSlice && !bounds[0])
    return fail(place, "found nothing between '[' and ']', expected an index");
  ExpressionPtr made = make(isSlice ? Expression::Slice : Expression::Item,
                            place, std::move(value));
  made->parts.push_back(std::move(bounds[0]));
  if (isSlice) {
    made->parts.push_back(std::move(bounds[1]));
    made->parts.push_back(std::move(bounds[2]));
  }
  return made;
}

std::vector<Argument> ExpressionParser::arguments() {
  std::vector<Argument> all;
  expect("(");
  while (!failed && !peek().isOperator(")")) {
    if (peek().isOperator("*") || peek().isOperator("**")) {
      fail(peek().place, "arguments from a list or dict are not supported");
      break;
    }
    Argument argument;
    if (peek().kind == Token::Name && peek(1).isOperator("=")) {
      argument.name = next().text;
      next();
    } else if (!all.empty() && !all.back().name.empty()) {
      fail(peek().place, "an argument without a name follows one with a name");
      break;
    }
    argument.value = expression();
    if (!argument.value)
      break;
    all.push_back(std::move(argument));
    if (!take(","))
      break;
  }
  expect(")");
  return all;
}

ExpressionPtr ExpressionParser::filter(ExpressionPtr value) {
  Place place = peek().place;
  ExpressionPtr made = make(Expression::Filter, place);
  made->parts.push_back(std::move(value));
  made->text = expectName("a filter's name");
  if (peek().isOperator("("))
    made->arguments = arguments();
  return failed ? nullptr : std::move(made);
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr value) {
  while (!failed && take("|"))
    value = filter(std::move(value));
  return failed ? nullptr : std::move(value);
}

ExpressionPtr ExpressionParser::filtersAndTests(ExpressionPtr value) {
  for (unsigned length = 0; value; ++length) {
    if (length > kMaxDepth)
      return fail(peek().place, "more than 100 filters follow each other");
    if (take("|")) {
      value = filter(std::move(value));
    } else if (takeName("is")) {
      value = test(std::move(value));
    } else if (peek().isOperator("(")) {
      Place place = peek().place;
      value = make(Expression::Call, place, std::move(value));
      value->arguments = arguments();
      if (failed)
        return nullptr;
    } else {
      break;
    }
  }
  return value;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
  Place place = peek().place;
  bool isNegated = takeName("not");
  ExpressionPtr made = make(Expression::Test, place, std::move(value));
  made->text =
      peek().isOperator("==") ? next().text : expectName("a test's name");
  if (failed)
    return nullptr;
  const Token &token = peek();
  if (token.isOperator("(")) {
    made->arguments = arguments();
  } else if (token.kind == Token::String || token.kind == Token::Integer ||
             token.kind == Token::Real || token.isOperator("[") ||
             token.isOperator("{") ||
             (token.kind == Token::Name && token.text != "else" &&
              token.text != "or" && token.text != "and" && token.text != "if" &&
              token.text != "is")) {
    Level level(*this);
    ExpressionPtr argument = postfix(primary());
    if (!argument)
      return nullptr;
    made->arguments.push_back({"", std::move(argument)});
  }
  if (failed)
    return nullptr;
  return isNegated ? make(Expression::Unary, place, std::move(made))
                   : std::move(made);
}
