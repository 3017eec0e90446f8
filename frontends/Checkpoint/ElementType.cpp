//===- ElementType.cpp - How a checkpoint stores elements -----------------===//

#include "frontends/Checkpoint/ElementType.h"

#include "llvm/Support/ErrorHandling.h"

#include <cassert>
#include <cstring>

using namespace gemcut::checkpoint;

llvm::StringRef gemcut::checkpoint::stringify(ElementType type) {
  switch (type) {
  case ElementType::Bool:
    return "BOOL";
  case ElementType::U8:
    return "U8";
  case ElementType::I8:
    return "I8";
  case ElementType::F8E4M3:
    return "F8_E4M3";
  case ElementType::F8E5M2:
    return "F8_E5M2";
  case ElementType::F8E8M0:
    return "F8_E8M0";
  case ElementType::I16:
    return "I16";
  case ElementType::U16:
    return "U16";
  case ElementType::F16:
    return "F16";
  case ElementType::BF16:
    return "BF16";
  case ElementType::I32:
    return "I32";
  case ElementType::U32:
    return "U32";
  case ElementType::F32:
    return "F32";
  case ElementType::I64:
    return "I64";
  case ElementType::U64:
    return "U64";
  case ElementType::F64:
    return "F64";
  case ElementType::C64:
    return "C64";
  case ElementType::Q4_0:
    return "Q4_0";
  case ElementType::Q4_1:
    return "Q4_1";
  case ElementType::Q5_0:
    return "Q5_0";
  case ElementType::Q5_1:
    return "Q5_1";
  case ElementType::Q8_0:
    return "Q8_0";
  case ElementType::Q2_K:
    return "Q2_K";
  case ElementType::Q3_K:
    return "Q3_K";
  case ElementType::Q4_K:
    return "Q4_K";
  case ElementType::Q5_K:
    return "Q5_K";
  case ElementType::Q6_K:
    return "Q6_K";
  case ElementType::IQ4_NL:
    return "IQ4_NL";
  case ElementType::MXFP4:
    return "MXFP4";
  }
  llvm_unreachable("all types are listed");
}

bool gemcut::checkpoint::isFloat(ElementType type) {
  return type == ElementType::F32 || type == ElementType::BF16 ||
         type == ElementType::F16;
}

bool gemcut::checkpoint::isBlock(ElementType type) {
  return type >= ElementType::Q4_0;
}

float gemcut::checkpoint::halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31, mantissa = half & 0x3FF;
  uint32_t bits;
  if (exponent == 31)
    bits = sign | 0x7F800000 | mantissa << 13;
  else if (exponent)
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  else if (!mantissa)
    bits = sign;
  else { // subnormal: value is mantissa * 2^-24
    float value = float(mantissa) * 0x1p-24f;
    std::memcpy(&bits, &value, 4);
    bits |= sign;
  }
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

void gemcut::checkpoint::decodeFloats(ElementType type, const uint8_t *source,
                                      int64_t count, float *out) {
  switch (type) {
  case ElementType::F32:
    std::memcpy(out, source, size_t(count) * 4);
    return;
  case ElementType::BF16:
    for (int64_t i = 0; i < count; ++i) {
      uint16_t half;
      std::memcpy(&half, source + 2 * i, 2);
      uint32_t bits = uint32_t(half) << 16;
      std::memcpy(out + i, &bits, 4);
    }
    return;
  case ElementType::F16:
    for (int64_t i = 0; i < count; ++i) {
      uint16_t half;
      std::memcpy(&half, source + 2 * i, 2);
      out[i] = halfToFloat(half);
    }
    return;
  default:
    assert(false && "only F32, BF16 and F16 are floats");
  }
}
