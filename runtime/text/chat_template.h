//===- chat_template.h - Messages to a prompt -------------------*- C++ -*-===//
//
// Runs the program that the model's chat template was compiled to
// (runtime/abi/chat_program.h).
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_CHAT_TEMPLATE_H
#define GEMCUT_RUNTIME_TEXT_CHAT_TEMPLATE_H

#include "runtime/abi/status.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/value.h"

namespace gemcut::text {

struct ChatOptions {
  bool addGenerationPrompt = true;
  bool enableThinking = false;
  bool preserveThinking = false;
  std::string bosToken = "<bos>", eosToken = "<eos>";
  /// Seconds since 1970 for strftime_now (local time); below 0: the clock.
  int64_t now = -1;
  /// Operations that the template may take, against endless loops.
  uint64_t maxSteps = uint64_t(1) << 28;
  /// A Map of further variables of the template, which win over those above
  /// ("chat_template_kwargs" of a request), or undefined.
  Value variables;
};

/// Options with the tokenizer's own spelling of <bos> and <eos>.
ChatOptions makeChatOptions(const Tokenizer &tokenizer);

/// A message {"role": ROLE, "content": TEXT}, its text untrusted.
Value makeMessage(std::string_view role, std::string_view content);

/// Holds pointers into the program only: cheap to copy. All members are const
/// and may be called from several threads at once.
class ChatTemplate {
public:
  /// Uses `program` in place. GEMCUT_CORRUPT_ARTIFACT: it is damaged.
  [[nodiscard]] static gemcut_status open(const uint8_t *program, size_t length,
                                          ChatTemplate *out,
                                          std::string *error);

  /// The prompt of `messages` (a List of Maps as in chat-completion requests)
  /// and `tools` (a List of declarations {"type": "function", "function":
  /// {...}}, or undefined). The text contains <bos>: encode it with
  /// Tokenizer::encode(MarkedText). Texts of values that parseJson or
  /// makeMessage gave are untrusted in it.
  /// GEMCUT_INVALID_ARGUMENT, with a sentence in `error`: the template refuses
  /// the messages (raise_exception, an operation that a value cannot take), or
  /// a limit was passed (macros 256 deep, `maxSteps`, 256 MiB).
  [[nodiscard]] gemcut_status render(const Value &messages, const Value &tools,
                                     const ChatOptions &options,
                                     MarkedText *out, std::string *error) const;

private:
  const uint8_t *program = nullptr;
  size_t length = 0;
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_CHAT_TEMPLATE_H
