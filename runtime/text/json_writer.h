//===- json_writer.h - Values to JSON ---------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_JSON_WRITER_H
#define GEMCUT_RUNTIME_TEXT_JSON_WRITER_H

#include "runtime/text/value.h"

namespace gemcut::text {

/// How Python's json.dumps writes: its arguments.
struct JsonStyle {
  int indent = -1; // of lines; below 0: all in one
  /// Between entries, and behind keys; null: as dumps does.
  const MarkedText *itemSeparator = nullptr, *keySeparator = nullptr;
  bool isAscii = false; // "ensure_ascii"
};

/// Appends JSON as json.dumps writes it. False for values without a JSON form
/// (undefined ones, macros, numbers that are not finite).
[[nodiscard]] bool writeJson(const Value &value, const JsonStyle &style,
                             MarkedText &out);

/// The compact form, without spaces; undefined values become null.
std::string toCompactJson(const Value &value);

/// Appends `text` in quotes and with JSON's escapes; bytes that are no UTF-8
/// become U+FFFD.
void appendJsonString(std::string_view text, std::string &out);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_JSON_WRITER_H
