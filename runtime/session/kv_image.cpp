//===- kv_image.cpp - Keys and values of a slot, copied -------------------===//

#include "runtime/session/kv_image.h"

#include "runtime/abi/packed_layout.h"

#include <cstring>

using namespace gemcut;

namespace {

/// Blocks [first, last) of a sequence; in a cache they are taken modulo its
/// number of blocks.
struct BlockRange {
  size_t first, last;
};

constexpr size_t kBlock = GEMCUT_KV_BLOCK;

BlockRange getPageBlocks(size_t first, size_t last) {
  return {first / kBlock, (last + kBlock - 1) / kBlock};
}

BlockRange getRingBlocks(const gemcut_kv_cache &cache, size_t count) {
  size_t seen = cache.window - 1; // besides the row itself
  return getPageBlocks(count > seen ? count - seen : 0, count);
}

size_t countBytes(const gemcut_kv_cache &cache, BlockRange blocks) {
  return (blocks.last - blocks.first) * cache.regions * cache.block_bytes;
}

/// Copies blocks of all regions; returns the end of their image.
uint8_t *copyBlocks(const gemcut_kv_cache &cache, BlockRange blocks,
                    uint8_t *slot, uint8_t *image, KvCopy direction) {
  size_t inCache = cache.capacity / kBlock, bytes = cache.block_bytes;
  for (size_t region = 0; region < cache.regions; ++region) {
    uint8_t *base = slot + cache.offset + region * inCache * bytes;
    for (size_t block = blocks.first; block < blocks.last;) {
      size_t at = block % inCache;
      size_t run = blocks.last - block;
      if (run > inCache - at)
        run = inCache - at; // up to the end of the ring
      if (direction == KvCopy::FromSlot)
        std::memcpy(image, base + at * bytes, run * bytes);
      else
        std::memcpy(base + at * bytes, image, run * bytes);
      image += run * bytes;
      block += run;
    }
  }
  return image;
}

} // namespace

size_t gemcut::countPageBytes(const gemcut_model_info &model, size_t first,
                              size_t last) {
  size_t bytes = 0;
  for (int32_t i = 0; i < model.kv_cache_count; ++i)
    if (!model.kv_caches[i].window)
      bytes += countBytes(model.kv_caches[i], getPageBlocks(first, last));
  return bytes;
}

void gemcut::copyPage(const gemcut_model_info &model, size_t first, size_t last,
                      uint8_t *slot, uint8_t *image, KvCopy direction) {
  for (int32_t i = 0; i < model.kv_cache_count; ++i)
    if (!model.kv_caches[i].window)
      image = copyBlocks(model.kv_caches[i], getPageBlocks(first, last), slot,
                         image, direction);
}

size_t gemcut::countRingBytes(const gemcut_model_info &model, size_t count) {
  size_t bytes = 0;
  for (int32_t i = 0; i < model.kv_cache_count; ++i)
    if (model.kv_caches[i].window)
      bytes += countBytes(model.kv_caches[i],
                          getRingBlocks(model.kv_caches[i], count));
  return bytes;
}

void gemcut::copyRings(const gemcut_model_info &model, size_t count,
                       uint8_t *slot, uint8_t *image, KvCopy direction) {
  for (int32_t i = 0; i < model.kv_cache_count; ++i)
    if (model.kv_caches[i].window)
      image = copyBlocks(model.kv_caches[i],
                         getRingBlocks(model.kv_caches[i], count), slot, image,
                         direction);
}
