//===- utf8.h - Decoding UTF-8 ----------------------------------*- C++ -*-===//
//
// Strict UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_UTF8_H
#define GEMCUT_RUNTIME_TEXT_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gemcut::text {

/// U+FFFD, written for each byte that is not part of a valid sequence.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
/// U+2581, which stands for a space inside pieces.
inline constexpr std::string_view kSpacePiece = "\xE2\x96\x81";

/// Bytes of the sequence that begins with `lead`; 0 if none does.
inline size_t utf8Length(uint8_t lead) {
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/// True if `next` may follow `lead` as second byte.
inline bool utf8SecondByte(uint8_t lead, uint8_t next) {
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return next >= low && next <= high;
}

/// Decodes the sequence at the start of `text` and returns its length, or
/// returns 0 where none is valid (the caller then takes one byte).
inline size_t decodeUtf8(const char *text, size_t available,
                         uint32_t &codePoint) {
  if (available == 0)
    return 0;
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  size_t length = utf8Length(byte(0));
  if (length <= 1) {
    codePoint = byte(0);
    return length;
  }
  if (length > available || !utf8SecondByte(byte(0), byte(1)))
    return 0;
  uint32_t value = byte(0) & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  codePoint = value;
  return length;
}

inline void appendUtf8(uint32_t codePoint, std::string &out) {
  auto push = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (codePoint < 0x80) {
    push(codePoint);
    return;
  }
  if (codePoint < 0x800) {
    push(0xC0 | codePoint >> 6);
  } else {
    if (codePoint < 0x10000) {
      push(0xE0 | codePoint >> 12);
    } else {
      push(0xF0 | codePoint >> 18);
      push(0x80 | (codePoint >> 12 & 0x3F));
    }
    push(0x80 | (codePoint >> 6 & 0x3F));
  }
  push(0x80 | (codePoint & 0x3F));
}

inline bool isValidUtf8(std::string_view text) {
  uint32_t codePoint;
  for (size_t i = 0; i < text.size();) {
    size_t length = decodeUtf8(text.data() + i, text.size() - i, codePoint);
    if (length == 0)
      return false;
    i += length;
  }
  return true;
}

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_UTF8_H
