//===- dialogue.h - A conversation in one slot ------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_DIALOGUE_H
#define GEMCUT_RUNTIME_SESSION_DIALOGUE_H

#include "runtime/session/session.h"
#include "runtime/text/chat.h"
#include "runtime/text/tokenizer.h"

namespace gemcut {

/// The turns of a conversation in the model's chat format, and the tokens of
/// slot 0 that hold them. A turn runs only what the slot does not hold yet.
class Dialogue {
public:
  /// All three must outlive the dialogue.
  void open(const gemcut_model_info &model, const text::Tokenizer &tokenizer,
            Session &session);

  /// Forgets all turns; `system` (may be null) are instructions for those to
  /// come. GEMCUT_INVALID_ARGUMENT: the vocabulary lacks the tokens of turns,
  /// or that of thinking.
  [[nodiscard]] gemcut_status begin(const char *system, bool think);

  /// Adds the user's turn, takes the slot back to what it has in common with
  /// the conversation, and gives the ids to be run behind that.
  [[nodiscard]] gemcut_status ask(std::string_view prompt,
                                  std::vector<int32_t> &rest);
  /// Adds the model's turn; thoughts in it are left out of later prompts.
  void accept(const std::vector<int32_t> &answer);
  /// Takes the turn of `ask` back, which could not be answered.
  void withdraw();

private:
  const gemcut_model_info *model = nullptr;
  const text::Tokenizer *tokenizer = nullptr;
  Session *session = nullptr;
  text::Conversation conversation;
  text::RenderOptions rendering;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_DIALOGUE_H
