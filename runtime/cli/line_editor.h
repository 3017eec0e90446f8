//===- line_editor.h - Editing a turn in the terminal -----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_LINE_EDITOR_H
#define GEMCUT_RUNTIME_CLI_LINE_EDITOR_H

#include "runtime/cli/edited_text.h"
#include "runtime/cli/history_file.h"
#include "runtime/cli/line_display.h"

#include <string>
#include <string_view>
#include <vector>

namespace gemcut::cli {

/// Reads texts from a terminal (VT100 sequences, UTF-8) with a cursor, keys as
/// in readline's Emacs mode, and the texts entered before. A text may have
/// several lines: Ctrl-J or Alt-Enter begins one, and pasted ones stay in it
/// (bracketed paste). Writes to stderr.
class LineEditor {
public:
  enum class Result {
    Text,
    Interrupted, // Ctrl-C
    End,         // Ctrl-D in an empty text, or the terminal is gone
  };

  /// stdin and stderr are a terminal that can move its cursor.
  static bool isPossible();

  /// Begins with the texts of a file, and adds to it what is entered.
  void openHistory(const std::string &path);

  Result read(std::string_view prompt, std::string &out);

private:
  bool readByte(char &byte);
  /// Handles a key; true when the text is finished, as `result` says.
  bool handle(char key, Result &result);
  void handleEscape();
  void handleSequence(char last, int number, int modifier);
  void paste();
  void moveRow(int by);
  void showEarlier(int by);
  void addToHistory(const std::string &entered);
  void draw();

  EditedText text;
  LineDisplay display;
  std::vector<std::string> history;
  HistoryFile file;
  size_t place = 0;  ///< in the history; its size: the new text
  std::string fresh; ///< the new text while an earlier one is shown
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_LINE_EDITOR_H
