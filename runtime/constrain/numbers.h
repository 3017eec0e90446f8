//===- numbers.h - Numbers within bounds as expressions ---------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_NUMBERS_H
#define GEMCUT_RUNTIME_CONSTRAIN_NUMBERS_H

#include "runtime/constrain/char_automaton.h"

#include <nlohmann/json.hpp>

#include <string>

namespace gemcut::constrain {

/// Whole numbers are written with at most so many digits, so that they fit 64
/// bits.
inline constexpr int kMostIntegerDigits = 18;
/// Digits of other numbers before the point and behind it, so that a double
/// holds them; their exponents have at most two.
inline constexpr int kMostDecimalDigits = 15;

/// One end of a range; absent if `value` is null.
struct NumberBound {
  nlohmann::ordered_json value;
  bool isExclusive = false;
};

/// Whole numbers in the JSON syntax, without exponent. False with a sentence in
/// `error`: a bound has too many digits, or no number lies between them.
[[nodiscard]] bool makeIntegers(const NumberBound &least,
                                const NumberBound &most, CharAutomaton &out,
                                std::string &error);

/// Numbers in the JSON syntax; with a bound, without exponent. Errors as above,
/// also for bounds with more than kMostDecimalDigits digits behind the point.
[[nodiscard]] bool makeNumbers(const NumberBound &least,
                               const NumberBound &most, CharAutomaton &out,
                               std::string &error);

/// Numbers without exponent that `divisor` divides, whole ones if `isInteger`;
/// others have no more decimals than it. False with a sentence in `error`: it
/// is not above 0, has more than 6 decimals, or more than 10000 as its digits.
[[nodiscard]] bool makeMultiples(const nlohmann::ordered_json &divisor,
                                 bool isInteger, CharAutomaton &out,
                                 std::string &error);

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_NUMBERS_H
