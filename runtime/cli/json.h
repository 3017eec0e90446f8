//===- json.h - A small JSON writer -----------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_JSON_H
#define GEMCUT_RUNTIME_CLI_JSON_H

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace gemcut::cli {

/// Appends JSON to a string, indented by two spaces. The caller calls in the
/// order of the document; `key` in front of each member's value.
class JsonWriter {
public:
  void beginObject() { open('{'); }
  void endObject() { close('}'); }
  void beginArray() { open('['); }
  void endArray() { close(']'); }
  void key(std::string_view name);

  /// Bytes that are not UTF-8 become U+FFFD.
  void string(std::string_view value);
  void integer(int64_t value);
  /// Numbers without a JSON form (NaN, infinities) become null.
  void number(double value);
  void boolean(bool value);
  /// `text` is JSON already.
  void raw(std::string_view text);

  void member(std::string_view name, std::string_view value) {
    key(name);
    string(value);
  }
  template <typename T,
            typename = std::enable_if_t<std::is_integral<T>::value &&
                                        !std::is_same<T, bool>::value>>
  void member(std::string_view name, T value) {
    key(name);
    integer(int64_t(value));
  }
  void member(std::string_view name, double value) {
    key(name);
    number(value);
  }

  const std::string &str() const { return text; }

private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void indent();

  std::string text;
  int depth = 0;
  bool isFirst = true, isAfterKey = false;
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_JSON_H
