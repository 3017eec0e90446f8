//===- TokenReader.h - Tokens one after the other, and mistakes -*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_TOKENREADER_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_TOKENREADER_H

#include "frontends/ChatTemplate/Lexer.h"

#include "llvm/Support/Error.h"

#include <algorithm>
#include <cstddef>

namespace gemcut::chat {

/// Walks over the tokens of a template and keeps its first mistake. Behind that
/// it stands at the end, where nothing matches any more.
class TokenReader {
public:
  TokenReader(std::vector<Token> tokens, llvm::StringRef file)
      : tokens(std::move(tokens)), file(file) {}

  llvm::Error takeError() { return std::move(error); }

protected:
  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  Token next() { return at + 1 < tokens.size() ? tokens[at++] : tokens[at]; }
  bool take(llvm::StringRef operation);
  bool takeName(llvm::StringRef name);
  bool expect(llvm::StringRef operation);
  /// The text of a name, "" after an error.
  std::string expectName(const char *what);
  std::nullptr_t fail(Place place, const llvm::Twine &message);
  std::nullptr_t unexpected(const llvm::Twine &expected);
  bool hasFailed() const { return failed; }

  /// How much may lie inside, or follow, each other: trees are walked with
  /// bounded stack.
  static constexpr unsigned kMaxDepth = 100;
  /// Counts one more level of nesting while it lives.
  struct Level {
    explicit Level(TokenReader &reader);
    ~Level() { --reader.depth; }
    TokenReader &reader;
  };

private:
  std::vector<Token> tokens;
  llvm::StringRef file;
  size_t at = 0;
  unsigned depth = 0;
  bool failed = false;
  llvm::Error error = llvm::Error::success();
};

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_TOKENREADER_H
