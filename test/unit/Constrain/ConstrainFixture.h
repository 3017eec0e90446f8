//===- ConstrainFixture.h - A vocabulary for constraints --------*- C++ -*-===//
#ifndef GEMCUT_TEST_UNIT_CONSTRAIN_CONSTRAINFIXTURE_H
#define GEMCUT_TEST_UNIT_CONSTRAIN_CONSTRAINFIXTURE_H

#include "runtime/constrain/grammar.h"
#include "runtime/constrain/matcher.h"
#include "test/unit/Tokenizer/TestTokenizer.h"

#include <gtest/gtest.h>

namespace gemcut::test {

/// A synthetic vocabulary of some thousand pieces, with pieces that mix text
/// and the punctuation of JSON, and its stop ids <eos> and <turn|>.
const TestTokenizer &getTestTokenizer();
constrain::VocabularyPtr getTestVocabulary();

/// The grammar; a failed expectation and null on errors.
constrain::GrammarPtr
compileSchema(const std::string &schema,
              constrain::Thought thought = constrain::Thought::None);
constrain::GrammarPtr compilePattern(const std::string &pattern);
constrain::GrammarPtr compileTools(const std::vector<constrain::Tool> &tools,
                                   constrain::ToolOptions options = {});

/// The sentence of the error; "" if it compiles.
std::string getSchemaError(const std::string &schema);
std::string getPatternError(const std::string &pattern);
std::string getToolsError(const std::vector<constrain::Tool> &tools);

/// Whether a text is a whole answer: byte by byte, with tokens of the chat
/// format where their names stand.
bool accepts(const constrain::GrammarPtr &grammar, const std::string &text);
/// The bytes, or ids of tokens of the chat format, that may follow a text.
std::string getNextBytes(const constrain::GrammarPtr &grammar,
                         const std::string &text);

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_CONSTRAIN_CONSTRAINFIXTURE_H
