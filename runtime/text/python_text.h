//===- python_text.h - Texts as Python writes and cuts them -----*- C++ -*-===//
//
// Chat templates were written for Python's strings: code points, its white
// space, its spelling of values.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_PYTHON_TEXT_H
#define GEMCUT_RUNTIME_TEXT_PYTHON_TEXT_H

#include "runtime/text/value.h"

namespace gemcut::text {

/// repr() of a float: the shortest digits that read back as the same number,
/// with an exponent below 1e-4 and from 1e16 on.
std::string formatReal(double value);

/// Appends str(value): a string as it is, None, True, 1.5, ['a', {'b': 1}];
/// nothing for undefined values.
void appendText(const Value &value, MarkedText &out);
MarkedText toText(const Value &value);

/// Bytes of the character at `at`; 1 where there is no valid one.
size_t characterLength(std::string_view text, size_t at);
size_t countCharacters(std::string_view text);
/// The byte at which character `index` begins, or the text's size.
size_t findCharacter(std::string_view text, size_t index);

/// What str.isspace() is true for.
bool isSpace(uint32_t codePoint);

/// str.strip() of white space, or of the characters in `characters` unless it
/// is null; on the sides that are asked for.
MarkedText strip(const MarkedText &text, bool left, bool right,
                 const std::string_view *characters);
std::string_view trim(std::string_view text);

enum class Case { Lower, Upper, Title, Capitalize };
/// str.lower(), upper(), title(), capitalize(); without the rule for a final
/// sigma and without digraphs' title case.
MarkedText convertCase(const MarkedText &text, Case to);
/// As dictsort and sort compare keys.
std::string toLower(std::string_view text);

/// str.replace(); `count` below 0: all.
MarkedText replaceAll(const MarkedText &text, const MarkedText &from,
                      const MarkedText &to, int64_t count);

/// str.split(separator, most), or rsplit; without a separator at runs of white
/// space. `most` below 0: no limit.
std::vector<Value> split(const MarkedText &text,
                         const std::string_view *separator, int64_t most,
                         bool fromRight);
/// str.splitlines().
std::vector<Value> splitLines(const MarkedText &text);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_PYTHON_TEXT_H
