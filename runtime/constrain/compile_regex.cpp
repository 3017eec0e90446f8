//===- compile_regex.cpp - Answers that match a pattern -------------------===//

#include "runtime/constrain/grammar_masks.h"
#include "runtime/constrain/regex.h"
#include "runtime/core/error.h"

using namespace gemcut;
using namespace gemcut::constrain;

gemcut_status constrain::compileRegex(const VocabularyPtr &vocabulary,
                                      std::string_view pattern,
                                      const GrammarOptions &options,
                                      GrammarPtr &grammar) {
  CharAutomaton text;
  std::string error;
  if (!parseRegex(pattern, RegexSpan::Whole, text, error))
    return fail(GEMCUT_INVALID_ARGUMENT, "the pattern cannot be used: %s",
                error.c_str());
  NetworkBuilder builder;
  uint32_t root = builder.addRule("the answer"), from;
  if (gemcut_status status = addThought(builder, *vocabulary, options.thought,
                                        builder.startOf(root), from))
    return status;
  builder.addChars(from, text, CharCoding::Utf8, builder.endOf(root));
  return makeGrammar(vocabulary, builder, "the pattern", grammar);
}
