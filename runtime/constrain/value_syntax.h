//===- value_syntax.h - How values are written ------------------*- C++ -*-===//
//
// JSON, and the arguments of tool calls: bare keys, and strings between <|"|>
// without any escape.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_VALUE_SYNTAX_H
#define GEMCUT_RUNTIME_CONSTRAIN_VALUE_SYNTAX_H

#include "runtime/constrain/network.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace gemcut::constrain {

/// Adds values to a network.
class ValueSyntax {
public:
  /// JSON if `quoteId` is negative, otherwise the syntax of calls, with the id
  /// of <|"|>.
  ValueSyntax(NetworkBuilder &builder, int32_t quoteId)
      : builder(builder), quoteId(quoteId) {}

  bool isCall() const { return quoteId >= 0; }

  /// What the text of a string may be at all.
  CharAutomaton getFreeText() const;
  /// A string whose text is in `text`, a trimmed automaton.
  void addString(uint32_t from, const CharAutomaton &text, uint32_t to);
  /// Any string.
  void addAnyString(uint32_t from, uint32_t to);
  /// What stands between a key's beginning and its value.
  void addKey(uint32_t from, const std::string &name, uint32_t to);
  /// The same for a key whose name is in `names`, written without escapes.
  void addKeyOf(uint32_t from, const CharAutomaton &names, uint32_t to);
  /// Names that need no escapes, except `names`.
  CharAutomaton getOtherNames(const std::vector<std::string> &names) const;
  /// Exactly this value; objects with their keys in the given order. False if
  /// it cannot be written: <|"|> in the string of a call.
  [[nodiscard]] bool addValue(uint32_t from,
                              const nlohmann::ordered_json &value, uint32_t to);
  /// The text of an automaton as it is: a number.
  void addNumber(uint32_t from, const CharAutomaton &text, uint32_t to) {
    builder.addChars(from, text, CharCoding::Utf8, to);
  }

  /// The order of keys in calls: without regard to case, as the chat template
  /// writes them.
  static bool isBefore(const std::string &a, const std::string &b);

private:
  void addQuote(uint32_t from, uint32_t to);

  NetworkBuilder &builder;
  int32_t quoteId;
  uint32_t anyString = UINT32_MAX; // its rule
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_VALUE_SYNTAX_H
