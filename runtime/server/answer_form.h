//===- answer_form.h - The form that answers must have ----------*- C++ -*-===//
//
// "response_format", "text.format" and "tool_choice" as grammars.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SERVER_ANSWER_FORM_H
#define GEMCUT_RUNTIME_SERVER_ANSWER_FORM_H

#include "runtime/abi/model.h"
#include "runtime/constrain/grammar.h"
#include "runtime/server/fields.h"
#include "runtime/text/tokenizer.h"

#include <deque>
#include <mutex>
#include <string>

namespace gemcut::server {

/// What a request demands.
struct AnswerForm {
  std::string schema;     // JSON schema of the answer; "": any text
  const char *param = ""; // where it stands in the request
  text::Value tools;      // those that may be called, as in chat requests
  bool mustCall = false;  // no text but calls
  std::string onlyTool;   // with mustCall: the one to call; "": any
  bool parallelCalls = true;
};

/// Reads {"type": "text" | "json_object" | "json_schema", ...}: for chat with
/// the schema in a member "json_schema", for responses beside the type.
void readAnswerFormat(Fields &fields, bool isNested, const char *param,
                      AnswerForm &form);

/// The latest grammars, so that requests of equal form share one. May be used
/// by several threads.
class GrammarCache {
public:
  struct Entry {
    constrain::VocabularyPtr vocabulary;
    constrain::GrammarPtr grammar; // null: answers are free
  };

  /// The grammar of a form. Where calls are possible but not required, tools
  /// without "strict": true whose schema does not compile leave them free. In
  /// `error`: a schema that does not compile.
  Entry find(const AnswerForm &form, constrain::Thought thought,
             const text::Tokenizer &tokenizer, const gemcut_model_info &model,
             ApiError &error);

private:
  gemcut_status compile(const AnswerForm &form, constrain::Thought thought,
                        const char *&param, constrain::GrammarPtr &grammar);

  static constexpr size_t kMostGrammars = 8;

  std::mutex mutex;
  constrain::VocabularyPtr vocabulary;
  std::deque<std::pair<std::string, constrain::GrammarPtr>> known;
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_ANSWER_FORM_H
