//===- bpe.cpp - Byte-pair encoding of one chunk --------------------------===//

#include "runtime/text/bpe.h"

#include <algorithm>

using namespace gemcut::text;

namespace {

/// Up to here moving the symbols together beats links and a tree.
constexpr size_t kShort = 24;

int32_t minOf16(const int32_t *values) {
  int32_t least = values[0];
  for (int i = 1; i < 16; ++i)
    least = std::min(least, values[i]);
  return least;
}

} // namespace

void MinTree::reset(uint32_t count) {
  levels = 0;
  uint32_t total = 0;
  for (uint32_t nodes = count;; nodes = (nodes + 15) / 16) {
    begin[levels++] = total;
    total += (nodes + 15) / 16 * 16;
    if (nodes <= 16)
      break;
  }
  nodes.assign(std::max(total, 16u), kNothing);
}

void MinTree::build() {
  for (uint32_t level = 1; level < levels; ++level)
    for (uint32_t i = 0, n = begin[level] - begin[level - 1]; i < n; i += 16)
      nodes[begin[level] + i / 16] = minOf16(&nodes[begin[level - 1] + i]);
}

void MinTree::set(uint32_t position, int32_t value) {
  nodes[position] = value;
  for (uint32_t level = 1; level < levels; ++level) {
    position /= 16;
    int32_t least = minOf16(&nodes[begin[level - 1] + position * 16]);
    int32_t &node = nodes[begin[level] + position];
    if (node == least)
      return;
    node = least;
  }
}

int32_t MinTree::first(uint32_t *position) const {
  int32_t least = minOf16(&nodes[begin[levels - 1]]);
  uint32_t at = 0;
  for (uint32_t level = levels; level-- > 0;) {
    const int32_t *node = &nodes[begin[level] + at * 16];
    uint32_t child = 0;
    while (child < 15 && node[child] != least)
      ++child;
    at = at * 16 + child;
  }
  *position = at;
  return least;
}

int32_t Bpe::rank(uint32_t left, uint32_t right) const {
  return static_cast<int32_t>(
      std::min<uint32_t>(tables.mergeRank(left, right), MinTree::kNothing));
}

void Bpe::encode(std::vector<int32_t> &ids) {
  symbols.size() <= kShort ? mergeShort(ids) : mergeLong(ids);
}

void Bpe::mergeShort(std::vector<int32_t> &ids) {
  int32_t pairRanks[kShort + 1];
  size_t count = symbols.size();
  for (size_t i = 0; i + 1 < count; ++i)
    pairRanks[i] = rank(symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (pairRanks[i] < pairRanks[best])
        best = i;
    if (pairRanks[best] == MinTree::kNothing)
      break;
    symbols[best] = tables.mergeResult(static_cast<uint32_t>(pairRanks[best]));
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      symbols[i] = symbols[i + 1];
      pairRanks[i - 1] = pairRanks[i];
    }
    if (best + 1 < count)
      pairRanks[best] = rank(symbols[best], symbols[best + 1]);
    if (best > 0)
      pairRanks[best - 1] = rank(symbols[best - 1], symbols[best]);
  }
  for (size_t i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>(symbols[i]));
}

void Bpe::mergeLong(std::vector<int32_t> &ids) {
  uint32_t count = static_cast<uint32_t>(symbols.size());
  next.resize(count);
  previous.resize(count);
  ranks.reset(count);
  int32_t *values = ranks.values();
  for (uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? i + 1 : kNone;
    previous[i] = i > 0 ? i - 1 : kNone;
    if (i + 1 < count)
      values[i] = rank(symbols[i], symbols[i + 1]);
  }
  ranks.build();

  uint32_t position = 0;
  for (int32_t least; (least = ranks.first(&position)) != MinTree::kNothing;) {
    uint32_t right = next[position], after = next[right];
    symbols[position] = tables.mergeResult(static_cast<uint32_t>(least));
    next[position] = after;
    ranks.set(right, MinTree::kNothing);
    if (after != kNone) {
      previous[after] = position;
      ranks.set(position, rank(symbols[position], symbols[after]));
    } else {
      ranks.set(position, MinTree::kNothing);
    }
    if (uint32_t before = previous[position]; before != kNone)
      ranks.set(before, rank(symbols[before], symbols[position]));
  }
  for (uint32_t i = 0; i != kNone; i = next[i])
    ids.push_back(static_cast<int32_t>(symbols[i]));
}
