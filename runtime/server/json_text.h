//===- json_text.h - Compact JSON, member by member -------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_JSON_TEXT_H
#define GEMCUT_RUNTIME_SERVER_JSON_TEXT_H

#include <cstdint>
#include <string>
#include <string_view>

namespace gemcut::server {

/// Appends JSON without spaces to a string. The caller calls in the order of
/// the document; commas come by themselves.
class JsonText {
public:
  JsonText &beginObject();
  JsonText &endObject();
  JsonText &beginArray();
  JsonText &endArray();
  JsonText &key(std::string_view name);

  /// Bytes that are not UTF-8 become U+FFFD.
  JsonText &string(std::string_view value);
  JsonText &integer(int64_t value);
  /// With the precision of a float; numbers without a JSON form become null.
  JsonText &number(double value);
  JsonText &boolean(bool value);
  JsonText &null();
  /// `json` is JSON already.
  JsonText &raw(std::string_view json);

  JsonText &member(std::string_view name, std::string_view value) {
    return key(name).string(value);
  }
  JsonText &memberInteger(std::string_view name, int64_t value) {
    return key(name).integer(value);
  }
  JsonText &memberNull(std::string_view name) { return key(name).null(); }

  const std::string &str() const { return text; }
  std::string take() { return std::move(text); }

private:
  void separate();

  std::string text;
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_JSON_TEXT_H
