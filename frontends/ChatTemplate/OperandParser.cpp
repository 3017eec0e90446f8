//===- OperandParser.cpp - What operators of Jinja stand between ----------===//
//
// Names, literals, lists and dicts, with the attributes, items, calls, filters
// and tests behind them.
//
//===----------------------------------------------------------------------===//

#include "frontends/ChatTemplate/ExpressionParser.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

#include <cstdlib>

using namespace gemcut::chat;
using llvm::StringRef;

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
    if (hasFailed())
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
  while (!hasFailed() && !peek().isOperator(")")) {
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
  return hasFailed() ? nullptr : std::move(made);
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr value) {
  while (!hasFailed() && take("|"))
    value = filter(std::move(value));
  return hasFailed() ? nullptr : std::move(value);
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
      if (hasFailed())
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
  if (hasFailed())
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
  if (hasFailed())
    return nullptr;
  return isNegated ? make(Expression::Unary, place, std::move(made))
                   : std::move(made);
}
