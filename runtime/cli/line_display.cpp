//===- line_display.cpp - An edited text on the screen --------------------===//

#include "runtime/cli/line_display.h"

#include "runtime/cli/terminal.h"
#include "runtime/text/python_text.h"
#include "runtime/text/utf8.h"

#include <algorithm>
#include <vector>

using namespace gemcut;
using namespace gemcut::cli;

static constexpr int kTabColumns = 4;

/// Columns that a character takes: 0 for those that join the one before, 2 for
/// those of East Asia and pictures.
static int columnsOf(uint32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) ||
      (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F) ||
      (c >= 0x1F3FB && c <= 0x1F3FF) || (c >= 0xE0100 && c <= 0xE01EF))
    return 0;
  if ((c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
      (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
      (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
      (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1F64F) ||
      (c >= 0x1F680 && c <= 0x1F6FF) || (c >= 0x1F900 && c <= 0x1FAFF) ||
      (c >= 0x20000 && c <= 0x3FFFD))
    return 2;
  return 1;
}

/// A character as it is shown, and its columns.
static int showCharacter(std::string_view bytes, std::string &out) {
  uint32_t point;
  if (bytes == "\t") {
    out.append(kTabColumns, ' ');
    return kTabColumns;
  }
  if (text::decodeUtf8(bytes.data(), bytes.size(), point) == 0 ||
      point < 0x20 || (point >= 0x7F && point < 0xA0)) {
    out += text::kReplacement;
    return 1;
  }
  out += bytes;
  return columnsOf(point);
}

void LineDisplay::begin(std::string_view shown) {
  prompt = shown;
  shownCursor = 0;
}

void LineDisplay::draw(std::string_view text, size_t cursor) {
  draw(text, cursor, /*isFinished=*/false);
}

void LineDisplay::finish(std::string_view text) {
  draw(text, text.size(), /*isFinished=*/true);
}

void LineDisplay::clear() {
  writeToTerminal("\x1b[H\x1b[2J");
  shownCursor = 0;
}

void LineDisplay::draw(std::string_view text, size_t cursor, bool isFinished) {
  ScreenSize size = getScreenSize();
  int width = size.columns, column = 0, cursorColumn = 0;
  std::vector<std::string> rows(1, prompt);
  for (size_t i = 0; i < prompt.size(); i += text::characterLength(prompt, i))
    ++column;
  int indent = column;
  size_t cursorRow = 0;
  for (size_t i = 0, length; i <= text.size(); i += length) {
    bool isBreak = i < text.size() && text[i] == '\n';
    std::string shown;
    length = i < text.size() ? text::characterLength(text, i) : 1;
    int columns = i == text.size() || isBreak
                      ? 0
                      : showCharacter(text.substr(i, length), shown);
    // The cursor needs a column, too.
    if (column + std::max(columns, 1) > width && columns + indent <= width) {
      rows.emplace_back();
      column = 0;
    }
    if (i == cursor) {
      cursorRow = rows.size() - 1;
      cursorColumn = column;
    }
    rows.back() += shown;
    column += columns;
    if (isBreak) {
      rows.emplace_back(size_t(indent), ' ');
      column = indent;
    }
  }
  size_t most = isFinished ? rows.size() : size_t(size.rows - 1);
  size_t first = cursorRow < most ? 0 : cursorRow - most + 1;
  size_t end = std::min(rows.size(), first + most);

  std::string out;
  if (shownCursor > 0)
    out += "\x1b[" + std::to_string(shownCursor) + "A";
  out += "\r\x1b[J";
  for (size_t i = first; i < end; ++i)
    out += (i > first ? "\r\n" : "") + rows[i];
  if (isFinished) {
    out += "\r\n";
    shownCursor = 0;
  } else {
    if (end - 1 > cursorRow)
      out += "\x1b[" + std::to_string(end - 1 - cursorRow) + "A";
    out += '\r';
    if (cursorColumn > 0)
      out += "\x1b[" + std::to_string(cursorColumn) + "C";
    shownCursor = cursorRow - first;
  }
  writeToTerminal(out);
}
