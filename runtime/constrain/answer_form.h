//===- answer_form.h - The form that answers must have ----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_ANSWER_FORM_H
#define GEMCUT_RUNTIME_CONSTRAIN_ANSWER_FORM_H

#include "runtime/abi/model.h"
#include "runtime/constrain/grammar.h"
#include "runtime/text/value.h"

#include <mutex>

namespace gemcut::constrain {

/// What a request demands of its answers.
struct AnswerForm {
  std::string schema;    // JSON schema of the answer; "": any text
  std::string pattern;   // regular expression of it, without schema and tools
  text::Value tools;     // those that may be called, as in chat requests
  bool mustCall = false; // no text but calls
  std::string onlyTool;  // with mustCall: the one to call; "": any
  bool parallelCalls = true;
};

/// What is at fault when a form does not compile.
enum class FormPart { Answer, Tools };

/// The latest grammars, so that requests of equal form share one. May be used
/// by several threads.
class GrammarCache {
public:
  struct Entry {
    VocabularyPtr vocabulary;
    GrammarPtr grammar; // null: answers are free
  };

  /// The grammar of a form. Where calls are possible but not required, tools
  /// without "strict": true whose schema does not compile leave them free.
  /// GEMCUT_INVALID_ARGUMENT: as compileJsonSchema, compileRegex and
  /// compileToolCalls; `atFault` says of which part.
  [[nodiscard]] gemcut_status find(const AnswerForm &form, Thought thought,
                                   const text::Tokenizer &tokenizer,
                                   const gemcut_model_info &model, Entry &out,
                                   FormPart &atFault);

  /// Works out what all grammars need of the vocabulary: a fifth of a second
  /// that the first `find` takes otherwise.
  void prepare(const text::Tokenizer &tokenizer,
               const gemcut_model_info &model);

  /// Most bytes that a cache takes for a vocabulary of this size, about.
  static uint64_t getMostBytes(int32_t vocabSize);

private:
  static constexpr size_t kMostGrammars = 8;

  void needVocabulary(const text::Tokenizer &tokenizer,
                      const gemcut_model_info &model);
  gemcut_status compile(const AnswerForm &form, Thought thought,
                        FormPart &atFault, GrammarPtr &grammar) const;

  std::mutex mutex;
  VocabularyPtr vocabulary;
  std::vector<std::pair<std::string, GrammarPtr>> known; // the latest last
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_ANSWER_FORM_H
