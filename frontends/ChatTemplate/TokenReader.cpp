//===- TokenReader.cpp - Tokens one after the other, and mistakes ---------===//

#include "frontends/ChatTemplate/TokenReader.h"

#include "llvm/ADT/Twine.h"

using namespace gemcut::chat;
using llvm::StringRef;
using llvm::Twine;

TokenReader::Level::Level(TokenReader &reader) : reader(reader) {
  if (++reader.depth > kMaxDepth)
    reader.fail(reader.peek().place,
                "more than 100 expressions or blocks lie inside each other");
}

std::nullptr_t TokenReader::fail(Place place, const Twine &message) {
  if (failed)
    return nullptr;
  failed = true;
  llvm::consumeError(std::move(error));
  error = makeError(file, place, message);
  at = tokens.size() - 1; // the end: nothing matches any more
  return nullptr;
}

std::nullptr_t TokenReader::unexpected(const Twine &expected) {
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

bool TokenReader::take(StringRef operation) {
  if (!peek().isOperator(operation))
    return false;
  next();
  return true;
}

bool TokenReader::takeName(StringRef name) {
  if (!peek().isName(name))
    return false;
  next();
  return true;
}

bool TokenReader::expect(StringRef operation) {
  if (take(operation))
    return true;
  unexpected("'" + operation + "'");
  return false;
}

std::string TokenReader::expectName(const char *what) {
  if (peek().kind == Token::Name)
    return next().text;
  unexpected(what);
  return "";
}
