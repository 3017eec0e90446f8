//===- Parser.h - Tokens of a Jinja template to a tree ----------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_PARSER_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_PARSER_H

#include "frontends/ChatTemplate/Ast.h"

namespace gemcut::chat {

/// Parses a whole template. Errors say what was found and what was expected;
/// statements that templates for chats do not need (extends, include, import,
/// call, autoescape, do) are refused by name. Nesting is bounded by 100.
llvm::Expected<Body> parse(llvm::StringRef source, llvm::StringRef file);

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_PARSER_H
