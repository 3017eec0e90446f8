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

inline constexpr gemcut_format kF32 = GEMCUT_F32, kBf16 = GEMCUT_BF16,
                               kInt8 = GEMCUT_INT8;

struct CacheShape {
  int64_t heads, headDim;
  gemcut_format format;
  int64_t window, capacity;

  bool isInt8() const { return format == GEMCUT_INT8; }
  const char *formatName() const {
    return format == GEMCUT_F32 ? "f32" : isInt8() ? "int8" : "bf16";
  }
  int64_t elementBytes() const {
    return format == GEMCUT_F32 ? 4 : isInt8() ? 1 : 2;
  }
  /// Bytes of a block of 32 positions.
  int64_t blockBytes() const {
    return 32 * (headDim * elementBytes() + (isInt8() ? 4 : 0));
  }
  /// Bytes of one head's K or V region.
  int64_t regionBytes() const { return capacity / 32 * blockBytes(); }
  int64_t bytes() const { return 2 * heads * regionBytes(); }
  std::string type() const {
    return fmt::format("<{} x {}, {}, window = {}, capacity = {}>", heads,
                       headDim, formatName(), window, capacity);
  }

  /// Offset of dimension `d` of the key (value) of `position`.
  int64_t keyOffset(int64_t head, int64_t position, int64_t d) const {
    int64_t lane = position % capacity % 32, depth = wordElements();
    int64_t element = (d / depth * 32 + lane) * depth + d % depth;
    return blockOffset(head, position) + element * elementBytes();
  }
  int64_t valueOffset(int64_t head, int64_t position, int64_t d) const {
    int64_t lane = position % capacity % 32, depth = wordElements();
    int64_t group = d / 32, width = std::min<int64_t>(32, headDim - group * 32);
    int64_t element = group * 32 * 32 +
                      (lane / depth * width + d % 32) * depth + lane % depth;
    return blockOffset(heads + head, position) + element * elementBytes();
  }
  /// Offset of the scale of the key (value) of `position`; int8 only.
  int64_t keyScaleOffset(int64_t head, int64_t position) const {
    return blockOffset(head, position) + 32 * headDim +
           position % capacity % 32 * 4;
  }
  int64_t valueScaleOffset(int64_t head, int64_t position) const {
    return keyScaleOffset(heads + head, position);
  }

  /// The element at `offset`; of int8 without its scale.
  float get(const uint8_t *cache, int64_t offset) const {
    if (isInt8())
      return float(int(cache[offset]) - 128);
    if (format == GEMCUT_F32)
      return getScale(cache, offset);
    uint16_t bits;
    std::memcpy(&bits, cache + offset, 2);
    return fromBf16(bits);
  }
  float getScale(const uint8_t *cache, int64_t offset) const {
    float value;
    std::memcpy(&value, cache + offset, 4);
    return value;
  }

  /// Stores a key (value), whose elements become what the cache keeps. Returns
  /// the scale, 1 for other formats than int8.
  float putKey(uint8_t *cache, int64_t head, int64_t position,
               float *key) const {
    float scale = scaleOf(key);
    if (isInt8())
      std::memcpy(cache + keyScaleOffset(head, position), &scale, 4);
    for (int64_t d = 0; d < headDim; ++d)
      key[d] = put(cache + keyOffset(head, position, d), key[d], scale);
    return scale;
  }
  float putValue(uint8_t *cache, int64_t head, int64_t position,
                 float *value) const {
    float scale = scaleOf(value);
    if (isInt8())
      std::memcpy(cache + valueScaleOffset(head, position), &scale, 4);
    for (int64_t d = 0; d < headDim; ++d)
      value[d] = put(cache + valueOffset(head, position, d), value[d], scale);
    return scale;
  }

  /// `value` as bf16 and f32 caches keep it.
  float rounded(float value) const {
    return format == GEMCUT_BF16 ? fromBf16(toBf16(value)) : value;
  }

private:
  int64_t wordElements() const { return 4 / elementBytes(); }
  /// Of the block of `position` in region `region`, K regions first.
  int64_t blockOffset(int64_t region, int64_t position) const {
    return region * regionBytes() + position % capacity / 32 * blockBytes();
  }
  float scaleOf(const float *values) const {
    float most = 0;
    for (int64_t d = 0; d < headDim; ++d)
      most = std::max(most, std::fabs(values[d]));
    return isInt8() ? most / 127 : 1;
  }
  float put(uint8_t *target, float value, float scale) const {
    if (isInt8()) {
      float quant = scale ? std::nearbyint(value / scale) : 0;
      *target = uint8_t(int(quant) + 128);
      return quant * scale;
    }
    uint16_t bits = toBf16(value);
    if (format == GEMCUT_BF16)
      std::memcpy(target, &bits, 2);
    else
      std::memcpy(target, &value, 4);
    return rounded(value);
  }
};

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_CACHEIMAGE_H
