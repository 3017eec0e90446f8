//===- code_points.cpp - Sets of Unicode code points ----------------------===//

#include "runtime/constrain/code_points.h"

#include <algorithm>

using namespace gemcut::constrain;

static constexpr uint32_t kLast = 0x10FFFF;
static constexpr uint32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

CodePoints CodePoints::plain() {
  CodePoints set(0x20, 0x21);
  set.add(0x23, 0x5B);
  set.add(0x5D, kLast);
  return set;
}

void CodePoints::insert(uint32_t first, uint32_t last) {
  if (first > last)
    return;
  auto at = std::lower_bound(
      ranges.begin(), ranges.end(), first,
      [](const Range &range, uint32_t point) { return range.last < point; });
  if (at != ranges.begin() && std::prev(at)->last + 1 == first)
    --at;
  auto end = at;
  while (end != ranges.end() && end->first <= last + 1) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
    ++end;
  }
  at = ranges.erase(at, end);
  ranges.insert(at, {first, last});
}

void CodePoints::add(uint32_t first, uint32_t last) {
  last = std::min(last, kLast);
  insert(first, std::min(last, kFirstSurrogate - 1));
  insert(std::max(first, kLastSurrogate + 1), last);
}

void CodePoints::add(const CodePoints &other) {
  for (const Range &range : other.ranges)
    insert(range.first, range.last);
}

CodePoints CodePoints::complement() const {
  CodePoints result;
  uint32_t next = 0;
  for (const Range &range : ranges) {
    if (range.first > next)
      result.add(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= kLast)
    result.add(next, kLast);
  return result;
}

CodePoints CodePoints::intersect(const CodePoints &other) const {
  CodePoints result;
  auto a = ranges.begin(), b = other.ranges.begin();
  while (a != ranges.end() && b != other.ranges.end()) {
    uint32_t first = std::max(a->first, b->first);
    uint32_t last = std::min(a->last, b->last);
    if (first <= last)
      result.ranges.push_back({first, last});
    ++(a->last < b->last ? a : b);
  }
  return result;
}

bool CodePoints::contains(uint32_t point) const {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range &range) {
    return range.first <= point && point <= range.last;
  });
}
