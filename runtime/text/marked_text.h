//===- marked_text.h - Bytes and where they come from -----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_MARKED_TEXT_H
#define GEMCUT_RUNTIME_TEXT_MARKED_TEXT_H

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gemcut::text {

/// The bytes [begin, end) of a text.
struct Span {
  size_t begin, end;
  bool operator==(const Span &other) const {
    return begin == other.begin && end == other.end;
  }
};

/// A text that knows which of its bytes were written by users, tools or the
/// model, and not by the chat template. In such bytes no control token is
/// recognised (Tokenizer::encode), so nobody can end a turn by writing <turn|>.
struct MarkedText {
  std::string bytes;
  std::vector<Span> untrusted; // sorted, not empty, apart from each other

  static MarkedText trusted(std::string_view bytes) {
    return {std::string(bytes), {}};
  }
  static MarkedText untrustedAll(std::string_view bytes) {
    MarkedText text;
    text.appendUntrusted(bytes);
    return text;
  }

  size_t size() const { return bytes.size(); }

  void appendTrusted(std::string_view more) { bytes += more; }
  void appendUntrusted(std::string_view more);
  /// Appends the bytes [begin, end) of `other` (not of this text).
  void append(const MarkedText &other, size_t begin, size_t end);
  void append(const MarkedText &other) { append(other, 0, other.size()); }
  /// Appends bytes that were made of the one at `from` of `other`.
  void appendLike(std::string_view more, const MarkedText &other, size_t from) {
    if (other.isUntrusted(from))
      appendUntrusted(more);
    else
      appendTrusted(more);
  }
  MarkedText slice(size_t begin, size_t end) const {
    MarkedText part;
    part.append(*this, begin, end);
    return part;
  }
  bool isUntrusted(size_t at) const;
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_MARKED_TEXT_H
