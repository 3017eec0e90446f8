//===- KvImageTest.cpp - Keys and values of a slot, copied ----------------===//

#include "runtime/abi/packed_layout.h"
#include "runtime/session/kv_image.h"

#include "gtest/gtest.h"

#include <set>
#include <vector>

using namespace gemcut;

namespace {

constexpr size_t kBlock = GEMCUT_KV_BLOCK;

/// A cache of all positions between two rings, 8 bytes per position and region.
gemcut_model_info makeModel() {
  gemcut_model_info model = {};
  const gemcut_kv_cache caches[] = {
      {0, 2, 8 * kBlock, 96, 40},
      {2 * 96 * 8, 4, 8 * kBlock, 256, 0},
      {2 * 96 * 8 + 4 * 256 * 8, 2, 8 * kBlock, 64, 16},
  };
  for (const gemcut_kv_cache &cache : caches) {
    model.kv_caches[model.kv_cache_count++] = cache;
    model.kv_slot_bytes =
        cache.offset + uint64_t(cache.regions) * cache.capacity * 8;
  }
  return model;
}

uint64_t *getEntry(std::vector<uint8_t> &slot, const gemcut_kv_cache &cache,
                   size_t region, size_t position) {
  size_t at = position % cache.capacity;
  return reinterpret_cast<uint64_t *>(slot.data() + cache.offset +
                                      (region * cache.capacity + at) * 8);
}

/// A slot that `count` positions were written to, one after the other.
std::vector<uint8_t> makeSlot(const gemcut_model_info &model, size_t count) {
  std::vector<uint8_t> slot(model.kv_slot_bytes);
  for (size_t position = 0; position < count; ++position)
    for (int32_t i = 0; i < model.kv_cache_count; ++i)
      for (size_t region = 0; region < model.kv_caches[i].regions; ++region)
        *getEntry(slot, model.kv_caches[i], region, position) =
            position * 1000 + uint64_t(i) * 100 + region + 1;
  return slot;
}

} // namespace

TEST(KvImageTest, RestoresWhatLaterRowsSee) {
  gemcut_model_info model = makeModel();
  for (size_t count = 1; count <= 256 - 24; ++count)
    for (size_t later : {size_t(0), size_t(1), size_t(24)}) {
      std::vector<uint8_t> from = makeSlot(model, count + later);
      std::vector<uint8_t> to(model.kv_slot_bytes);
      std::vector<uint8_t> rings(countRingBytes(model, count));
      copyRings(model, count, from.data(), rings.data(), KvCopy::FromSlot);
      copyRings(model, count, to.data(), rings.data(), KvCopy::ToSlot);
      for (size_t first = 0; first < count; first += 64) {
        KvPage page = {KvKind::Linear, first, 64};
        size_t last = std::min(first + 64, count);
        std::vector<uint8_t> image(countPageBytes(model, page));
        copyPage(model, page, first, last, from.data(), image.data(),
                 KvCopy::FromSlot);
        copyPage(model, page, first, last, to.data(), image.data(),
                 KvCopy::ToSlot);
      }
      for (int32_t i = 0; i < model.kv_cache_count; ++i) {
        const gemcut_kv_cache &cache = model.kv_caches[i];
        size_t seen =
            cache.window ? std::min<size_t>(cache.window - 1, count) : count;
        for (size_t position = count - seen; position < count; ++position)
          for (size_t region = 0; region < cache.regions; ++region)
            ASSERT_EQ(*getEntry(to, cache, region, position),
                      position * 1000 + uint64_t(i) * 100 + region + 1)
                << count << " of " << count + later << ", cache " << i;
      }
    }
}

TEST(KvImageTest, PagesOfRingsRestoreAnyPosition) {
  gemcut_model_info model = makeModel();
  // In steps of 24 positions, which the rings have room for beside the window.
  std::vector<std::vector<uint8_t>> pages;
  for (size_t done = 0; done < 240;) {
    size_t first = done;
    done += 24;
    std::vector<uint8_t> slot = makeSlot(model, done);
    for (size_t i = first / 64; i * 64 < done; ++i) {
      KvPage page = {KvKind::Sliding, i * 64, 64};
      if (i == pages.size())
        pages.emplace_back(countPageBytes(model, page));
      copyPage(model, page, std::max(first, i * 64),
               std::min(done, (i + 1) * 64), slot.data(), pages[i].data(),
               KvCopy::FromSlot);
    }
  }
  for (size_t count = 1; count <= 240; ++count) {
    std::vector<uint8_t> to(model.kv_slot_bytes);
    size_t seen = getFirstSeen(model, count);
    EXPECT_EQ(seen, count > 39 ? count - 39 : 0);
    for (size_t i = seen / 64; i * 64 < count; ++i)
      copyPage(model, {KvKind::Sliding, i * 64, 64}, std::max(seen, i * 64),
               std::min(count, (i + 1) * 64), to.data(), pages[i].data(),
               KvCopy::ToSlot);
    for (int32_t i : {0, 2}) {
      const gemcut_kv_cache &cache = model.kv_caches[i];
      size_t visible = std::min<size_t>(cache.window - 1, count);
      for (size_t position = count - visible; position < count; ++position)
        for (size_t region = 0; region < cache.regions; ++region)
          ASSERT_EQ(*getEntry(to, cache, region, position),
                    position * 1000 + uint64_t(i) * 100 + region + 1)
              << count << ", cache " << i;
    }
  }
  EXPECT_EQ(getFirstHeld(model, 64), 0u);
  EXPECT_EQ(getFirstHeld(model, 100), 36u); // of the smaller ring
}

TEST(KvImageTest, CopiesNoMoreThanTheWindow) {
  gemcut_model_info model = makeModel();
  EXPECT_EQ(countPageBytes(model, {KvKind::Linear, 0, 1}), 4 * kBlock * 8);
  EXPECT_EQ(countPageBytes(model, {KvKind::Linear, 64, 64}), 4 * 64 * 8u);
  EXPECT_EQ(countPageBytes(model, {KvKind::Sliding, 64, 64}), 4 * 64 * 8u);
  EXPECT_EQ(countRingBytes(model, 1), 2 * 2 * kBlock * 8);
  // 39 and 15 positions in front of 192: two blocks and one.
  EXPECT_EQ(countRingBytes(model, 192), (2 + 1) * 2 * kBlock * 8);
  EXPECT_LE(countRingBytes(model, 250), (3 + 2) * 2 * kBlock * 8);
}
