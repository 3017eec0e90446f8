//===- bpe.cpp - Byte-pair encoding of one chunk --------------------------===//

#include "runtime/text/bpe.h"
#include "runtime/text/utf8.h"

#include <algorithm>
#include <functional>

using namespace gemcut::text;

namespace {
/// Up to here a scan over the ranks beats the heap.
constexpr size_t kShort = 32;
} // namespace

void Bpe::encode(std::string_view text, std::vector<int32_t> &ids) {
  symbols.clear();
  for (size_t i = 0; i < text.size();) {
    uint32_t codePoint = 0;
    size_t length = decodeUtf8(text.data() + i, text.size() - i, codePoint);
    symbols.push_back(tables.codePointId(codePoint));
    i += length ? length : 1;
  }
  symbols.size() <= kShort ? mergeShort(ids) : mergeLong(ids);
}

void Bpe::mergeShort(std::vector<int32_t> &ids) {
  uint32_t pairRanks[kShort + 1];
  size_t count = symbols.size();
  for (size_t i = 0; i + 1 < count; ++i)
    pairRanks[i] = tables.mergeRank(symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (pairRanks[i] < pairRanks[best])
        best = i;
    if (pairRanks[best] == kNone)
      break;
    symbols[best] = tables.mergeResult(pairRanks[best]);
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      symbols[i] = symbols[i + 1];
      pairRanks[i - 1] = pairRanks[i];
    }
    if (best + 1 < count)
      pairRanks[best] = tables.mergeRank(symbols[best], symbols[best + 1]);
    if (best > 0)
      pairRanks[best - 1] = tables.mergeRank(symbols[best - 1], symbols[best]);
  }
  for (size_t i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>(symbols[i]));
}

void Bpe::pushPair(uint32_t position) {
  uint32_t right = next[position];
  ranks[position] = right == kNone
                        ? kNone
                        : tables.mergeRank(symbols[position], symbols[right]);
  if (ranks[position] == kNone)
    return;
  heap.push_back(static_cast<uint64_t>(ranks[position]) << 32 | position);
  std::push_heap(heap.begin(), heap.end(), std::greater<>());
}

void Bpe::mergeLong(std::vector<int32_t> &ids) {
  uint32_t count = static_cast<uint32_t>(symbols.size());
  ranks.assign(count, kNone);
  next.resize(count);
  previous.resize(count);
  heap.clear();
  for (uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? i + 1 : kNone;
    previous[i] = i > 0 ? i - 1 : kNone;
    if (i + 1 == count)
      break;
    ranks[i] = tables.mergeRank(symbols[i], symbols[i + 1]);
    if (ranks[i] != kNone)
      heap.push_back(static_cast<uint64_t>(ranks[i]) << 32 | i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    uint64_t top = heap.back();
    heap.pop_back();
    uint32_t rank = static_cast<uint32_t>(top >> 32);
    uint32_t position = static_cast<uint32_t>(top);
    // Entries of pairs that have changed since stay in the heap; a symbol only
    // grows, so an outdated entry never has its position's current rank.
    if (ranks[position] != rank)
      continue;
    uint32_t right = next[position], after = next[right];
    symbols[position] = tables.mergeResult(rank);
    ranks[right] = kNone;
    next[position] = after;
    if (after != kNone)
      previous[after] = position;
    pushPair(position);
    if (previous[position] != kNone)
      pushPair(previous[position]);
  }
  for (uint32_t i = 0; i != kNone; i = next[i])
    ids.push_back(static_cast<int32_t>(symbols[i]));
}
