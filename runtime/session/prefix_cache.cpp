//===- prefix_cache.cpp - Beginnings of earlier prompts -------------------===//

#include "runtime/session/prefix_cache.h"

#include "runtime/session/kv_image.h"

#include <algorithm>
#include <cstdlib>

using namespace gemcut;

/// Tokens of a page.
static constexpr size_t kPage = 64;
static_assert(kPage % GEMCUT_KV_BLOCK == 0);
/// Beginnings shorter than this are run as fast as they are copied.
static constexpr size_t kLeastTokens = 16;
/// Templates end a prompt with what only the answer's turn needs; the next
/// prompt of a conversation agrees with all but the last such tokens.
static constexpr size_t kLongestTurnOpening = 64;

static KvPage getPage(KvKind kind, size_t index) {
  return {kind, index * kPage, kPage};
}

void PrefixCache::open(const gemcut_model_info &info, uint64_t most) {
  model = &info;
  // Without a description of the caches nothing can be copied.
  limit = info.kv_cache_count > 0 ? most : 0;
  hasRings = countPageBytes(info, getPage(KvKind::Sliding, 0)) > 0;
}

PrefixCache::Buffer PrefixCache::allocate(size_t size) const {
  // Not by operator new, whose handler ends the program.
  auto *memory = static_cast<uint8_t *>(malloc(size));
  if (!memory)
    return nullptr;
  *bytes += size;
  return Buffer(memory, [counter = bytes, size](uint8_t *owned) {
    *counter -= size;
    free(owned);
  });
}

bool PrefixCache::canTakeUp(const Sequence &sequence, size_t count) const {
  return count >= kLeastTokens &&
         getFirstSeen(*model, count) >= sequence.slidingFrom;
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
    if (same > common && canTakeUp(*it, same)) {
      common = same;
      best = it;
    }
  }
  return best;
}

size_t PrefixCache::restore(Session &session, int32_t slot,
                            const std::vector<int32_t> &prompt) {
  if (isOff() || prompt.empty() || session.reset(slot))
    return 0;
  size_t common = 0;
  auto best = findBest(prompt.data(), prompt.size() - 1, common);
  if (best == sequences.end() || fill(session, slot, *best, common))
    return 0;
  sequences.splice(sequences.begin(), sequences, best);
  return common;
}

gemcut_status PrefixCache::fill(Session &session, int32_t slot,
                                const Sequence &sequence, size_t count) const {
  if (gemcut_status status = session.adopt(slot, sequence.tokens.data(), count))
    return status;
  uint8_t *kv = session.getKv(slot);
  size_t seen = getFirstSeen(*model, count);
  for (size_t i = 0; i * kPage < count; ++i) {
    const Page &page = sequence.pages[i];
    size_t first = i * kPage, last = std::min(first + kPage, count);
    copyPage(*model, getPage(KvKind::Linear, i), first, last, kv,
             page.linear.get(), KvCopy::ToSlot);
    if (last > seen)
      copyPage(*model, getPage(KvKind::Sliding, i), std::max(first, seen), last,
               kv, page.sliding.get(), KvCopy::ToSlot);
  }
  return GEMCUT_OK;
}

bool PrefixCache::extend(Sequence &sequence, Session &session, int32_t slot,
                         size_t from, size_t count) {
  const int32_t *tokens = session.getTokens(slot);
  uint8_t *kv = session.getKv(slot);
  sequence.tokens.assign(tokens, tokens + count);
  // The rings may hold less: as much as a longer sequence left of it, and what
  // was restored into them.
  size_t held = 0;
  if (hasRings)
    held = std::max(getFirstHeld(*model, session.getTokenCount(slot)),
                    getFirstSeen(*model, session.getAdopted(slot)));
  if (held > from / GEMCUT_KV_BLOCK * GEMCUT_KV_BLOCK)
    sequence.slidingFrom = std::max(sequence.slidingFrom, held);
  for (size_t i = from / kPage; i * kPage < count; ++i) {
    if (i == sequence.pages.size()) {
      Page page;
      page.linear =
          allocate(countPageBytes(*model, getPage(KvKind::Linear, i)));
      if ((i + 1) * kPage > held)
        page.sliding =
            allocate(countPageBytes(*model, getPage(KvKind::Sliding, i)));
      if (!page.linear || (!page.sliding && (i + 1) * kPage > held))
        return false;
      sequence.pages.push_back(std::move(page));
    }
    Page &page = sequence.pages[i];
    size_t first = std::max(from, i * kPage);
    size_t last = std::min((i + 1) * kPage, count);
    copyPage(*model, getPage(KvKind::Linear, i), first, last, kv,
             page.linear.get(), KvCopy::FromSlot);
    if (page.sliding)
      copyPage(*model, getPage(KvKind::Sliding, i), first, last, kv,
               page.sliding.get(), KvCopy::FromSlot);
  }
  return true;
}

uint64_t PrefixCache::countLeastBytes(size_t count) const {
  size_t pages = (count + kPage - 1) / kPage;
  size_t stable = count - std::min(count, kLongestTurnOpening);
  size_t first = getFirstSeen(*model, stable) / kPage;
  return pages * countPageBytes(*model, getPage(KvKind::Linear, 0)) +
         (pages - first) * countPageBytes(*model, getPage(KvKind::Sliding, 0));
}

void PrefixCache::keep(Session &session, int32_t slot, size_t count) {
  const int32_t *tokens = session.getTokens(slot);
  if (limit == 0 || count < kLeastTokens)
    return;
  // What cannot stay would be copied, whole, behind each further step.
  uint64_t least = countLeastBytes(count);
  if (least > limit && least - limit > pinnedBytes)
    return makeRoom();
  size_t common = 0;
  auto it = findBest(tokens, count, common);
  if (it != sequences.end() && common == count) {
    sequences.splice(sequences.begin(), sequences, it);
    return;
  }
  if (it != sequences.end() && !it->isPinned && common == it->tokens.size()) {
    sequences.splice(sequences.begin(), sequences, it);
  } else {
    // Another way to go on: whole pages that are the same are shared.
    Sequence branch;
    size_t shared = common / kPage;
    if (it != sequences.end()) {
      branch.pages.assign(it->pages.begin(), it->pages.begin() + long(shared));
      branch.slidingFrom = it->slidingFrom;
    }
    common = shared * kPage;
    sequences.push_front(std::move(branch));
    it = sequences.begin();
  }
  if (!extend(*it, session, slot, common, count))
    sequences.erase(it);
  makeRoom();
}

void PrefixCache::pin(Session &session, int32_t slot, size_t count) {
  if (model->kv_cache_count == 0)
    return;
  uint64_t wanted = limit;
  limit = UINT64_MAX;
  keep(session, slot, count);
  limit = wanted;
  if (!sequences.empty()) // there was memory for it
    sequences.front().isPinned = true;
  pinnedBytes = *bytes;
}

void PrefixCache::makeRoom() {
  auto isOver = [&] { return *bytes - pinnedBytes > limit; };
  for (auto it = sequences.rbegin(); it != sequences.rend() && isOver(); ++it) {
    size_t stable = getStablePart(*it);
    if (it->isPinned || stable == 0)
      continue;
    // The next prompt may part a little earlier: tokens reach across the border
    // of two texts.
    stable -= std::min(stable, kLongestTurnOpening);
    size_t index = 0, seen = getFirstSeen(*model, stable);
    for (; (index + 1) * kPage <= seen; ++index)
      it->pages[index].sliding.reset();
    it->slidingFrom = std::max(it->slidingFrom, index * kPage);
  }
  for (auto it = sequences.end(); isOver() && it != sequences.begin();) {
    --it;
    if (!it->isPinned)
      it = sequences.erase(it);
  }
}

size_t PrefixCache::getStablePart(const Sequence &sequence) const {
  // One row must be left to run, for the logits behind it.
  size_t last = sequence.tokens.size() - 1;
  for (size_t i = last; i > 0 && i + kLongestTurnOpening > last; --i)
    if (sequence.tokens[i] == model->special.turn_open &&
        canTakeUp(sequence, i))
      return i;
  return canTakeUp(sequence, last)       ? last
         : canTakeUp(sequence, last + 1) ? last + 1
                                         : 0;
}
