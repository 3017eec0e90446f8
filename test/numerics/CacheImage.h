//===- CacheImage.h - Reads and writes KV cache bytes in tests --*- C++ -*-===//
//
// The layouts of packed_layout.h, element by element.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TEST_NUMERICS_CACHEIMAGE_H
#define GEMCUT_TEST_NUMERICS_CACHEIMAGE_H

#include "test/numerics/StageProgram.h"

#include "fmt/format.h"

#include <cstring>

namespace gemcut::test {

struct CacheShape {
  int64_t heads, headDim;
  bool bf16;
  int64_t window, capacity;

  int64_t elementBytes() const { return bf16 ? 2 : 4; }
  /// Bytes of one head's K or V region.
  int64_t regionBytes() const { return capacity * headDim * elementBytes(); }
  int64_t bytes() const { return 2 * heads * regionBytes(); }
  std::string type() const {
    return fmt::format("<{} x {}, {}, window = {}, capacity = {}>", heads,
                       headDim, bf16 ? "bf16" : "f32", window, capacity);
  }

  /// Offset of dimension `d` of the key (value) of `position`.
  int64_t keyOffset(int64_t head, int64_t position, int64_t d) const {
    int64_t entry = position % capacity, block = entry / 32, lane = entry % 32;
    int64_t element =
        bf16 ? ((block * (headDim / 2) + d / 2) * 32 + lane) * 2 + d % 2
             : (block * headDim + d) * 32 + lane;
    return head * regionBytes() + element * elementBytes();
  }
  int64_t valueOffset(int64_t head, int64_t position, int64_t d) const {
    int64_t entry = position % capacity, block = entry / 32, lane = entry % 32;
    int64_t group = d / 32, width = std::min<int64_t>(32, headDim - group * 32);
    int64_t element = (block * headDim + group * 32) * 32;
    element += bf16 ? (lane / 2 * width + d % 32) * 2 + lane % 2
                    : lane * width + d % 32;
    return (heads + head) * regionBytes() + element * elementBytes();
  }

  float get(const uint8_t *cache, int64_t offset) const {
    if (bf16) {
      uint16_t bits;
      std::memcpy(&bits, cache + offset, 2);
      return fromBf16(bits);
    }
    float value;
    std::memcpy(&value, cache + offset, 4);
    return value;
  }
  void put(uint8_t *cache, int64_t offset, float value) const {
    uint16_t bits = toBf16(value);
    if (bf16)
      std::memcpy(cache + offset, &bits, 2);
    else
      std::memcpy(cache + offset, &value, 4);
  }
  /// `value` as the cache keeps it.
  float rounded(float value) const {
    return bf16 ? fromBf16(toBf16(value)) : value;
  }
};

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_CACHEIMAGE_H
