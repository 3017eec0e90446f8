//===- history_file.h - Turns of earlier conversations ----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_HISTORY_FILE_H
#define GEMCUT_RUNTIME_CLI_HISTORY_FILE_H

#include <string>
#include <string_view>
#include <vector>

namespace gemcut::cli {

/// What was typed in a terminal, a line per text, with \n and \\ in it escaped.
/// Readable by its owner alone. A file that cannot be read or written is no
/// history, and no error.
class HistoryFile {
public:
  /// $XDG_STATE_HOME/gemcut/history, or ~/.local/state/gemcut/history; empty
  /// without a home.
  static std::string findPath();

  /// Adds the latest `most` texts of the file `path` to `texts`; a file with
  /// many more is cut to them.
  void open(const std::string &path, size_t most,
            std::vector<std::string> &texts);
  void append(std::string_view text) const;

private:
  std::string path; // empty: none
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_HISTORY_FILE_H
