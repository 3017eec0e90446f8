//===- prefix_cache.cpp - Beginnings of earlier prompts -------------------===//

#include "runtime/session/prefix_cache.h"

#include "runtime/session/kv_image.h"

#include <algorithm>
#include <new>

using namespace gemcut;

/// Tokens of a page.
static constexpr size_t kPage = 256;
static_assert(kPage % GEMCUT_KV_BLOCK == 0);
/// Snapshots of a sequence; the first stays, of the others the latest.
static constexpr size_t kMostSnapshots = 8;
/// Long prompts without turns are kept at multiples of this.
static constexpr size_t kStride = 2048;
/// Beginnings shorter than this are run as fast as they are copied.
static constexpr size_t kLeastTokens = 16;
/// How many last tokens are run again, so that what a template adds for the
/// answer's sake is left out.
static constexpr size_t kLongestTurnOpening = 64;

void PrefixCache::open(const gemcut_model_info &info, uint64_t most) {
  model = &info;
  // Without a description of the caches nothing can be copied.
  limit = info.kv_cache_count > 0 ? most : 0;
}

PrefixCache::Buffer PrefixCache::allocate(size_t size) const {
  auto *memory = new (std::nothrow) uint8_t[size];
  if (!memory)
    return nullptr;
  *bytes += size;
  return Buffer(memory, [counter = bytes, size](uint8_t *owned) {
    *counter -= size;
    delete[] owned;
  });
}

PrefixCache::Sequences::iterator
PrefixCache::findBest(const int32_t *tokens, size_t count, size_t &common) {
  auto best = sequences.end();
  common = 0;
  for (auto it = sequences.begin(); it != sequences.end(); ++it) {
    size_t most = std::min(count, it->tokens.size());
    size_t same =
        size_t(std::mismatch(tokens, tokens + most, it->tokens.begin()).first -
               tokens);
    if (same > common) {
      common = same;
      best = it;
    }
  }
  return best;
}

PrefixCache::Found PrefixCache::restore(Session &session, int32_t slot,
                                        const std::vector<int32_t> &prompt) {
  Found found;
  if (limit == 0 || prompt.empty() || session.reset(slot))
    return found;
  auto best = findBest(prompt.data(), prompt.size() - 1, found.shared);
  if (best == sequences.end())
    return found;
  sequences.splice(sequences.begin(), sequences, best);
  const Snapshot *last = nullptr;
  for (const Snapshot &snapshot : best->snapshots)
    if (snapshot.position <= found.shared)
      last = &snapshot;
  if (last && last->position >= kLeastTokens &&
      !fill(session, slot, *best, *last))
    found.restored = last->position;
  return found;
}

gemcut_status PrefixCache::fill(Session &session, int32_t slot,
                                const Sequence &sequence,
                                const Snapshot &snapshot) const {
  size_t count = snapshot.position;
  if (gemcut_status status = session.adopt(slot, sequence.tokens.data(), count))
    return status;
  uint8_t *kv = session.getKv(slot);
  // Whole pages: what lies behind the last token is never read.
  for (size_t first = 0; first < count; first += kPage)
    copyPage(*model, first, std::min(first + kPage, sequence.tokens.size()), kv,
             sequence.pages[first / kPage].get(), KvCopy::ToSlot);
  copyRings(*model, count, kv, snapshot.rings.get(), KvCopy::ToSlot);
  return GEMCUT_OK;
}

bool PrefixCache::addPages(Sequence &sequence, Session &session, int32_t slot,
                           size_t first) {
  for (size_t begin = first * kPage; begin < sequence.tokens.size();
       begin += kPage) {
    size_t end = std::min(begin + kPage, sequence.tokens.size());
    Buffer page = allocate(countPageBytes(*model, begin, end));
    if (!page)
      return false;
    copyPage(*model, begin, end, session.getKv(slot), page.get(),
             KvCopy::FromSlot);
    sequence.pages.push_back(std::move(page));
  }
  return true;
}

void PrefixCache::addSnapshot(Sequence &sequence, size_t position,
                              Buffer rings) {
  std::vector<Snapshot> &all = sequence.snapshots;
  auto at = std::lower_bound(all.begin(), all.end(), position,
                             [](const Snapshot &snapshot, size_t wanted) {
                               return snapshot.position < wanted;
                             });
  if (at != all.end() && at->position == position)
    return;
  all.insert(at, {position, std::move(rings)});
  if (all.size() > kMostSnapshots)
    all.erase(all.begin() + (all[1].position == position ? 2 : 1));
}

void PrefixCache::keep(Session &session, int32_t slot, size_t count) {
  const int32_t *tokens = session.getTokens(slot);
  if (limit == 0 || count < kLeastTokens)
    return;
  Buffer rings = allocate(countRingBytes(*model, count));
  if (!rings)
    return;
  copyRings(*model, count, session.getKv(slot), rings.get(), KvCopy::FromSlot);
  size_t common = 0;
  auto it = findBest(tokens, count, common);
  bool isWhole = it != sequences.end() && common == it->tokens.size();
  if (it == sequences.end() || (!isWhole && common < count)) {
    // Another way to go on: what is the same is shared.
    Sequence branch;
    if (it != sequences.end()) {
      branch.pages.assign(it->pages.begin(),
                          it->pages.begin() + long(common / kPage));
      for (const Snapshot &snapshot : it->snapshots)
        if (snapshot.position <= common)
          branch.snapshots.push_back(snapshot);
    }
    sequences.push_front(std::move(branch));
    it = sequences.begin();
  } else {
    sequences.splice(sequences.begin(), sequences, it);
  }
  if (it->tokens.size() < count) {
    it->pages.resize(std::min(it->pages.size(), common / kPage));
    it->tokens.assign(tokens, tokens + count);
    if (!addPages(*it, session, slot, common / kPage)) {
      sequences.erase(it);
      return;
    }
  }
  addSnapshot(*it, count, std::move(rings));
  dropOldest();
}

void PrefixCache::dropOldest() {
  while (*bytes > limit && !sequences.empty())
    sequences.pop_back();
}

std::vector<size_t>
PrefixCache::choosePositions(const std::vector<int32_t> &prompt,
                             const Found &found) const {
  std::vector<size_t> positions;
  if (limit == 0)
    return positions;
  // One row must be left to run, for the logits behind it.
  size_t last = prompt.size() - 1, firstTurn = 0, lastTurn = 0;
  for (size_t i = 1; i < last; ++i)
    if (prompt[i] == model->special.turn_open) {
      // The first turn's end: instructions that conversations share.
      if (firstTurn == 0 && i > 1)
        firstTurn = i;
      lastTurn = i;
    }
  positions.push_back(firstTurn);
  positions.push_back(found.shared);
  positions.push_back(
      lastTurn + kLongestTurnOpening > last && lastTurn > 0 ? lastTurn : last);
  for (size_t i = kStride; i < last; i += kStride)
    positions.push_back(i);
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()),
                  positions.end());
  auto isUseless = [&](size_t position) {
    return position < kLeastTokens || position <= found.restored ||
           position > last;
  };
  positions.erase(std::remove_if(positions.begin(), positions.end(), isUseless),
                  positions.end());
  return positions;
}
