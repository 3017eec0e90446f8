//===- Vocabulary.h - The tokenizer in a GGUF file --------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_GGUF_VOCABULARY_H
#define GEMCUT_FRONTENDS_GGUF_VOCABULARY_H

#include "frontends/GGUF/Metadata.h"
#include "frontends/Tokenizer/TokenizerJson.h"

namespace gemcut::gguf {

/// True if the file has a vocabulary (tokenizer.ggml.model is not "no_vocab").
bool hasVocabulary(const Metadata &metadata);

/// What the tokenizer.json of the same vocabulary says.
///
/// A BPE vocabulary ("gemma4") lists its merges. Its types mark more pieces as
/// control or user-defined than tokenizer.json adds: only those named like
/// <|x>, <x|> or <|x|>, and the five first ones, are cut out of the text.
///
/// A SentencePiece vocabulary ("llama") has scores instead: two neighbours
/// merge if the result is a piece, that of the highest score first. Its merges
/// are all splits of every ordinary piece, by score (as transformers converts
/// them, convert_slow_tokenizer.py, generate_merges); control and user-defined
/// pieces are cut out of the text.
///
/// Errors name the file and the key: no or another model, lists of different
/// lengths, pieces that are empty, too long or not UTF-8, a merge that is no
/// pair, settings that the compiled tokenizer does not follow (a space in
/// front, collapsed spaces).
llvm::Expected<tokenizer::TokenizerJson>
readVocabulary(const Metadata &metadata);

} // namespace gemcut::gguf

#endif // GEMCUT_FRONTENDS_GGUF_VOCABULARY_H
