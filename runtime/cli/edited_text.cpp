//===- edited_text.cpp - A text with a cursor -----------------------------===//

#include "runtime/cli/edited_text.h"

#include "runtime/text/python_text.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::cli;

static bool isBlank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

void EditedText::set(std::string_view other) {
  text = other;
  cursor = text.size();
}

void EditedText::insert(std::string_view more) {
  text.insert(cursor, more);
  cursor += more.size();
}

void EditedText::erase(size_t place) {
  size_t begin = std::min(cursor, place);
  text.erase(begin, std::max(cursor, place) - begin);
  cursor = begin;
}

void EditedText::kill(size_t place) {
  size_t begin = std::min(cursor, place);
  killed = text.substr(begin, std::max(cursor, place) - begin);
  erase(place);
}

bool EditedText::moveLine(int by) {
  size_t begin = lineBegin(), end = lineEnd();
  size_t column = text::countCharacters(
      std::string_view(text).substr(begin, cursor - begin));
  if (by < 0 ? begin == 0 : end == text.size())
    return false;
  cursor = by < 0 ? begin - 1 : end + 1;
  begin = lineBegin();
  end = lineEnd();
  cursor =
      begin + text::findCharacter(
                  std::string_view(text).substr(begin, end - begin), column);
  return true;
}

size_t EditedText::previous() const {
  size_t at = cursor;
  while (at > 0 && (static_cast<uint8_t>(text[--at]) & 0xC0) == 0x80)
    ;
  return at;
}

size_t EditedText::next() const {
  return cursor < text.size() ? cursor + text::characterLength(text, cursor)
                              : cursor;
}

size_t EditedText::previousWord() const {
  size_t at = cursor;
  while (at > 0 && isBlank(text[at - 1]))
    --at;
  while (at > 0 && !isBlank(text[at - 1]))
    --at;
  return at;
}

size_t EditedText::nextWord() const {
  size_t at = cursor;
  while (at < text.size() && isBlank(text[at]))
    ++at;
  while (at < text.size() && !isBlank(text[at]))
    ++at;
  return at;
}

size_t EditedText::lineBegin() const {
  size_t end = cursor == 0 ? std::string::npos : text.rfind('\n', cursor - 1);
  return end == std::string::npos ? 0 : end + 1;
}

size_t EditedText::lineEnd() const {
  return std::min(text.find('\n', cursor), text.size());
}
