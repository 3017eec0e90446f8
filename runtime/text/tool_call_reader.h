//===- tool_call_reader.h - Calls as models write them ----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_TOOL_CALL_READER_H
#define GEMCUT_RUNTIME_TEXT_TOOL_CALL_READER_H

#include <string>
#include <string_view>

namespace gemcut::text {

/// Stands for the token <|"|> in the text of a call: no byte of UTF-8.
inline constexpr char kQuoteMark = '\xFF';

/// Reads the text between <|tool_call> and <tool_call|>:
///
///   CALL  := [call:] NAME { ARGS }
///   ARGS  := KEY:VALUE,...       KEY bare, or quoted in either way
///   VALUE := <|"|>TEXT<|"|> | "JSON string" | number | true | false | null |
///            [VALUE,...] | {ARGS} | bare text up to , } or ]
///
/// White space may stand between all parts. Strings between <|"|> have no
/// escapes. What is still open at the end is closed; what stands behind the
/// object is dropped. `arguments` becomes a JSON object. False if there is no
/// name or no object, or if more than 64 containers lie inside each other.
bool readToolCall(std::string_view call, std::string &name,
                  std::string &arguments);

/// The text with <|"|> spelled out.
std::string spellQuotes(std::string_view call);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_TOOL_CALL_READER_H
