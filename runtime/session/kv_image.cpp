//===- kv_image.cpp - Keys and values of a slot, copied -------------------===//

#include "runtime/session/kv_image.h"

#include "runtime/abi/packed_layout.h"

#include <algorithm>
#include <cstring>

using namespace gemcut;

namespace {

/// Blocks [first, last) of a sequence; in a cache they are taken modulo its
/// number of blocks.
struct BlockRange {
  size_t first, last;

  size_t size() const { return last - first; }
};

constexpr size_t kBlock = GEMCUT_KV_BLOCK;

BlockRange getBlocks(size_t first, size_t last) {
  return {first / kBlock, (last + kBlock - 1) / kBlock};
}

size_t getFirstSeen(const gemcut_kv_cache &cache, size_t count) {
  size_t seen = cache.window - 1; // besides the row itself
  return count > seen ? count - seen : 0;
}

BlockRange getRingBlocks(const gemcut_kv_cache &cache, size_t count) {
  return getBlocks(getFirstSeen(cache, count), count);
}

size_t countBytes(const gemcut_kv_cache &cache, BlockRange blocks) {
  return blocks.size() * cache.regions * cache.block_bytes;
}

/// Copies `blocks` of all regions; `image` holds those of `held`.
void copyBlocks(const gemcut_kv_cache &cache, BlockRange blocks,
                BlockRange held, uint8_t *slot, uint8_t *image,
                KvCopy direction) {
  size_t inCache = cache.capacity / kBlock, bytes = cache.block_bytes;
  for (size_t region = 0; region < cache.regions; ++region) {
    uint8_t *base = slot + cache.offset + region * inCache * bytes;
    uint8_t *part = image + region * held.size() * bytes;
    for (size_t block = blocks.first; block < blocks.last;) {
      size_t at = block % inCache;
      // Up to the end of the ring.
      size_t run = std::min(blocks.last - block, inCache - at);
      uint8_t *copy = part + (block - held.first) * bytes;
      if (direction == KvCopy::FromSlot)
        std::memcpy(copy, base + at * bytes, run * bytes);
      else
        std::memcpy(base + at * bytes, copy, run * bytes);
      block += run;
    }
  }
}

template <typename Visit>
void forCaches(const gemcut_model_info &model, KvKind kind, Visit visit) {
  for (int32_t i = 0; i < model.kv_cache_count; ++i)
    if ((model.kv_caches[i].window != 0) == (kind == KvKind::Sliding))
      visit(model.kv_caches[i]);
}

} // namespace

size_t gemcut::countPageBytes(const gemcut_model_info &model,
                              const KvPage &page) {
  size_t bytes = 0;
  BlockRange held = getBlocks(page.first, page.first + page.tokens);
  forCaches(model, page.kind, [&](const gemcut_kv_cache &cache) {
    bytes += countBytes(cache, held);
  });
  return bytes;
}

void gemcut::copyPage(const gemcut_model_info &model, const KvPage &page,
                      size_t first, size_t last, uint8_t *slot, uint8_t *image,
                      KvCopy direction) {
  BlockRange held = getBlocks(page.first, page.first + page.tokens);
  forCaches(model, page.kind, [&](const gemcut_kv_cache &cache) {
    copyBlocks(cache, getBlocks(first, last), held, slot, image, direction);
    image += countBytes(cache, held);
  });
}

size_t gemcut::countRingBytes(const gemcut_model_info &model, size_t count) {
  size_t bytes = 0;
  forCaches(model, KvKind::Sliding, [&](const gemcut_kv_cache &cache) {
    bytes += countBytes(cache, getRingBlocks(cache, count));
  });
  return bytes;
}

void gemcut::copyRings(const gemcut_model_info &model, size_t count,
                       uint8_t *slot, uint8_t *image, KvCopy direction) {
  forCaches(model, KvKind::Sliding, [&](const gemcut_kv_cache &cache) {
    BlockRange blocks = getRingBlocks(cache, count);
    copyBlocks(cache, blocks, blocks, slot, image, direction);
    image += countBytes(cache, blocks);
  });
}

size_t gemcut::getFirstSeen(const gemcut_model_info &model, size_t count) {
  size_t first = count;
  forCaches(model, KvKind::Sliding, [&](const gemcut_kv_cache &cache) {
    first = std::min(first, ::getFirstSeen(cache, count));
  });
  return first;
}

size_t gemcut::getFirstHeld(const gemcut_model_info &model, size_t count) {
  size_t first = 0;
  forCaches(model, KvKind::Sliding, [&](const gemcut_kv_cache &cache) {
    if (count > cache.capacity)
      first = std::max(first, count - cache.capacity);
  });
  return first;
}
