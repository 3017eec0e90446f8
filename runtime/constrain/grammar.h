//===- grammar.h - What an answer may be ------------------------*- C++ -*-===//
//
// Compiles a JSON schema, a regular expression or the declared tools to a
// Grammar. A Matcher (matcher.h) follows one answer through it.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_GRAMMAR_H
#define GEMCUT_RUNTIME_CONSTRAIN_GRAMMAR_H

#include "runtime/abi/status.h"
#include "runtime/constrain/vocabulary.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gemcut::constrain {

/// A compiled grammar. Immutable for its users, who may share it between
/// threads; what it has worked out so far is kept behind a lock.
class Grammar;
using GrammarPtr = std::shared_ptr<const Grammar>;
using VocabularyPtr = std::shared_ptr<const Vocabulary>;

/// What may stand before the answer.
enum class Thought {
  None,
  Allowed, // <|channel> TEXT <channel|>
  Open,    // TEXT <channel|>: the prompt ends inside a thought
};

struct GrammarOptions {
  Thought thought = Thought::None;
};

/// Answers are JSON texts that are valid for `schema`, a JSON text: see
/// json_schema.h for the subset of draft 2020-12. {} allows any value,
/// {"type": "object"} any object. They are compact: no white space outside
/// strings.
///
/// GEMCUT_INVALID_ARGUMENT: `schema` is not JSON, has a keyword that is not
/// supported (the sentence of gemcut_last_error() has its JSON pointer), is
/// valid for no value, or becomes too large.
[[nodiscard]] gemcut_status compileJsonSchema(const VocabularyPtr &vocabulary,
                                              std::string_view schema,
                                              const GrammarOptions &options,
                                              GrammarPtr &grammar);

/// Answers match `pattern` (UTF-8, see regex.h) from beginning to end.
/// GEMCUT_INVALID_ARGUMENT: the pattern is malformed or uses what is not
/// supported (the sentence says where), matches nothing, or becomes too large.
[[nodiscard]] gemcut_status compileRegex(const VocabularyPtr &vocabulary,
                                         std::string_view pattern,
                                         const GrammarOptions &options,
                                         GrammarPtr &grammar);

/// A function that may be called.
struct Tool {
  std::string name;
  std::string parameters; // JSON schema of the arguments; "": any object
};

enum class ToolChoice {
  Auto,     // text, with calls in it; only calls are constrained
  Required, // one call or more, and no text
};

struct ToolOptions {
  ToolChoice choice = ToolChoice::Required;
  bool parallel = true;            // several calls may follow each other
  Thought thought = Thought::None; // of Auto: anything goes as it is
  /// With Auto: a JSON schema. An answer without calls is then not any text but
  /// a JSON text that is valid for it, and `thought` counts.
  std::string answerSchema;
};

/// Answers call `tools` (for a named tool: that one alone) in the syntax of the
/// chat format: <|tool_call>call:NAME{key:value,...}<tool_call|>, with keys in
/// the order in which the chat template writes them.
///
/// GEMCUT_INVALID_ARGUMENT: as compileJsonSchema, for each tool's parameters
/// (which must describe an object) and answerSchema, a tool without a name, no
/// tool at all, or a vocabulary without the tokens of calls.
[[nodiscard]] gemcut_status compileToolCalls(const VocabularyPtr &vocabulary,
                                             const std::vector<Tool> &tools,
                                             const ToolOptions &options,
                                             GrammarPtr &grammar);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_GRAMMAR_H
