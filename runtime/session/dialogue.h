//===- dialogue.h - A conversation in one slot ------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_DIALOGUE_H
#define GEMCUT_RUNTIME_SESSION_DIALOGUE_H

#include "runtime/core/artifact.h"
#include "runtime/session/baked_prefix.h"
#include "runtime/session/session.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"

namespace gemcut {

/// Opens the chat template of an artifact, in place. GEMCUT_INVALID_ARGUMENT:
/// it has none.
[[nodiscard]] gemcut_status openChatTemplate(const Artifact &artifact,
                                             text::ChatTemplate &out);

/// The turns of a conversation in the model's chat format, and the tokens of
/// slot 0 that hold them. A turn runs only what the slot does not hold yet.
class Dialogue {
public:
  /// All must outlive the dialogue.
  void open(const gemcut_model_info &model, const text::Tokenizer &tokenizer,
            const text::ChatTemplate &chat, Session &session);

  /// Conversations without instructions of their own begin with this, and slots
  /// do not run it.
  void setPrefix(const BakedPrefix &baked) { prefix = &baked; }

  /// Recognises control tokens in what users and the model write, too.
  void allowControlTokens(bool allow) { controlTokensAllowed = allow; }

  /// Forgets all turns; `system` are instructions for those to come, null
  /// leaves them to the prefix. GEMCUT_INVALID_ARGUMENT: the vocabulary lacks
  /// the tokens of turns, or that of thinking.
  [[nodiscard]] gemcut_status begin(const char *system, bool think);

  /// Adds the user's turn, takes the slot back to what it has in common with
  /// the conversation, and gives the ids to be run behind that.
  /// GEMCUT_INVALID_ARGUMENT: the template refuses the conversation.
  [[nodiscard]] gemcut_status ask(std::string_view prompt,
                                  std::vector<int32_t> &rest);
  /// Adds the model's turn; thoughts in it are left out of later prompts.
  void accept(const std::vector<int32_t> &answer);
  /// Takes the turn of `ask` back, which could not be answered.
  void withdraw();

  /// For conversations that the caller keeps: the ids of a prompt with all of
  /// `messages` (a List of Maps) and `tools` (a List, or undefined).
  /// GEMCUT_INVALID_ARGUMENT: as begin and ask.
  [[nodiscard]] gemcut_status render(const text::Value &messages,
                                     const text::Value &tools, bool think,
                                     std::vector<int32_t> &ids) const;
  /// Takes the slot back to what it has in common with `ids`, of which there is
  /// one at least, and gives those to be run behind that.
  [[nodiscard]] gemcut_status keepCommon(const std::vector<int32_t> &ids,
                                         std::vector<int32_t> &rest);

  /// Whether the model is asked to think, by `begin` or by the prefix.
  bool thinks() const { return shouldThink; }
  /// The turns so far, the system's first if there is one.
  const std::vector<text::Value> &turns() const { return messages; }
  /// Replaces the turns; `ask` goes on behind them.
  void restore(std::vector<text::Value> turns) { messages = std::move(turns); }

private:
  gemcut_status checkFormat(bool think) const;

  const gemcut_model_info *model = nullptr;
  const text::Tokenizer *tokenizer = nullptr;
  const text::ChatTemplate *chat = nullptr;
  Session *session = nullptr;
  const BakedPrefix *prefix = nullptr;
  std::vector<text::Value> messages;
  text::Value tools; // of the prefix
  bool shouldThink = false;
  bool controlTokensAllowed = false;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_DIALOGUE_H
