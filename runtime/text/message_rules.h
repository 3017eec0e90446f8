//===- message_rules.h - What requests may hold -----------------*- C++ -*-===//
//
// The form of messages and tools, as in chat-completion requests, that every
// way to hand over a conversation expects. What a chat template refuses beyond
// that comes later, in its own words.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_TEXT_MESSAGE_RULES_H
#define GEMCUT_RUNTIME_TEXT_MESSAGE_RULES_H

#include "runtime/text/value.h"

#include <optional>
#include <string>

namespace gemcut::text {

/// The first place that breaks a rule.
struct MessageFault {
  std::string place;          ///< "messages[3].content"
  std::string rule;           ///< "must be ..."; goes on behind the place
  bool isUnsupported = false; ///< right as such, but content that is no text
};

/// Messages are objects with a known role, text as content (which an answer
/// with calls may lack, and which is any value for a tool's result), and a list
/// as tool_calls, whose arguments are an object or the text of one. A tool's
/// tool_call_id is that of an earlier call; without one, which OpenAI's API
/// refuses, its "name" says whose result it is. `messages` is a List.
std::optional<MessageFault> findMessageFault(const Value &messages);

/// Tools are {"type": "function", "function": {"name": ...}} with names that
/// differ, of 1 to 64 letters, digits, '_' and '-', and an object as
/// parameters. `tools` is a List.
std::optional<MessageFault> findToolFault(const Value &tools);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_MESSAGE_RULES_H
