//===- TokenizerSettings.h - The supported settings -------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERSETTINGS_H
#define GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERSETTINGS_H

#include "frontends/Tokenizer/TokenizerJson.h"

#include <nlohmann/json_fwd.hpp>

namespace gemcut::tokenizer {

/// Checks everything but vocab, merges and added tokens against what the
/// runtime does. `tree` is the file without `model.vocab` and `model.merges`.
llvm::Error checkSettings(const nlohmann::json &tree, llvm::StringRef fileName);

/// Reads `added_tokens`; tokens that strip or match words are not supported.
llvm::Error readAddedTokens(const nlohmann::json &tree,
                            llvm::StringRef fileName,
                            std::vector<AddedToken> *out);

} // namespace gemcut::tokenizer

#endif // GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERSETTINGS_H
