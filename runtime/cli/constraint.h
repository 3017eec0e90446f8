//===- constraint.h - --json-schema and --regex -----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_CONSTRAINT_H
#define GEMCUT_RUNTIME_CLI_CONSTRAINT_H

#include "runtime/cli/flags.h"
#include "runtime/constrain/matcher_filter.h"
#include "runtime/core/logits_filter.h"
#include "runtime/session/generate.h"

#include <memory>

namespace gemcut::cli {

/// What the command line demands of answers.
class Constraint {
public:
  void addFlags(Flags &flags);
  bool isGiven() const { return schema || pattern; }
  /// Whether both flags occurred, of which one would do.
  bool isAmbiguous() const { return schema && pattern; }

  /// GEMCUT_SYSTEM_ERROR: the file of a schema cannot be read.
  /// GEMCUT_INVALID_ARGUMENT: see compileJsonSchema and compileRegex.
  [[nodiscard]] gemcut_status open(const text::Tokenizer &tokenizer,
                                   bool mayThink);
  /// The filter of the next answer; null without flags. Valid until the next
  /// call.
  LogitsFilter *begin();

  /// Tells on stderr when an answer ended before it was what is demanded.
  void noteCut(StopReason reason) const;

private:
  const char *schema = nullptr, *pattern = nullptr;
  constrain::VocabularyPtr vocabulary;
  constrain::GrammarPtr grammar;
  std::unique_ptr<constrain::MatcherFilter> filter;
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_CONSTRAINT_H
