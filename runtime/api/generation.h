//===- generation.h - From options to callbacks -----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_API_GENERATION_H
#define GEMCUT_RUNTIME_API_GENERATION_H

#include "runtime/api/handles.h"
#include "runtime/constrain/answer_form.h"
#include "runtime/text/output_parser.h"

namespace gemcut::api {

/// What the ids of a generation are.
struct StreamForm {
  bool isTurn = false;        // of a conversation; otherwise raw tokens
  bool insideThought = false; // the prompt ended in one
  bool mayCall = false;       // calls are no text
  bool parallelCalls = true;
  size_t firstCall = 0; // number of the first call, for its id
};

/// Hands tokens, and what they complete, to the callbacks of options.
class Stream final : text::OutputSink {
public:
  /// All ids are added to `answer` (may be null).
  Stream(const gemcut_engine &engine, const gemcut_generate_options &options,
         const StreamForm &form, std::vector<int32_t> *answer);

  static bool onToken(void *context, int32_t id) {
    return static_cast<Stream *>(context)->add(id);
  }
  static bool goesOn(void *context, size_t done, size_t total) {
    const gemcut_generate_options &to = static_cast<Stream *>(context)->options;
    return to.on_step(to.user, done, total) == 0;
  }
  /// Hands out what waited for more, and the message. `wasCut`: a call that is
  /// not complete is dropped, because the model would have gone on.
  void finish(bool wasCut);
  /// The one call that was allowed is complete.
  bool hasEnough() const { return isEnough; }

private:
  bool add(int32_t id);
  void sendPiece();
  void sendMessage();
  void send(gemcut_text_kind kind, std::string_view text);

  void onThought(std::string_view text) override;
  void onContent(std::string_view text) override;
  void onToolCall(std::string_view name, std::string_view arguments,
                  std::string_view written) override;

  const gemcut_generate_options &options;
  StreamForm form;
  std::vector<int32_t> *answer;
  text::StreamDecoder decoder;         // of raw tokens
  text::OutputParser parser;           // of turns
  std::string piece;                   // of raw tokens
  std::string thought, content, calls; // of the message; calls are JSON
  size_t callCount = 0;
  bool wantsMore = true, isEnough = false, dropsCalls = false;
};

/// The model's defaults, with a random seed.
gemcut_sampling getDefaultSampling(const gemcut_engine &engine);

/// What json_schema and regex of `options` demand, added to `form`, as a
/// grammar. GEMCUT_INVALID_ARGUMENT: they exclude each other or tools, do not
/// compile, or there is no tokenizer.
[[nodiscard]] gemcut_status
findGrammar(const gemcut_engine &engine, const gemcut_generate_options &options,
            constrain::AnswerForm form, constrain::Thought thought,
            constrain::GrammarCache::Entry &grammar);

/// What may come in an answer.
struct AnswerRules {
  constrain::GrammarCache::Entry grammar;
  int32_t forbidden = -1; ///< without a grammar: an id that never comes
};

/// Appends `ids` to the session and generates into `stream`. `result` may be
/// null.
[[nodiscard]] gemcut_status
generateInto(Stream &stream, gemcut_session &session, const int32_t *ids,
             size_t count, const gemcut_generate_options &options,
             const AnswerRules &rules, gemcut_generate_result *result);

} // namespace gemcut::api

#endif // GEMCUT_RUNTIME_API_GENERATION_H
