//===- numbers.cpp - Numbers within bounds as expressions -----------------===//

#include "runtime/constrain/numbers.h"

#include "runtime/constrain/regex.h"

#include <algorithm>
#include <cstdlib>

using namespace gemcut;
using namespace gemcut::constrain;

static const char *const kDigits = "[0-9]";

static std::string repeat(const std::string &what, size_t least, size_t most) {
  return what + "{" + std::to_string(least) + "," + std::to_string(most) + "}";
}

static std::string digitRange(char first, char last) {
  return std::string("[") + first + "-" + last + "]";
}

/// Alternatives, of which there may be none: then nothing matches.
static std::string join(const std::vector<std::string> &parts) {
  std::string result;
  for (const std::string &part : parts)
    result += (result.empty() ? "(?:" : "|") + part;
  return result.empty() ? "[]" : result + ")";
}

/// Digit strings of the length of `least` from there on.
static std::string digitsFrom(const std::string &least) {
  std::vector<std::string> parts = {least};
  for (size_t i = 0; i < least.size(); ++i)
    if (least[i] < '9')
      parts.push_back(
          least.substr(0, i) + digitRange(char(least[i] + 1), '9') +
          repeat(kDigits, least.size() - i - 1, least.size() - i - 1));
  return join(parts);
}

static std::string digitsTo(const std::string &most) {
  std::vector<std::string> parts = {most};
  for (size_t i = 0; i < most.size(); ++i) {
    // A whole number of more than one digit does not begin with 0.
    char first = i == 0 && most.size() > 1 ? '1' : '0';
    if (most[i] > first)
      parts.push_back(
          most.substr(0, i) + digitRange(first, char(most[i] - 1)) +
          repeat(kDigits, most.size() - i - 1, most.size() - i - 1));
  }
  return join(parts);
}

/// Whole numbers of `length` digits.
static std::string wholeOfLength(size_t length) {
  return length == 1 ? kDigits
                     : "[1-9]" + repeat(kDigits, length - 1, length - 1);
}

/// Whole numbers >= `least`, of at most `digits` digits.
static std::string wholeFrom(const std::string &least, size_t digits) {
  std::vector<std::string> parts = {digitsFrom(least)};
  for (size_t length = least.size() + 1; length <= digits; ++length)
    parts.push_back(wholeOfLength(length));
  return join(parts);
}

static std::string wholeTo(const std::string &most) {
  std::vector<std::string> parts = {digitsTo(most)};
  for (size_t length = 1; length < most.size(); ++length)
    parts.push_back(wholeOfLength(length));
  return join(parts);
}

namespace {
/// A bound's absolute value in digits: WHOLE.FRACTION without superfluous
/// zeros.
struct Decimal {
  bool isNegative = false;
  bool isHuge = false; // beyond all numbers that are written
  std::string whole = "0", fraction;
  bool isZero() const { return whole == "0" && fraction.empty(); }
};
} // namespace

static bool parseDecimal(const nlohmann::ordered_json &number, size_t digits,
                         Decimal &out, std::string &error) {
  std::string text = number.dump();
  const char *at = text.c_str();
  out = {};
  if (*at == '-') {
    out.isNegative = true;
    ++at;
  }
  std::string all;
  long point = -1;
  for (; (*at >= '0' && *at <= '9') || *at == '.'; ++at) {
    if (*at == '.')
      point = long(all.size());
    else
      all += *at;
  }
  if (point < 0)
    point = long(all.size());
  if (*at == 'e' || *at == 'E')
    point += std::clamp(strtol(at + 1, nullptr, 10), -1000l, 1000l);
  if (point <= 0) {
    all.insert(0, size_t(1 - point), '0');
    point = 1;
  }
  if (size_t(point) > all.size())
    all.append(size_t(point) - all.size(), '0');
  out.whole = all.substr(0, size_t(point));
  out.fraction = all.substr(size_t(point));
  out.whole.erase(
      0, std::min(out.whole.find_first_not_of('0'), out.whole.size() - 1));
  out.fraction.erase(out.fraction.find_last_not_of('0') + 1);
  if (out.isZero())
    out.isNegative = false;
  out.isHuge = out.whole.size() > digits;
  if (out.isHuge || out.fraction.size() <= digits)
    return true;
  error = "the bound " + text + " has more than " + std::to_string(digits) +
          " digits behind its point";
  return false;
}

/// One more or one less than a whole number >= 0 (>= 1).
static std::string addOne(std::string digits) {
  size_t i = digits.size();
  while (i-- > 0 && digits[i] == '9')
    digits[i] = '0';
  if (i == std::string::npos)
    return "1" + digits;
  ++digits[i];
  return digits;
}

static std::string subtractOne(const std::string &digits) {
  return std::to_string(strtoull(digits.c_str(), nullptr, 10) - 1);
}

static bool compile(const std::string &pattern, CharAutomaton &out,
                    std::string &error) {
  return parseRegex(pattern, RegexSpan::Whole, out, error);
}

/// The pattern of numbers >= 0 within bounds that may be absent.
using RangeFn = bool (*)(const Decimal *least, bool leastIsExclusive,
                         const Decimal *most, bool mostIsExclusive,
                         CharAutomaton &out);

static CharAutomaton withSign(const CharAutomaton &magnitude) {
  CharAutomaton result = magnitude;
  uint32_t start = uint32_t(result.states.size());
  result.states.push_back(result.states[0]);
  // State 0 must be the start: the old one moves to the end.
  for (auto &state : result.states)
    for (auto &edge : state.edges)
      if (edge.target == 0)
        edge.target = start;
  result.states[0] = {{{result.addSet(CodePoints('-', '-')), start}}, false};
  return result;
}

/// Texts of either one.
static CharAutomaton either(const CharAutomaton &a, const CharAutomaton &b) {
  if (a.states.empty() || b.states.empty())
    return a.states.empty() ? b : a;
  CharAutomaton result = a;
  uint32_t base = uint32_t(a.states.size());
  std::vector<uint32_t> sets;
  for (const CodePoints &set : b.sets)
    sets.push_back(result.addSet(set));
  for (CharAutomaton::State state : b.states) {
    for (auto &edge : state.edges)
      edge = {sets[edge.set], edge.target + base};
    result.states.push_back(std::move(state));
  }
  // A new start with the edges of both, so that no loop leads to it.
  CharAutomaton::State start = result.states[0];
  const CharAutomaton::State &other = result.states[base];
  start.edges.insert(start.edges.end(), other.edges.begin(), other.edges.end());
  start.isFinal |= other.isFinal;
  uint32_t moved = uint32_t(result.states.size());
  result.states.push_back(result.states[0]);
  for (auto &state : result.states)
    for (auto &edge : state.edges)
      if (edge.target == 0)
        edge.target = moved;
  for (auto &edge : start.edges)
    if (edge.target == 0)
      edge.target = moved;
  result.states[0] = std::move(start);
  return result;
}

/// Numbers with both signs from those >= 0: `range` gets the bounds of the
/// absolute value.
static bool makeSigned(const NumberBound &least, const NumberBound &most,
                       size_t digits, RangeFn range, CharAutomaton &out,
                       std::string &error) {
  Decimal low, high;
  bool hasLow = !least.value.is_null(), hasHigh = !most.value.is_null();
  if ((hasLow && !parseDecimal(least.value, digits, low, error)) ||
      (hasHigh && !parseDecimal(most.value, digits, high, error)))
    return false;
  if ((low.isHuge && !low.isNegative) || (high.isHuge && high.isNegative)) {
    error = "the numbers between the bounds have more than " +
            std::to_string(digits) + " digits";
    return false;
  }
  hasLow = hasLow && !low.isHuge;
  hasHigh = hasHigh && !high.isHuge;
  const Decimal kZero; // no -0
  CharAutomaton positive, negative;
  if (!hasHigh || !high.isNegative)
    range(hasLow && !low.isNegative ? &low : nullptr, least.isExclusive,
          hasHigh ? &high : nullptr, most.isExclusive, positive);
  if (!hasLow || low.isNegative)
    range(hasHigh && high.isNegative ? &high : &kZero,
          hasHigh && high.isNegative ? most.isExclusive : true,
          hasLow ? &low : nullptr, least.isExclusive, negative);
  if (!negative.states.empty())
    negative = withSign(negative);
  out = trim(either(positive, negative));
  if (out.states.empty())
    error = "no number lies between the bounds";
  return !out.states.empty();
}

static bool rangeOfIntegers(const Decimal *least, bool leastIsExclusive,
                            const Decimal *most, bool mostIsExclusive,
                            CharAutomaton &out) {
  std::string low = "0", high(kMostIntegerDigits, '9'), error;
  if (least) {
    low = least->whole;
    if (leastIsExclusive || !least->fraction.empty())
      low = addOne(low);
  }
  if (most) {
    high = most->whole;
    if (mostIsExclusive && most->fraction.empty()) {
      if (high == "0")
        return false;
      high = subtractOne(high);
    }
  }
  CharAutomaton from, to;
  if (!compile(wholeFrom(low, kMostIntegerDigits), from, error) ||
      !compile(wholeTo(high), to, error))
    return false;
  out = trim(intersect(from, to));
  return true;
}

/// What may stand behind the whole part: "" or a point and digits, at least
/// (more than) 0.FRACTION.
static std::string fractionFrom(const std::string &fraction, bool isExclusive) {
  std::string digits = repeat(kDigits, 0, kMostDecimalDigits);
  std::string some = repeat("0", 0, kMostDecimalDigits - 1) + "[1-9]" +
                     repeat(kDigits, 0, kMostDecimalDigits - 1);
  if (fraction.empty() && !isExclusive)
    return "(?:\\." + repeat(kDigits, 1, kMostDecimalDigits) + ")?";
  std::vector<std::string> parts = {fraction + (isExclusive ? some : digits)};
  for (size_t i = 0; i < fraction.size(); ++i)
    if (fraction[i] < '9')
      parts.push_back(fraction.substr(0, i) +
                      digitRange(char(fraction[i] + 1), '9') + digits);
  return "\\." + join(parts);
}

static std::string fractionTo(const std::string &fraction, bool isExclusive) {
  std::string digits = repeat(kDigits, 0, kMostDecimalDigits);
  if (fraction.empty())
    return isExclusive ? "[]"
                       : "(?:\\." + repeat("0", 1, kMostDecimalDigits) + ")?";
  std::vector<std::string> parts;
  if (!isExclusive)
    parts.push_back(fraction + repeat("0", 0, kMostDecimalDigits));
  for (size_t i = 0; i < fraction.size(); ++i) {
    if (i > 0)
      parts.push_back(fraction.substr(0, i)); // it ends in another digit than 0
    if (fraction[i] > '0')
      parts.push_back(fraction.substr(0, i) +
                      digitRange('0', char(fraction[i] - 1)) + digits);
  }
  return "(?:\\." + join(parts) + ")?";
}

static bool rangeOfNumbers(const Decimal *least, bool leastIsExclusive,
                           const Decimal *most, bool mostIsExclusive,
                           CharAutomaton &out) {
  std::string any = fractionFrom("", /*isExclusive=*/false), error;
  std::string from = wholeFrom("0", kMostDecimalDigits) + any;
  std::string to = from;
  if (least)
    from =
        join({wholeFrom(addOne(least->whole), kMostDecimalDigits) + any,
              least->whole + fractionFrom(least->fraction, leastIsExclusive)});
  if (most) {
    std::vector<std::string> parts = {
        most->whole + fractionTo(most->fraction, mostIsExclusive)};
    if (most->whole != "0")
      parts.push_back(wholeTo(subtractOne(most->whole)) + any);
    to = join(parts);
  }
  CharAutomaton above, below;
  if (!compile(from, above, error) || !compile(to, below, error))
    return false;
  out = trim(intersect(above, below));
  return true;
}

bool constrain::makeIntegers(const NumberBound &least, const NumberBound &most,
                             CharAutomaton &out, std::string &error) {
  return makeSigned(least, most, kMostIntegerDigits, rangeOfIntegers, out,
                    error);
}

bool constrain::makeNumbers(const NumberBound &least, const NumberBound &most,
                            CharAutomaton &out, std::string &error) {
  if (!least.value.is_null() || !most.value.is_null())
    return makeSigned(least, most, kMostDecimalDigits, rangeOfNumbers, out,
                      error);
  std::string more = repeat(kDigits, 0, kMostDecimalDigits - 1);
  return compile("-?(?:0|[1-9]" + more + ")(?:\\." + kDigits + more +
                     ")?(?:[eE][+-]?[0-9]{1,2})?",
                 out, error);
}

/// Numbers with at most so many decimals, which, times 10^decimals, `divisor`
/// divides.
static CharAutomaton multiplesOf(uint32_t divisor, uint32_t decimals) {
  // States of remainders of the digits so far, by the decimals among them;
  // before the first digit, and behind the sign and the point.
  CharAutomaton result;
  uint32_t firstRemainder = 2,
           points = firstRemainder + divisor * (decimals + 1);
  std::vector<uint32_t> sets;
  for (uint32_t digit = 0; digit < 10; ++digit)
    sets.push_back(result.addSet(CodePoints('0' + digit, '0' + digit)));
  uint32_t sign = result.addSet(CodePoints('-', '-'));
  uint32_t point = result.addSet(CodePoints('.', '.'));
  auto addDigits = [&](uint32_t remainder, uint32_t count) {
    CharAutomaton::State state;
    for (uint32_t digit = 0; digit < 10; ++digit)
      state.edges.push_back(
          {sets[digit], firstRemainder + count * divisor +
                            (remainder * 10 + digit) % divisor});
    return state;
  };
  result.states = {addDigits(0, 0), addDigits(0, 0)};
  result.states[0].edges.push_back({sign, 1});
  for (uint32_t count = 0; count <= decimals; ++count)
    for (uint32_t remainder = 0; remainder < divisor; ++remainder) {
      CharAutomaton::State state;
      if (count == 0)
        state = addDigits(remainder, 0);
      else if (count < decimals)
        state = addDigits(remainder, count + 1);
      if (count == 0 && decimals > 0)
        state.edges.push_back({point, points + remainder});
      uint64_t scaled = remainder;
      for (uint32_t i = count; i < decimals; ++i)
        scaled = scaled * 10 % divisor;
      state.isFinal = scaled == 0;
      result.states.push_back(std::move(state));
    }
  for (uint32_t remainder = 0; decimals > 0 && remainder < divisor; ++remainder)
    result.states.push_back(addDigits(remainder, 1));
  return result;
}

bool constrain::makeMultiples(const nlohmann::ordered_json &divisor,
                              bool isInteger, CharAutomaton &out,
                              std::string &error) {
  constexpr uint32_t kMostDivisor = 10000;
  constexpr size_t kMostDecimals = 6;
  Decimal decimal;
  bool isRead =
      divisor.is_number() && parseDecimal(divisor, 15, decimal, error);
  uint64_t digits = 0;
  size_t decimals = decimal.fraction.size();
  if (isRead && !decimal.isNegative && decimals <= kMostDecimals &&
      decimal.whole.size() <= 5)
    digits = strtoull((decimal.whole + decimal.fraction).c_str(), nullptr, 10);
  if (digits == 0 || digits > kMostDivisor) {
    error = "'multipleOf' must be above 0, and have at most 6 decimals and, "
            "without its point, be at most 10000";
    return false;
  }
  // n is a multiple of digits / 10^decimals if it is one of digits without the
  // factors of 10^decimals.
  for (; isInteger && decimals > 0; --decimals)
    for (uint64_t factor : {2, 5})
      if (digits % factor == 0)
        digits /= factor;
  out = multiplesOf(uint32_t(digits), uint32_t(decimals));
  return true;
}
