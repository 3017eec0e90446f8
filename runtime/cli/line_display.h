//===- line_display.h - An edited text on the screen ------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_LINE_DISPLAY_H
#define GEMCUT_RUNTIME_CLI_LINE_DISPLAY_H

#include <cstddef>
#include <string>
#include <string_view>

namespace gemcut::cli {

/// Draws a text behind a prompt, in rows of the screen's width, and puts the
/// terminal's cursor where the text's is. Lines of the text begin below its
/// first. Knows only VT100's sequences, and where it left the cursor.
class LineDisplay {
public:
  /// The prompt's row is the one that the terminal's cursor is in.
  void begin(std::string_view prompt);
  /// Writes the rows again, as many as fit around the cursor's, which stands in
  /// front of byte `cursor`.
  void draw(std::string_view text, size_t cursor);
  /// Writes all rows and leaves them: the terminal's cursor goes below.
  void finish(std::string_view text);
  /// Empties the screen.
  void clear();

private:
  void draw(std::string_view text, size_t cursor, bool isFinished);

  std::string prompt;
  size_t shownCursor = 0; ///< row of the cursor on the screen, from the first
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_LINE_DISPLAY_H
