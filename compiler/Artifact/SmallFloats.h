//===- SmallFloats.h - float16 and bfloat16 of float32 ----------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_SMALLFLOATS_H
#define GEMCUT_COMPILER_ARTIFACT_SMALLFLOATS_H

#include "compiler/Artifact/VectorCode.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace gemcut::artifact {

GEMCUT_INLINE uint16_t toHalf(float value) {
  _Float16 half = _Float16(value);
  uint16_t bits;
  std::memcpy(&bits, &half, 2);
  return bits;
}

GEMCUT_INLINE float fromHalf(uint16_t bits) {
  _Float16 half;
  std::memcpy(&half, &bits, 2);
  return float(half);
}

GEMCUT_INLINE uint16_t toBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (std::isnan(value))
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_SMALLFLOATS_H
