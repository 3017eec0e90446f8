//===- edited_text.h - A text with a cursor ---------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_EDITED_TEXT_H
#define GEMCUT_RUNTIME_CLI_EDITED_TEXT_H

#include <cstddef>
#include <string>
#include <string_view>

namespace gemcut::cli {

/// A text of one or more lines (UTF-8) with a cursor, and what readline's Emacs
/// mode does to both. Places are bytes of the text where a character begins, or
/// its end.
class EditedText {
public:
  const std::string &str() const { return text; }
  size_t getCursor() const { return cursor; }

  /// Another text, with the cursor at its end.
  void set(std::string_view other);
  /// Puts text in front of the cursor.
  void insert(std::string_view more);
  /// Removes what lies between the cursor and a place.
  void erase(size_t place);
  /// As erase, and keeps it for `yank`.
  void kill(size_t place);
  /// Inserts what was killed last.
  void yank() { insert(killed); }

  void moveTo(size_t place) { cursor = place; }
  /// To the line above (by -1) or below (1), to the same column if it has that
  /// many; false if there is none.
  bool moveLine(int by);

  /// Places, as seen from the cursor.
  size_t previous() const;
  size_t next() const;
  size_t previousWord() const;
  size_t nextWord() const;
  size_t lineBegin() const;
  size_t lineEnd() const;

private:
  std::string text, killed;
  size_t cursor = 0;
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_EDITED_TEXT_H
