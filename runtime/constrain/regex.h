//===- regex.h - Regular expressions ----------------------------*- C++ -*-===//
//
// The subset of ECMA-262 expressions (with the flag u) that are regular:
//
//   .  [abc]  [^a-z]  \d \w \s \D \W \S  \t \n \r \f \v \0  \xHH  \uHHHH
//   \u{H...}  \ before any of  ^ $ \ . * + ? ( ) [ ] { } | / - , and \cX not
//   (...)  (?:...)  (?<name>...)   groups, which capture nothing
//   a|b    * + ? {m} {m,} {m,n}, also lazy (which is the same set of texts)
//   ^ $    beginning and end of the text
//   (?=...) (?!...)   behind a ^ that begins a pattern without alternatives
//
// Characters are code points. As in ECMA-262, \d and \w are ASCII, and . is any
// character but U+000A, U+000D, U+2028 and U+2029. Not supported, with a
// message that says so: back references, other look-around, \b, \p.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_REGEX_H
#define GEMCUT_RUNTIME_CONSTRAIN_REGEX_H

#include "runtime/constrain/char_automaton.h"

#include <string>
#include <string_view>

namespace gemcut::constrain {

enum class RegexSpan {
  Whole,    // texts that match from beginning to end
  Anywhere, // texts that have a match in them, as JSON schema's `pattern`
};

/// The trimmed automaton of a pattern (UTF-8); at most kMostStates states and
/// edges. False with a sentence in `error` that names the byte of the pattern:
/// what is malformed, unsupported, too large, or that no text matches.
[[nodiscard]] bool parseRegex(std::string_view pattern, RegexSpan span,
                              CharAutomaton &out, std::string &error);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_REGEX_H
