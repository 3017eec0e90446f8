//===- Lexer.h - Tokens of a Jinja template ---------------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_LEXER_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_LEXER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace gemcut::chat {

/// A place in the template's file, both from 1.
struct Place {
  unsigned line = 1, column = 1;
};

struct Token {
  enum Kind {
    Data, ///< `text` is written as it is
    BlockBegin,
    BlockEnd, ///< {% and %}
    VariableBegin,
    VariableEnd, ///< {{ and }}
    Name,
    String,
    Integer,
    Real,
    Operator, ///< `text` is one of + - * / // % ** ~ == != < <= > >= = . , : |
              ///< ( ) [ ] { }
    End,
  };
  Kind kind = End;
  std::string text; ///< of String: its value
  Place place;

  bool isOperator(llvm::StringRef spelling) const {
    return kind == Operator && text == spelling;
  }
  bool isName(llvm::StringRef spelling) const {
    return kind == Name && text == spelling;
  }
};

/// An error of one line: "FILE:LINE:COLUMN: MESSAGE".
llvm::Error makeError(llvm::StringRef file, Place place,
                      const llvm::Twine &message);

/// Splits a template as Jinja does with trim_blocks and lstrip_blocks, which is
/// how chat templates are evaluated: white space in front of a block that is
/// alone in its line and the line end behind a block are left out, '-' inside a
/// tag drops all white space on its side, '+' keeps it. Comments vanish, raw
/// blocks are data, one line end at the end of the file is dropped, and CR LF
/// and CR become LF. Errors: an unknown character, a string, comment, tag or
/// raw block that does not end, brackets that do not match.
llvm::Expected<std::vector<Token>> tokenize(llvm::StringRef source,
                                            llvm::StringRef file);

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_LEXER_H
