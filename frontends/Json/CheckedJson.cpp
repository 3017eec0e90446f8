//===- CheckedJson.cpp - JSON from a file that is not trusted -------------===//

#include "frontends/Json/CheckedJson.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

#include <vector>

using llvm::createStringError;
using nlohmann::json;

namespace {
/// Receives the parser's events before any tree is built, and stops it at the
/// first thing that a tree would hide or that would cost too much.
class Watcher : public nlohmann::json_sax<json> {
public:
  Watcher(llvm::StringRef text, size_t maxDepth)
      : text(text), maxDepth(maxDepth) {}

  std::string error;

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(int64_t) override { return count(); }
  bool number_unsigned(uint64_t) override { return count(); }
  bool number_float(double, const std::string &) override { return count(); }
  bool string(std::string &) override { return count(); }
  bool binary(json::binary_t &) override { return count(); }

  bool start_object(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(); }
  bool end_array() override { return close(); }

  bool key(std::string &name) override {
    if (!names.back().insert(name).second)
      return fail("holds the name " + gemcut::checked_json::quoteName(name) +
                  " twice");
    return count();
  }

  bool parse_error(size_t position, const std::string &,
                   const json::exception &) override {
    std::string message =
        "is not valid JSON from byte " + std::to_string(position) + " on";
    if (position > text.size())
      return fail(message + "; the file may be truncated");
    constexpr size_t kBefore = 16, kShown = 32;
    size_t first = position > kBefore ? position - kBefore : 0;
    return fail(message + ", at " +
                gemcut::checked_json::quoteName(text.substr(first, kShown)));
  }

private:
  llvm::StringRef text;
  size_t maxDepth, values = 0;
  std::vector<llvm::StringSet<>> names; // of each open object or array

  bool fail(const std::string &message) {
    if (error.empty())
      error = message;
    return false;
  }

  bool count() {
    if (++values > gemcut::checked_json::kMaxJsonValues)
      return fail("holds more than " +
                  std::to_string(gemcut::checked_json::kMaxJsonValues) +
                  " values");
    return true;
  }

  bool open() {
    if (names.size() == maxDepth)
      return fail("is nested deeper than " + std::to_string(maxDepth) +
                  " levels");
    names.emplace_back();
    return count();
  }

  bool close() {
    names.pop_back();
    return true;
  }
};
} // namespace

llvm::Expected<json> gemcut::checked_json::parseCheckedObject(
    llvm::StringRef text, const std::string &what, size_t maxDepth) {
  Watcher watcher(text, maxDepth);
  if (!json::sax_parse(text.begin(), text.end(), &watcher))
    return createStringError(what + watcher.error);
  json value = json::parse(text.begin(), text.end(), nullptr,
                           /*allow_exceptions=*/false);
  if (!value.is_object())
    return createStringError(what + "is " + briefJson(value) +
                             ", expected a JSON object");
  return value;
}

std::string gemcut::checked_json::briefJson(const json &value) {
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true,
                                json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

std::string gemcut::checked_json::quoteName(llvm::StringRef name) {
  constexpr size_t kLongest = 160;
  std::string text = "'" + name.take_front(kLongest).str();
  for (char &c : text)
    if (uint8_t(c) < 0x20 || c == 0x7F)
      c = '?';
  return text + (name.size() > kLongest ? "...'" : "'");
}

bool gemcut::checked_json::isPlainName(llvm::StringRef name) {
  return llvm::json::isUTF8(name) && llvm::none_of(name, [](char c) {
           return uint8_t(c) < 0x20 || c == 0x7F;
         });
}
