//===- chat_program.cpp - Reading a chat program --------------------------===//

#include "runtime/text/chat_program.h"

using namespace gemcut::text;

bool ProgramView::open(const uint8_t *bytes, size_t length) {
  base = bytes;
  if (length < sizeof(header))
    return false;
  std::memcpy(&header, bytes, sizeof(header));
  auto fits = [&](uint32_t offset, uint64_t count, size_t size) {
    return offset >= sizeof(header) && offset + count * size <= header.length;
  };
  if (std::memcmp(header.magic, GEMCUT_CHAT_MAGIC, sizeof(header.magic)) ||
      header.version != GEMCUT_CHAT_VERSION || header.length > length ||
      !fits(header.strings, uint64_t(header.string_count) + 1, 4) ||
      !fits(header.macros, header.macro_count, sizeof(gemcut_chat_macro)) ||
      !fits(header.parameters, header.parameter_count, 4) ||
      !fits(header.lines, header.line_count, sizeof(gemcut_chat_line)) ||
      !fits(header.code, header.code_length, 1))
    return false;
  uint32_t before = 0;
  for (uint32_t i = 0; i <= header.string_count; ++i) {
    uint32_t offset = wordAt(header.strings, i);
    if (offset < before)
      return false;
    before = offset;
  }
  return fits(header.string_bytes, before, 1);
}

std::string_view ProgramView::string(uint32_t number) const {
  if (number >= header.string_count)
    return {};
  uint32_t begin = wordAt(header.strings, number);
  return {reinterpret_cast<const char *>(base) + header.string_bytes + begin,
          wordAt(header.strings, number + 1) - begin};
}

uint32_t ProgramView::findString(std::string_view text) const {
  uint32_t number = 0;
  while (number < header.string_count && string(number) != text)
    ++number;
  return number;
}

bool ProgramView::macro(uint32_t number, gemcut_chat_macro &out) const {
  if (number >= header.macro_count)
    return false;
  std::memcpy(&out, base + header.macros + number * sizeof(out), sizeof(out));
  return out.code < header.code_length && out.parameter_count <= 64 &&
         uint64_t(out.first_parameter) + out.parameter_count <=
             header.parameter_count;
}

uint32_t ProgramView::parameter(const gemcut_chat_macro &macro,
                                uint32_t index) const {
  return wordAt(header.parameters, macro.first_parameter + index);
}

uint32_t ProgramView::lineOf(uint32_t code) const {
  uint32_t line = 0;
  for (uint32_t i = 0; i < header.line_count; ++i) {
    gemcut_chat_line entry;
    std::memcpy(&entry, base + header.lines + i * sizeof(entry), sizeof(entry));
    if (entry.code > code)
      break;
    line = entry.line;
  }
  return line;
}
