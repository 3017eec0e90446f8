//===- conversation.h - The turns so far, and their tokens ------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_CONVERSATION_H
#define GEMCUT_RUNTIME_CLI_CONVERSATION_H

#include "runtime/abi/model.h"
#include "runtime/abi/status.h"
#include "runtime/text/tokenizer.h"

#include <string>
#include <vector>

namespace gemcut::cli {

/// Turns of user and model, rendered as the model was trained to read them.
class Conversation {
public:
  /// `system` may be empty. Both references must outlive the conversation.
  /// GEMCUT_INVALID_ARGUMENT: the vocabulary lacks tokens of the chat format.
  [[nodiscard]] gemcut_status open(const text::Tokenizer &tokenizer,
                                   const gemcut_model_info &model,
                                   const std::string &system, bool think);

  void addUser(const std::string &text);
  /// `ids` as generated, without the stop id; thoughts are left out of the
  /// history.
  void addModel(const std::vector<int32_t> &ids);
  void removeLast() { turns.pop_back(); }
  void clear() { turns.clear(); }

  /// All ids up to where the model's next turn begins. Control tokens inside
  /// texts are ordinary text.
  std::vector<int32_t> render() const;

private:
  struct Turn {
    bool isModel;
    std::string text;
  };

  const text::Tokenizer *tokenizer = nullptr;
  const gemcut_model_info *model = nullptr;
  std::string system;
  bool think = false;
  std::vector<Turn> turns;
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_CONVERSATION_H
