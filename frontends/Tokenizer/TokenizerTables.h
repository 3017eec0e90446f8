//===- TokenizerTables.h - tokenizer.json to tables -------------*- C++ -*-===//
//
// Compiles a tokenizer to the tables that the runtime reads in place
// (runtime/abi/tokenizer_tables.h).
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERTABLES_H
#define GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERTABLES_H

#include "frontends/Tokenizer/TokenNames.h"
#include "frontends/Tokenizer/TokenizerJson.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace gemcut::tokenizer {

/// Compiles the text of a tokenizer.json. `vocabSize` is the number of rows of
/// the model's embedding; ids from the number of pieces up to it have no text.
/// `fileName` is for messages. Errors: those of parseTokenizerJson; ids that
/// repeat, leave gaps or exceed `vocabSize`; repeated pieces; added tokens that
/// conflict with the vocabulary; missing byte pieces; merges that repeat, whose
/// parts or result are no pieces, or that involve byte pieces or give added
/// tokens; tokens named by tokenizer_config.json that do not exist.
llvm::Expected<std::vector<uint8_t>>
compileTokenizerJson(llvm::StringRef json, llvm::StringRef fileName,
                     int64_t vocabSize, const TokenNames &names);

/// The same for a tokenizer that another file describes, without the errors of
/// parsing. Pieces are valid UTF-8, and sizes within the bounds of
/// tokenizer_tables.h.
llvm::Expected<std::vector<uint8_t>> compileTokenizer(const TokenizerJson &file,
                                                      llvm::StringRef fileName,
                                                      int64_t vocabSize,
                                                      const TokenNames &names);

/// The id of a piece in compiled tables, or -1.
int32_t findPiece(llvm::ArrayRef<uint8_t> tables, llvm::StringRef piece);

/// The id of a token of the chat format in compiled tables, or -1.
int32_t findRole(llvm::ArrayRef<uint8_t> tables, gemcut_token_role role);

} // namespace gemcut::tokenizer

#endif // GEMCUT_FRONTENDS_TOKENIZER_TOKENIZERTABLES_H
