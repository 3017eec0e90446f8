//===- line_editor.cpp - Editing a turn in the terminal -------------------===//

#include "runtime/cli/line_editor.h"

#include "runtime/cli/terminal.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

using namespace gemcut::cli;

static constexpr char kControl(char letter) { return char(letter & 0x1F); }
static constexpr char kEscape = 27, kBackspace = 127;
static constexpr std::string_view kPasteEnd = "\x1b[201~";
static constexpr size_t kMaxHistory = 1000;

bool LineEditor::isPossible() { return canMoveCursor(); }

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
  text.insert(kept);
}

/// Up and down: to another line of the text, or to another text.
void LineEditor::moveRow(int by) {
  if (!text.moveLine(by))
    showEarlier(by);
}

void LineEditor::showEarlier(int by) {
  if (by < 0 ? place == 0 : place == history.size())
    return;
  if (place == history.size())
    fresh = text.str();
  place = by < 0 ? place - 1 : place + 1;
  text.set(place == history.size() ? fresh : history[place]);
}

void LineEditor::handleSequence(char last, int number, int modifier) {
  bool isWord = modifier == 5 || modifier == 3; // Ctrl, Alt
  switch (last) {
  case 'A':
    return moveRow(-1);
  case 'B':
    return moveRow(1);
  case 'C':
    text.moveTo(isWord ? text.nextWord() : text.next());
    return;
  case 'D':
    text.moveTo(isWord ? text.previousWord() : text.previous());
    return;
  case 'H':
    text.moveTo(text.lineBegin());
    return;
  case 'F':
    text.moveTo(text.lineEnd());
    return;
  case '~':
    if (number == 1 || number == 7)
      text.moveTo(text.lineBegin());
    else if (number == 4 || number == 8)
      text.moveTo(text.lineEnd());
    else if (number == 3)
      text.erase(text.next());
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
    return text.insert("\n");
  if (byte == 'b')
    text.moveTo(text.previousWord());
  else if (byte == 'f')
    text.moveTo(text.nextWord());
  else if (byte == 'd')
    text.kill(text.nextWord());
  else if (byte == kBackspace)
    text.kill(text.previousWord());
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
    if (text.str().empty())
      return true;
    text.erase(text.next());
    break;
  case '\n':
    text.insert("\n");
    break;
  case kEscape:
    handleEscape();
    break;
  case kBackspace:
  case kControl('h'):
    text.erase(text.previous());
    break;
  case kControl('a'):
    text.moveTo(text.lineBegin());
    break;
  case kControl('b'):
    text.moveTo(text.previous());
    break;
  case kControl('e'):
    text.moveTo(text.lineEnd());
    break;
  case kControl('f'):
    text.moveTo(text.next());
    break;
  case kControl('k'):
    text.kill(text.getCursor() == text.lineEnd() ? text.next()
                                                 : text.lineEnd());
    break;
  case kControl('l'):
    display.clear();
    break;
  case kControl('n'):
    showEarlier(1);
    break;
  case kControl('p'):
    showEarlier(-1);
    break;
  case kControl('u'):
    text.kill(text.lineBegin());
    break;
  case kControl('w'):
    text.kill(text.previousWord());
    break;
  case kControl('y'):
    text.yank();
    break;
  default:
    if (static_cast<uint8_t>(key) >= 0x20 || key == '\t')
      text.insert({&key, 1});
  }
  return false;
}

void LineEditor::draw() { display.draw(text.str(), text.getCursor()); }

void LineEditor::openHistory(const std::string &path) {
  file.open(path, kMaxHistory, history);
}

void LineEditor::addToHistory(const std::string &entered) {
  if (entered.empty() || (!history.empty() && history.back() == entered))
    return;
  history.push_back(entered);
  file.append(entered);
  if (history.size() > kMaxHistory)
    history.erase(history.begin());
}

LineEditor::Result LineEditor::read(std::string_view prompt, std::string &out) {
  RawMode mode;
  Result result = Result::End;
  text.set("");
  fresh.clear();
  place = history.size();
  display.begin(prompt);
  char key;
  draw();
  while (mode.isOn() && readByte(key) && !handle(key, result)) {
    draw();
    result = Result::End;
  }
  out = text.str();
  display.finish(out);
  if (result == Result::Text)
    addToHistory(out);
  return result;
}
