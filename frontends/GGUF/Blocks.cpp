//===- Blocks.cpp - The element types of ggml -----------------------------===//
//
// Compiled without contraction to fused multiply-adds, which would change bits.
//
//===----------------------------------------------------------------------===//

#include "frontends/GGUF/Blocks.h"

#include "llvm/Support/Endian.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::gguf;
using checkpoint::ElementType;

namespace {

constexpr int kSmall = 32;  ///< elements of a block of the older types
constexpr int kLarge = 256; ///< elements of a block of the K types

struct TypeRow {
  uint32_t number;
  ElementType type;
  BlockSize size;
};
constexpr TypeRow kTypes[] = {
    {0, ElementType::F32, {1, 4}},
    {1, ElementType::F16, {1, 2}},
    {2, ElementType::Q4_0, {kSmall, 18}},
    {3, ElementType::Q4_1, {kSmall, 20}},
    {6, ElementType::Q5_0, {kSmall, 22}},
    {7, ElementType::Q5_1, {kSmall, 24}},
    {8, ElementType::Q8_0, {kSmall, 34}},
    {10, ElementType::Q2_K, {kLarge, 84}},
    {11, ElementType::Q3_K, {kLarge, 110}},
    {12, ElementType::Q4_K, {kLarge, 144}},
    {13, ElementType::Q5_K, {kLarge, 176}},
    {14, ElementType::Q6_K, {kLarge, 210}},
    {20, ElementType::IQ4_NL, {kSmall, 18}},
    {24, ElementType::I8, {1, 1}},
    {25, ElementType::I16, {1, 2}},
    {26, ElementType::I32, {1, 4}},
    {27, ElementType::I64, {1, 8}},
    {28, ElementType::F64, {1, 8}},
    {30, ElementType::BF16, {1, 2}},
    {39, ElementType::MXFP4, {kSmall, 17}},
};

/// Types that are valid but not supported, for errors.
struct OtherType {
  uint32_t number;
  llvm::StringLiteral name;
};
constexpr OtherType kOthers[] = {
    {9, "Q8_1"},     {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {21, "IQ3_S"},   {22, "IQ2_S"},
    {23, "IQ4_XS"},  {29, "IQ1_M"}, {34, "TQ1_0"},   {35, "TQ2_0"},
    {40, "NVFP4"},
};

/// The sixteen levels of IQ4_NL (ggml-common.h, kvalues_iq4nl).
constexpr int8_t kIq4NlLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};
/// The values of FP4 (e2m1), doubled (OCP Microscaling Formats 1.0).
constexpr int8_t kFp4Levels[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                   0, -1, -2, -3, -4, -6, -8, -12};

float half(const uint8_t *at) {
  return checkpoint::halfToFloat(llvm::support::endian::read16le(at));
}

/// 2^(e - 128): the scale of MXFP4 for doubled values.
float e8m0Half(uint8_t e) {
  uint32_t bits = e < 2 ? 0x00200000u << e : uint32_t(e - 1) << 23;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

/// Element i of a block of 16 bytes of nibbles: the low ones first.
int nibble(const uint8_t *quants, int i) {
  return i < 16 ? quants[i] & 15 : quants[i - 16] >> 4;
}

/// Bit i of four bytes.
int highBit(const uint8_t *bits, int i) { return bits[i / 8] >> i % 8 & 1; }

/// Scales and minima of the eight groups of Q4_K and Q5_K, six bits each.
struct PackedScales {
  uint8_t scale[8], minimum[8];

  explicit PackedScales(const uint8_t *packed) {
    for (int i = 0; i < 4; ++i) {
      scale[i] = packed[i] & 63;
      minimum[i] = packed[i + 4] & 63;
      scale[i + 4] = (packed[i + 8] & 15) | (packed[i] >> 2 & 48);
      minimum[i + 4] = packed[i + 8] >> 4 | (packed[i + 4] >> 2 & 48);
    }
  }
};

void decodeQ4_1(const uint8_t *block, float *out) {
  float d = half(block), m = half(block + 2);
  for (int i = 0; i < kSmall; ++i)
    out[i] = d * float(nibble(block + 4, i)) + m;
}

void decodeQ5_1(const uint8_t *block, float *out) {
  float d = half(block), m = half(block + 2);
  for (int i = 0; i < kSmall; ++i) {
    int q = nibble(block + 8, i) | highBit(block + 4, i) << 4;
    out[i] = d * float(q) + m;
  }
}

/// 16 groups of 16: scale and minimum, four bits each; two bits per element.
void decodeQ2_K(const uint8_t *block, float *out) {
  const uint8_t *scales = block, *quants = block + 16;
  float d = half(block + 80), dmin = half(block + 82);
  for (int i = 0; i < kLarge; ++i) {
    uint8_t scale = scales[i / 16];
    // Each 32 bytes hold 128 elements: four of 32, by bit pair.
    int q = quants[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
    out[i] = d * float(scale & 15) * float(q) - dmin * float(scale >> 4);
  }
}

/// 16 groups of 16 with six-bit scales; two bits and a high bit per element,
/// inverted.
void decodeQ3_K(const uint8_t *block, float *out) {
  const uint8_t *high = block, *quants = block + 32, *packed = block + 96;
  float d = half(block + 108);
  for (int i = 0; i < kLarge; ++i) {
    int group = i / 16;
    int low = packed[group % 8] >> group / 8 * 4 & 15;
    int top = packed[8 + group % 4] >> group / 4 * 2 & 3;
    float scale = d * float((low | top << 4) - 32);
    int q = quants[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
    if (!(high[i % 32] >> i / 32 & 1))
      q -= 4;
    out[i] = scale * float(q);
  }
}

/// Eight groups of 32 with scale and minimum; `high`: the fifth bits of Q5_K,
/// or null.
void decodeQ45_K(const uint8_t *block, const uint8_t *high,
                 const uint8_t *quants, float *out) {
  float d = half(block), dmin = half(block + 2);
  PackedScales packed(block + 4);
  for (int group = 0; group < 8; ++group) {
    float scale = d * float(packed.scale[group]);
    float minimum = dmin * float(packed.minimum[group]);
    for (int i = 0; i < 32; ++i) {
      int q = quants[group / 2 * 32 + i] >> group % 2 * 4 & 15;
      if (high)
        q |= (high[i] >> group & 1) << 4;
      out[group * 32 + i] = scale * float(q) - minimum;
    }
  }
}

/// 16 groups of 16 with eight-bit scales; four low and two high bits.
void decodeQ6_K(const uint8_t *block, float *out) {
  const uint8_t *low = block, *high = block + 128, *scales = block + 192;
  float d = half(block + 208);
  for (int i = 0; i < kLarge; ++i) {
    int inHalf = i % 128, at = i / 128;
    int q = (low[at * 64 + inHalf % 64] >> inHalf / 64 * 4 & 15) |
            (high[at * 32 + i % 32] >> inHalf / 32 * 2 & 3) << 4;
    out[i] = d * float(int8_t(scales[i / 16])) * float(q - 32);
  }
}

void decodeBlock(ElementType type, const uint8_t *block, float *out) {
  switch (type) {
  case ElementType::Q4_1:
    return decodeQ4_1(block, out);
  case ElementType::Q5_1:
    return decodeQ5_1(block, out);
  case ElementType::Q2_K:
    return decodeQ2_K(block, out);
  case ElementType::Q3_K:
    return decodeQ3_K(block, out);
  case ElementType::Q4_K:
    return decodeQ45_K(block, /*high=*/nullptr, block + 16, out);
  case ElementType::Q5_K:
    return decodeQ45_K(block, block + 16, block + 48, out);
  case ElementType::Q6_K:
    return decodeQ6_K(block, out);
  default: {
    int8_t levels[kSmall];
    float scale;
    decodeLevels(type, block, 1, levels, &scale);
    for (int i = 0; i < kSmall; ++i)
      out[i] = scale * float(levels[i]);
  }
  }
}

} // namespace

BlockSize gemcut::gguf::blockSize(ElementType type) {
  for (const TypeRow &row : kTypes)
    if (row.type == type)
      return row.size;
  llvm_unreachable("no type of a GGUF file");
}

std::optional<ElementType> gemcut::gguf::typeOfNumber(uint32_t number) {
  for (const TypeRow &row : kTypes)
    if (row.number == number)
      return row.type;
  return std::nullopt;
}

llvm::StringRef gemcut::gguf::nameOfNumber(uint32_t number) {
  if (std::optional<ElementType> type = typeOfNumber(number))
    return checkpoint::stringify(*type);
  for (const OtherType &other : kOthers)
    if (other.number == number)
      return other.name;
  return "unknown";
}

std::string gemcut::gguf::supportedTypes() {
  std::string names;
  for (const TypeRow &row : kTypes)
    names +=
        (names.empty() ? "" : ", ") + checkpoint::stringify(row.type).str();
  return names;
}

std::optional<checkpoint::LevelForm> gemcut::gguf::levelForm(ElementType type) {
  switch (type) {
  case ElementType::Q4_0:
    return checkpoint::LevelForm{/*bits=*/4, kSmall};
  case ElementType::Q5_0:
  case ElementType::MXFP4:
    return checkpoint::LevelForm{/*bits=*/5, kSmall};
  case ElementType::Q8_0:
  case ElementType::IQ4_NL:
    return checkpoint::LevelForm{/*bits=*/8, kSmall};
  default:
    return std::nullopt;
  }
}

void gemcut::gguf::decodeLevels(ElementType type, const uint8_t *source,
                                int64_t blocks, int8_t *levels, float *scales) {
  int64_t bytes = blockSize(type).bytes;
  for (int64_t b = 0; b < blocks; ++b, source += bytes, levels += kSmall) {
    if (type == ElementType::MXFP4)
      scales[b] = e8m0Half(source[0]);
    else
      scales[b] = half(source);
    for (int i = 0; i < kSmall; ++i)
      switch (type) {
      case ElementType::Q4_0:
        levels[i] = int8_t(nibble(source + 2, i) - 8);
        break;
      case ElementType::Q5_0:
        levels[i] =
            int8_t((nibble(source + 6, i) | highBit(source + 2, i) << 4) - 16);
        break;
      case ElementType::Q8_0:
        levels[i] = int8_t(source[2 + i]);
        break;
      case ElementType::IQ4_NL:
        levels[i] = kIq4NlLevels[nibble(source + 2, i)];
        break;
      case ElementType::MXFP4:
        levels[i] = kFp4Levels[nibble(source + 1, i)];
        break;
      default:
        llvm_unreachable("no type with a level form");
      }
  }
}

void gemcut::gguf::decodeBlocks(ElementType type, const uint8_t *source,
                                int64_t blocks, float *out) {
  BlockSize size = blockSize(type);
  for (int64_t b = 0; b < blocks; ++b)
    decodeBlock(type, source + b * size.bytes, out + b * size.elements);
}
