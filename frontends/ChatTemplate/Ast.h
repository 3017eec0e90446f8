//===- Ast.h - A Jinja template as a tree -----------------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_AST_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_AST_H

#include "frontends/ChatTemplate/Lexer.h"
#include "runtime/abi/chat_program.h"

#include <memory>

namespace gemcut::chat {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// An argument with a name, or by its place (name empty).
struct Argument {
  std::string name;
  ExpressionPtr value;
};

struct Expression {
  enum Kind {
    Name,     ///< text
    String,   ///< text
    Integer,  ///< integer
    Real,     ///< real
    Constant, ///< constant
    Unary,    ///< op, parts[0]
    Binary,   ///< op, parts[0], parts[1]
    And,
    Or,        ///< parts[0], parts[1]
    If,        ///< parts[0] if parts[1] else parts[2] (may be missing)
    Attribute, ///< parts[0].text
    Item,      ///< parts[0][parts[1]]
    Slice,     ///< parts[0][parts[1]:parts[2]:parts[3]], each may be null
    List,
    Tuple,  ///< parts
    Map,    ///< keys and values in turn
    Call,   ///< parts[0](arguments)
    Filter, ///< parts[0] | text(arguments); parts[0] null: of a captured text
    Test,   ///< parts[0] is text(arguments)
  };
  Kind kind;
  Place place;
  std::string text;
  int64_t integer = 0;
  double real = 0;
  gemcut_chat_constant constant = GEMCUT_CHAT_NONE;
  gemcut_chat_operator op = GEMCUT_CHAT_NOT;
  std::vector<ExpressionPtr> parts;
  std::vector<Argument> arguments;
};

struct Statement;
using Body = std::vector<Statement>;

struct Statement {
  enum Kind {
    Data,     ///< text
    Output,   ///< value
    If,       ///< value, body, orElse
    For,      ///< targets in value [if condition]: body, orElse
    Set,      ///< targets = value
    SetBlock, ///< targets[0] = body, through the filters of value (may be null)
    Macro,    ///< text(targets, defaults): body
    With,     ///< targets[i] = values[i]: body
    Filtered, ///< body through the filters of value
    Group,    ///< body
    Break,
    Continue,
  };
  /// `name`, or `name.attribute` of a namespace.
  struct Target {
    std::string name, attribute;
  };
  Kind kind;
  Place place;
  std::string text;
  ExpressionPtr value, condition;
  std::vector<Target> targets;
  std::vector<ExpressionPtr> values; ///< of With; of Macro: defaults or null
  Body body, orElse;
};

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_AST_H
