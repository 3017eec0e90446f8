//===- constraint.cpp - --json-schema and --regex -------------------------===//

#include "runtime/cli/constraint.h"

#include "runtime/abi/model.h"
#include "runtime/cli/ids.h"
#include "runtime/core/error.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::cli;

void Constraint::addFlags(Flags &flags) {
  flags.add(schema, "json-schema", 0, "FILE|TEXT",
            "Makes every answer a JSON text that is valid for this schema "
            "(draft 2020-12; TEXT begins with a brace). An unsupported keyword "
            "is an error. Where -n or the context cuts an answer, it is "
            "incomplete, and a note on standard error says so.");
  flags.add(pattern, "regex", 0, "PATTERN",
            "Makes every answer match this regular expression (the regular "
            "part of ECMAScript's) from beginning to end.");
}

gemcut_status Constraint::open(const text::Tokenizer &tokenizer,
                               bool mayThink) {
  if (!isGiven())
    return GEMCUT_OK;
  vocabulary = constrain::Vocabulary::build(tokenizer, gemcut_model.stop_ids,
                                            size_t(gemcut_model.stop_id_count));
  constrain::GrammarOptions options;
  if (mayThink)
    options.thought = constrain::Thought::Allowed;
  if (pattern)
    return compileRegex(vocabulary, pattern, options, grammar);
  std::string text = schema;
  bool isFile = schema[strspn(schema, " \t\r\n")] != '{';
  if (isFile)
    if (gemcut_status status = readFile(schema, text))
      return status;
  gemcut_status status = compileJsonSchema(vocabulary, text, options, grammar);
  return status && isFile ? fail(status, "%s: %s", schema,
                                 std::string(gemcut_last_error()).c_str())
                          : status;
}

LogitsFilter *Constraint::begin() {
  if (!grammar)
    return nullptr;
  filter = std::make_unique<constrain::MatcherFilter>(vocabulary, grammar);
  return filter.get();
}

void Constraint::noteCut(StopReason reason) const {
  if (isGiven() && reason != StopReason::StopId)
    fprintf(stderr, "note: the answer was cut before it was complete%s\n",
            reason == StopReason::Limit ? "; -n allows more tokens" : "");
}
