//===- TokenNames.h - Contents of the tokens with a role --------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_TOKENIZER_TOKENNAMES_H
#define GEMCUT_FRONTENDS_TOKENIZER_TOKENNAMES_H

#include "runtime/abi/tokenizer_tables.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <string>

namespace gemcut::tokenizer {

/// The text of each token that the chat format uses. Ids are found by content.
struct TokenNames {
  /// Gemma 4's names, with Gemma 3's as alternatives.
  TokenNames();

  std::array<std::string, GEMCUT_TOKEN_ROLES> contents;
  /// The name to look for in a vocabulary without `contents`; empty for none.
  std::array<std::string, GEMCUT_TOKEN_ROLES> alternatives;
  /// True where tokenizer_config.json names the token, which then must exist.
  std::array<bool, GEMCUT_TOKEN_ROLES> required = {};
};

/// Key of a role in tokenizer_config.json, "sot_token"; empty for those
/// without.
llvm::StringRef tokenNameKey(gemcut_token_role role);

/// The default names, with those of tokenizer_config.json (at the top level or
/// under model_specific_special_tokens) in their place. A name is a string or
/// an object with "content"; null keeps the default. Errors: malformed JSON,
/// another type.
llvm::Expected<TokenNames> readTokenNames(llvm::StringRef json,
                                          llvm::StringRef fileName);

} // namespace gemcut::tokenizer

#endif // GEMCUT_FRONTENDS_TOKENIZER_TOKENNAMES_H
