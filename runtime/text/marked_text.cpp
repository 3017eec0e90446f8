//===- marked_text.cpp - Bytes and where they come from -------------------===//

#include "runtime/text/marked_text.h"

#include <algorithm>

using namespace gemcut::text;

/// The first span that ends behind `at`.
static std::vector<Span>::const_iterator
findSpan(const std::vector<Span> &spans, size_t at) {
  return std::upper_bound(
      spans.begin(), spans.end(), at,
      [](size_t at, const Span &span) { return at < span.end; });
}

static void addSpan(std::vector<Span> &spans, size_t begin, size_t end) {
  if (begin == end)
    return;
  if (!spans.empty() && spans.back().end == begin)
    spans.back().end = end;
  else
    spans.push_back({begin, end});
}

void MarkedText::appendUntrusted(std::string_view more) {
  addSpan(untrusted, size(), size() + more.size());
  bytes += more;
}

void MarkedText::append(const MarkedText &other, size_t begin, size_t end) {
  for (auto span = findSpan(other.untrusted, begin);
       span != other.untrusted.end() && span->begin < end; ++span)
    addSpan(untrusted, size() + std::max(span->begin, begin) - begin,
            size() + std::min(span->end, end) - begin);
  bytes.append(other.bytes, begin, end - begin);
}

bool MarkedText::isUntrusted(size_t at) const {
  auto span = findSpan(untrusted, at);
  return span != untrusted.end() && span->begin <= at;
}
