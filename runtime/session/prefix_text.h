//===- prefix_text.h - The beginning of conversations -----------*- C++ -*-===//
//
// What many conversations of a program begin with: messages, tools, whether the
// model thinks. As JSON an object
//
//   {"messages": [...], "tools": [...], "enable_thinking": true}
//
// of which only "messages" must be there, or the list of messages alone; in the
// form of chat-completion requests.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_PREFIX_TEXT_H
#define GEMCUT_RUNTIME_SESSION_PREFIX_TEXT_H

#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"

#include <string>
#include <vector>

namespace gemcut {

struct PrefixText {
  std::vector<text::Value> messages; // at least one
  text::Value tools;                 // a List, or undefined
  bool think = false;
};

/// GEMCUT_INVALID_ARGUMENT, with line and column or the message's index: it is
/// no JSON, or not of that form. `name` is for messages.
[[nodiscard]] gemcut_status readPrefixText(std::string_view json,
                                           const char *name, PrefixText &out);

/// The ids with which every conversation begins whose next message is of a
/// user, whatever that says. GEMCUT_INVALID_ARGUMENT: the template refuses it.
[[nodiscard]] gemcut_status encodePrefix(const PrefixText &prefix,
                                         const text::ChatTemplate &chat,
                                         const text::Tokenizer &tokenizer,
                                         std::vector<int32_t> &ids);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_PREFIX_TEXT_H
