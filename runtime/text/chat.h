//===- chat.h - From messages to a prompt -----------------------*- C++ -*-===//
//
// The canonical Gemma 4 chat template (revision of 2026-07-09) and that of
// Gemma 3 as code; the vocabulary says which. Values of tools, calls and
// responses arrive already written in the template's syntax: chat_tools.h makes
// them from JSON, so that a program without tools links no JSON.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_CHAT_H
#define GEMCUT_RUNTIME_TEXT_CHAT_H

#include <string>
#include <string_view>
#include <vector>

namespace gemcut::text {

struct ContentPart {
  enum Kind { Text, Image, Audio, Video };
  Kind kind = Text;
  std::string text; // of Text
};

struct ToolCall {
  std::string id; // "" if the caller gave none
  std::string name;
  std::string arguments; // in braces: {city:<|"|>Oslo<|"|>}
};

struct ToolResponse {
  std::string name;
  std::string body; // in braces: {value:<|"|>4 degrees<|"|>}
};

struct Message {
  std::string role; // "system", "developer", "user", "assistant", "tool"
  std::vector<ContentPart> content;
  /// The content was given as a list of parts: a first system message then has
  /// one space after each part.
  bool contentIsList = false;
  std::string reasoning; // of earlier model output
  std::vector<ToolCall> toolCalls;
  /// Responses carried by the message that made the calls. Without them, the
  /// messages of role "tool" that follow are used.
  std::vector<ToolResponse> toolResponses;
  std::string toolCallId; // of role "tool"
  std::string name;       // of role "tool", used if no call has that id
  /// Of role "tool" with a content that is neither text nor a list: the value
  /// in the template's syntax, "null" or "3".
  std::string toolValue;
};

struct Conversation {
  std::vector<Message> messages;
  std::vector<std::string> tools; // declarations: declaration:NAME{...}
};

enum class TurnSyntax {
  /// <|turn>ROLE ... <turn|>: system turns, tools, thoughts (Gemma 4).
  Bars,
  /// <start_of_turn>ROLE ... <end_of_turn> (Gemma 3): turns of user and model.
  /// A system message stands in front of the first turn's text. Tools and
  /// thoughts are left out.
  StartOfTurn,
};

/// The syntax of a vocabulary whose token that opens a turn has this text.
TurnSyntax findTurnSyntax(std::string_view turnOpen);

struct RenderOptions {
  TurnSyntax syntax = TurnSyntax::Bars;
  bool addGenerationPrompt = true;
  bool enableThinking = false;
  bool preserveThinking = false;
  /// The template of 12B, 26B-A4B and 31B: an empty thought is written into the
  /// generation prompt when thinking is off.
  bool largeTemplate = false;
};

/// A message whose content is one text.
Message makeMessage(std::string_view role, std::string_view text);

/// The prompt. Contains <bos>, so encode it with parseSpecial. Text that users
/// wrote is not escaped: the format has no escapes, <turn|> in it ends the
/// turn.
std::string renderChat(const Conversation &conversation,
                       const RenderOptions &options);

/// What to append to a context that ends with the model's last turn, instead of
/// rendering everything again: closes that turn, adds the user's and opens the
/// model's. `turnClosed`: the token that ends a turn is the last one in the
/// context (generation stopped on it and it was fed); otherwise (stopped by
/// <eos>, by a length limit or by the user) it is written first. Unlike
/// renderChat, thoughts of earlier turns stay in the context.
std::string renderNextTurn(std::string_view userText, bool turnClosed,
                           const RenderOptions &options);

/// Removes every <|channel>...<channel|> span (to the end where it is not
/// closed) and trims what is left.
std::string stripThinking(std::string_view text);

/// The string syntax of calls and responses: <|"|>TEXT<|"|>, nothing escaped.
std::string quoteValue(std::string_view text);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_CHAT_H
