//===- letter_case.cpp - Lower and upper case -----------------------------===//

#include "runtime/text/python_text.h"
#include "runtime/text/utf8.h"

#include <algorithm>

using namespace gemcut::text;

namespace {

/// The code points first, first + stride, ..., `more` further ones: each maps
/// to itself + delta.
struct CaseRange {
  uint32_t first;
  uint16_t more;
  uint16_t stride;
  int32_t delta;
};

/// A letter that becomes two or three.
struct LongUpper {
  uint16_t from, to[3];
};

#include "runtime/text/letter_case.inc"

template <size_t n>
uint32_t findOther(const CaseRange (&ranges)[n], uint32_t point) {
  const CaseRange *range = std::upper_bound(
      ranges, ranges + n, point,
      [](uint32_t point, const CaseRange &r) { return point < r.first; });
  if (range == ranges)
    return point;
  --range;
  uint32_t step = point - range->first;
  if (step % range->stride || step / range->stride > range->more)
    return point;
  return point + uint32_t(range->delta);
}

uint32_t lowerOf(uint32_t point) {
  if (point < 0x80)
    return point >= 'A' && point <= 'Z' ? point + 32 : point;
  return findOther(kLower, point);
}

uint32_t upperOf(uint32_t point) {
  if (point < 0x80)
    return point >= 'a' && point <= 'z' ? point - 32 : point;
  return findOther(kUpper, point);
}

void appendUpper(uint32_t point, std::string &out) {
  for (const LongUpper &entry : kLongUpper)
    if (entry.from == point) {
      for (uint16_t part : entry.to)
        if (part)
          appendUtf8(part, out);
      return;
    }
  appendUtf8(upperOf(point), out);
}

} // namespace

MarkedText gemcut::text::convertCase(const MarkedText &text, Case to) {
  MarkedText out;
  bool isInWord = false;
  for (size_t i = 0, length; i < text.size(); i += length) {
    uint32_t point;
    length = decodeUtf8(text.bytes.data() + i, text.size() - i, point);
    std::string converted;
    if (length == 0) {
      length = 1;
      out.append(text, i, i + 1);
      continue;
    }
    bool isUpper = to == Case::Upper || (to == Case::Title && !isInWord) ||
                   (to == Case::Capitalize && i == 0);
    if (!isUpper)
      appendUtf8(lowerOf(point), converted);
    else if (point < 0x80)
      converted += char(upperOf(point));
    else
      appendUpper(point, converted);
    isInWord = lowerOf(point) != point || upperOf(point) != point;
    out.appendLike(converted, text, i);
  }
  return out;
}

std::string gemcut::text::toLower(std::string_view text) {
  return convertCase(MarkedText::trusted(text), Case::Lower).bytes;
}
