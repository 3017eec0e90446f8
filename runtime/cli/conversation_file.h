//===- conversation_file.h - Conversations in files -------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_CONVERSATION_FILE_H
#define GEMCUT_RUNTIME_CLI_CONVERSATION_FILE_H

#include "runtime/abi/status.h"
#include "runtime/text/value.h"

namespace gemcut::cli {

/// Writes {"model": MODEL, "messages": [...]}, the messages as in
/// chat-completion requests, to a new file that then takes the place of `path`.
/// GEMCUT_SYSTEM_ERROR: it cannot be written.
[[nodiscard]] gemcut_status
saveConversation(const char *path, const char *model,
                 const std::vector<text::Value> &turns);

/// Reads such a file, or a list of messages. GEMCUT_SYSTEM_ERROR: it cannot be
/// read; GEMCUT_INVALID_ARGUMENT: it is no JSON, or a message is not of system,
/// user or assistant with a string as content.
[[nodiscard]] gemcut_status loadConversation(const char *path,
                                             std::vector<text::Value> &turns);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_CONVERSATION_FILE_H
