//===- chat_tools.h - Tools and messages from JSON --------------*- C++ -*-===//
//
// Reads messages and tools as chat-completion requests carry them, and writes
// their values in the syntax of the template.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_CHAT_TOOLS_H
#define GEMCUT_RUNTIME_TEXT_CHAT_TOOLS_H

#include "runtime/abi/status.h"
#include "runtime/text/chat.h"

#include <nlohmann/json.hpp>

namespace gemcut::text {

/// A value inside a call or response: strings between <|"|>, objects with bare
/// keys sorted without regard to case (ASCII), numbers as Python writes them.
/// With `quoteKeys`, keys are written between <|"|> too.
std::string renderValue(const nlohmann::ordered_json &value,
                        bool quoteKeys = false);

/// declaration:NAME{...} of {"name", "description", "parameters", "response"}.
std::string renderDeclaration(const nlohmann::ordered_json &function);

/// Converts a list of messages and a list of tools (null: none), entries as in
/// chat-completion requests. Errors, GEMCUT_INVALID_ARGUMENT with a sentence in
/// `error`: a wrong type, an unknown content part, call arguments that are
/// neither an object nor null, an object as content of a tool message, nesting
/// deeper than 64.
[[nodiscard]] gemcut_status
readConversation(const nlohmann::ordered_json &messages,
                 const nlohmann::ordered_json &tools, Conversation *out,
                 std::string *error);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_CHAT_TOOLS_H
