//===- stop_strings.h - Texts that end an answer ----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_STOP_STRINGS_H
#define GEMCUT_RUNTIME_TEXT_STOP_STRINGS_H

#include <string>
#include <string_view>
#include <vector>

namespace gemcut::text {

/// Passes a text on as it comes, up to the first of some stop strings (UTF-8,
/// none empty). Holds back only what may be the beginning of one, so whole
/// characters stay whole.
class StopStrings {
public:
  explicit StopStrings(std::vector<std::string> stops = {})
      : stops(std::move(stops)) {}

  /// Appends to `out` what cannot be part of a stop string. True if one was
  /// found: the text in front of it is out, and nothing follows any more.
  bool feed(std::string_view text, std::string &out);
  /// Appends what is held back.
  void finish(std::string &out);

private:
  std::vector<std::string> stops;
  std::string held;
  bool wasFound = false;
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_STOP_STRINGS_H
