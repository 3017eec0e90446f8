//===- line_editor.cpp - Editing a turn in the terminal -------------------===//

#include "runtime/cli/line_editor.h"

#include "runtime/text/python_text.h"
#include "runtime/text/utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::cli;

namespace {

constexpr char kControl(char letter) { return char(letter & 0x1F); }
constexpr char kEscape = 27, kBackspace = 127;
constexpr std::string_view kPasteEnd = "\x1b[201~";
constexpr int kTabColumns = 4;
constexpr size_t kMaxHistory = 1000;

void write(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR)
      return;
    if (count > 0)
      bytes.remove_prefix(size_t(count));
  }
}

/// The terminal gives keys as they come, and marks pasted text.
class RawMode {
public:
  RawMode() {
    isOn = tcgetattr(STDIN_FILENO, &before) == 0;
    if (!isOn)
      return;
    termios raw = before;
    raw.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_cflag |= CS8;
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    isOn = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
    write("\x1b[?2004h");
  }
  ~RawMode() {
    if (!isOn)
      return;
    write("\x1b[?2004l");
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  }

  bool isOn;

private:
  termios before;
};

winsize screenSize() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 4)
    size.ws_col = 80;
  if (size.ws_row < 2)
    size.ws_row = 24;
  return size;
}

/// A character as it is shown, and its columns.
int showCharacter(std::string_view bytes, std::string &out) {
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

} // namespace

int gemcut::cli::columnsOf(uint32_t c) {
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

bool LineEditor::isPossible() {
  const char *terminal = getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && terminal &&
         *terminal && strcmp(terminal, "dumb") != 0;
}

bool LineEditor::readByte(char &byte) {
  while (true) {
    ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count == 1)
      return true;
    if (count == 0 || errno != EINTR)
      return false;
    draw(); // the window may have another size
  }
}

size_t LineEditor::previous(size_t at) const {
  while (at > 0 && (static_cast<uint8_t>(text[--at]) & 0xC0) == 0x80)
    ;
  return at;
}

size_t LineEditor::next(size_t at) const {
  return at < text.size() ? at + text::characterLength(text, at) : at;
}

static bool isBlank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

size_t LineEditor::previousWord(size_t at) const {
  while (at > 0 && isBlank(text[at - 1]))
    --at;
  while (at > 0 && !isBlank(text[at - 1]))
    --at;
  return at;
}

size_t LineEditor::nextWord(size_t at) const {
  while (at < text.size() && isBlank(text[at]))
    ++at;
  while (at < text.size() && !isBlank(text[at]))
    ++at;
  return at;
}

size_t LineEditor::lineBegin() const {
  size_t end = cursor == 0 ? std::string::npos : text.rfind('\n', cursor - 1);
  return end == std::string::npos ? 0 : end + 1;
}

size_t LineEditor::lineEnd() const {
  return std::min(text.find('\n', cursor), text.size());
}

void LineEditor::insert(std::string_view more) {
  text.insert(cursor, more);
  cursor += more.size();
}

void LineEditor::erase(size_t begin, size_t end) {
  killed = text.substr(begin, end - begin);
  text.erase(begin, end - begin);
  cursor = begin;
}

/// Takes pasted bytes up to the mark of their end, lines and all.
void LineEditor::paste() {
  std::string pasted;
  char byte;
  while (readByte(byte)) {
    pasted += byte;
    if (byte == '~' && pasted.size() >= kPasteEnd.size() &&
        pasted.compare(pasted.size() - kPasteEnd.size(), kPasteEnd.size(),
                       kPasteEnd) == 0) {
      pasted.resize(pasted.size() - kPasteEnd.size());
      break;
    }
  }
  std::string kept;
  for (size_t i = 0; i < pasted.size(); ++i) {
    char c = pasted[i];
    if (c == '\r') {
      kept += '\n';
      if (i + 1 < pasted.size() && pasted[i + 1] == '\n')
        ++i;
    } else if (static_cast<uint8_t>(c) >= 0x20 || c == '\n' || c == '\t') {
      kept += c;
    }
  }
  insert(kept);
}

/// Up and down: to another line of the text, or to another text.
void LineEditor::moveRow(int by) {
  size_t begin = lineBegin(), end = lineEnd();
  size_t column = text::countCharacters(
      std::string_view(text).substr(begin, cursor - begin));
  if (by < 0 ? begin == 0 : end == text.size())
    return showEarlier(by);
  cursor = by < 0 ? begin - 1 : end + 1;
  begin = lineBegin();
  end = lineEnd();
  cursor =
      begin + text::findCharacter(
                  std::string_view(text).substr(begin, end - begin), column);
}

void LineEditor::showEarlier(int by) {
  if (by < 0 ? place == 0 : place == history.size())
    return;
  if (place == history.size())
    fresh = text;
  place = by < 0 ? place - 1 : place + 1;
  text = place == history.size() ? fresh : history[place];
  cursor = text.size();
}

void LineEditor::handleSequence(char last, int number, int modifier) {
  bool isWord = modifier == 5 || modifier == 3; // Ctrl, Alt
  switch (last) {
  case 'A':
    return moveRow(-1);
  case 'B':
    return moveRow(1);
  case 'C':
    cursor = isWord ? nextWord(cursor) : next(cursor);
    return;
  case 'D':
    cursor = isWord ? previousWord(cursor) : previous(cursor);
    return;
  case 'H':
    cursor = lineBegin();
    return;
  case 'F':
    cursor = lineEnd();
    return;
  case '~':
    if (number == 1 || number == 7)
      cursor = lineBegin();
    else if (number == 4 || number == 8)
      cursor = lineEnd();
    else if (number == 3 && cursor < text.size())
      text.erase(cursor, next(cursor) - cursor);
    else if (number == 200)
      paste();
    return;
  default:
    return;
  }
}

void LineEditor::handleEscape() {
  char byte;
  if (!readByte(byte))
    return;
  if (byte == '\r' || byte == '\n')
    return insert("\n");
  if (byte == 'b')
    cursor = previousWord(cursor);
  else if (byte == 'f')
    cursor = nextWord(cursor);
  else if (byte == 'd')
    erase(cursor, nextWord(cursor));
  else if (byte == kBackspace)
    erase(previousWord(cursor), cursor);
  if (byte != '[' && byte != 'O')
    return;
  int numbers[2] = {0, 0}, at = 0;
  while (readByte(byte)) {
    if (byte >= '0' && byte <= '9') {
      numbers[at] = std::min(numbers[at] * 10 + (byte - '0'), 9999);
    } else if (byte == ';') {
      at = 1;
    } else {
      return handleSequence(byte, numbers[0], numbers[1]);
    }
  }
}

bool LineEditor::handle(char key, Result &result) {
  switch (key) {
  case '\r':
    result = Result::Text;
    return true;
  case kControl('c'):
    result = Result::Interrupted;
    return true;
  case kControl('d'):
    result = Result::End;
    if (text.empty())
      return true;
    text.erase(cursor, next(cursor) - cursor);
    break;
  case '\n':
    insert("\n");
    break;
  case kEscape:
    handleEscape();
    break;
  case kBackspace:
  case kControl('h'): {
    size_t begin = previous(cursor);
    text.erase(begin, cursor - begin);
    cursor = begin;
    break;
  }
  case kControl('a'):
    cursor = lineBegin();
    break;
  case kControl('b'):
    cursor = previous(cursor);
    break;
  case kControl('e'):
    cursor = lineEnd();
    break;
  case kControl('f'):
    cursor = next(cursor);
    break;
  case kControl('k'):
    erase(cursor, cursor == lineEnd() ? next(cursor) : lineEnd());
    break;
  case kControl('l'):
    write("\x1b[H\x1b[2J");
    shownCursor = 0;
    break;
  case kControl('n'):
    showEarlier(1);
    break;
  case kControl('p'):
    showEarlier(-1);
    break;
  case kControl('u'):
    erase(lineBegin(), cursor);
    break;
  case kControl('w'):
    erase(previousWord(cursor), cursor);
    break;
  case kControl('y'):
    insert(killed);
    break;
  default:
    if (static_cast<uint8_t>(key) >= 0x20 || key == '\t')
      insert({&key, 1});
  }
  return false;
}

/// Writes the rows again, as many as fit around the cursor's.
void LineEditor::draw(bool isFinished) {
  winsize size = screenSize();
  int width = size.ws_col, column = 0, cursorColumn = 0;
  std::vector<std::string> rows(1, prompt);
  for (size_t i = 0; i < prompt.size(); i += text::characterLength(prompt, i))
    ++column;
  int indent = column;
  size_t cursorRow = 0;
  for (size_t i = 0, length; i <= text.size(); i += length) {
    bool isBreak = i < text.size() && text[i] == '\n';
    std::string shown;
    length = i < text.size() ? text::characterLength(text, i) : 1;
    int columns =
        i == text.size() || isBreak
            ? 0
            : showCharacter(std::string_view(text).substr(i, length), shown);
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
  size_t most = isFinished ? rows.size() : size_t(size.ws_row - 1);
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
  write(out);
}

void LineEditor::openHistory(const std::string &path) {
  file.open(path, kMaxHistory, history);
}

LineEditor::Result LineEditor::read(std::string_view shown, std::string &out) {
  RawMode mode;
  Result result = Result::End;
  prompt = shown;
  text.clear();
  fresh.clear();
  cursor = shownCursor = 0;
  place = history.size();
  char key;
  draw();
  while (mode.isOn && readByte(key) && !handle(key, result)) {
    draw();
    result = Result::End;
  }
  cursor = text.size();
  draw(/*isFinished=*/true);
  if (result == Result::Text && !text.empty() &&
      (history.empty() || history.back() != text)) {
    history.push_back(text);
    file.append(text);
    if (history.size() > kMaxHistory)
      history.erase(history.begin());
  }
  out = text;
  return result;
}
