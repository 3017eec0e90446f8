//===- chat_program.h - Reading a chat program ------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_CHAT_PROGRAM_H
#define GEMCUT_RUNTIME_TEXT_CHAT_PROGRAM_H

#include "runtime/abi/chat_program.h"

#include <cstring>
#include <string_view>

namespace gemcut::text {

/// A program in place, its bounds checked: reads of numbers that the header
/// does not allow give 0 or nothing.
class ProgramView {
public:
  /// False if the header, or the bounds of a part, make no sense.
  bool open(const uint8_t *bytes, size_t length);

  uint32_t codeLength() const { return header.code_length; }
  uint8_t byteAt(uint32_t at) const { return base[header.code + at]; }
  template <typename T> T read(uint32_t at) const {
    T value;
    std::memcpy(&value, base + header.code + at, sizeof(value));
    return value;
  }
  std::string_view string(uint32_t number) const;
  uint32_t stringCount() const { return header.string_count; }
  /// The number of a string, or the count if there is none.
  uint32_t findString(std::string_view text) const;
  bool macro(uint32_t number, gemcut_chat_macro &out) const;
  uint32_t parameter(const gemcut_chat_macro &macro, uint32_t index) const;
  /// The template's line of a place in the code, or 0.
  uint32_t lineOf(uint32_t code) const;

private:
  uint32_t wordAt(uint32_t offset, uint32_t index) const {
    uint32_t value;
    std::memcpy(&value, base + offset + size_t(index) * 4, sizeof(value));
    return value;
  }

  const uint8_t *base = nullptr;
  gemcut_chat_header header = {};
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_CHAT_PROGRAM_H
