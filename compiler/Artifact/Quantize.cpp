//===- Quantize.cpp - float32 weights to tiles and rows -------------------===//

#include "compiler/Artifact/Quantize.h"

#include "compiler/Artifact/QuantizeInt4.h"
#include "compiler/Artifact/QuantizeRows.h"
#include "compiler/Artifact/SmallFloats.h"
#include "compiler/Artifact/VectorCode.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

using namespace gemcut::artifact;

namespace {

constexpr int kGroup = GEMCUT_GROUP;

GEMCUT_MULTIVERSION
bool anyBeyond(const float *values, int64_t count, float limit) {
  int any = 0;
  for (int64_t i = 0; i < count; ++i)
    any |= !(std::fabs(values[i]) <= limit);
  return any;
}

/// Largest magnitude that `format` holds: scales must stay finite.
float largestMagnitude(gemcut_format format) {
  constexpr float kLargestHalf = 65504;
  switch (format) {
  case GEMCUT_F32:
    return std::numeric_limits<float>::max();
  case GEMCUT_BF16:
    return 0x1.FEp127f;
  case GEMCUT_INT8:
    return kLargestHalf * 127;
  case GEMCUT_INT4:
  case GEMCUT_INT2_ROW:
  case GEMCUT_INT4_ROW:
  case GEMCUT_INT8_ROW:
    return 0x1p120f;
  case GEMCUT_Q4_0:
    return kLargestHalf * 8;
  }
  return 0;
}

/// A scale of 0 becomes 1: kernels add to a scale's exponent, and all quants of
/// such a group stand for 0.
void putScale(uint8_t *at, float scale) {
  uint16_t bits = toHalf(scale == 0 ? 1 : scale);
  std::memcpy(at, &bits, 2);
}

/// Offsets in a tile of what belongs to one group.
struct GroupPlace {
  int64_t scales, quants;

  GroupPlace(gemcut_format format, int64_t group) {
    gemcut_block block = gemcut_block_of(format);
    int64_t start =
        block.header_bytes + group / block.groups * gemcut_block_bytes(block);
    int64_t inBlock = group % block.groups;
    scales = start + inBlock * block.scale_bytes;
    quants = start + GEMCUT_BLOCK_SCALE_BYTES + inBlock * block.quant_bytes;
  }
};

/// Where a value of a tile with row scales lies, in bytes from the tile's first
/// vector of quants and in bits of that byte.
struct RowTilePlace {
  int64_t byte, bit;

  RowTilePlace(int64_t bits, int64_t lane, int64_t column) {
    int64_t k = column % 64, j = column % 4;
    int64_t vector = bits == 2   ? k % 16 / 4
                     : bits == 4 ? k / 32 * 4 + k % 16 / 4
                                 : k / 4;
    int64_t block = column / 64 * 64 * GEMCUT_TILE_ROWS * bits / 8;
    byte = block + 64 * vector + 4 * lane + j;
    bit = bits == 2 ? k / 16 * 2 : bits == 4 ? k / 16 % 2 * 4 : 0;
  }
};

/// Puts the levels of row `r` of a tile at the places of RowTilePlace, over
/// zeros.
template <int64_t bits>
void putTileRow(const int8_t *quants, int64_t columns, int64_t r,
                uint8_t *tile) {
  constexpr int kMask = (1 << bits) - 1;
  for (int64_t c = 0; c < columns; ++c) {
    RowTilePlace place(bits, r, c);
    tile[place.byte] |= uint8_t((quants[c] & kMask) << place.bit);
  }
}

/// Puts the levels of a row of a table at the lowest bits first, over zeros.
template <int64_t bits>
void putTableRow(const int8_t *quants, int64_t columns, uint8_t *out) {
  constexpr int64_t kPerByte = 8 / bits;
  constexpr int kZeroPoint = bits == 8 ? 0 : 1 << (bits - 1);
  for (int64_t c = 0; c < columns; ++c)
    out[c / kPerByte] |=
        uint8_t(uint8_t(quants[c] + kZeroPoint) << c % kPerByte * bits);
}

/// Packs a tile in a format with row scales over zeros.
void packRowScaleTile(gemcut_format format, const float *values, int64_t rows,
                      int64_t columns, uint8_t *tile,
                      const KnownScales &known) {
  int64_t bits = gemcut_row_format_bits(format);
  auto put = bits == 2   ? putTileRow<2>
             : bits == 4 ? putTileRow<4>
                         : putTileRow<8>;
  gemcut_row_tile_header header = {};
  std::vector<int8_t> quants(columns);
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = values + r * columns;
    float scale =
        known.scales ? known.scales[r] : chooseRowScale(row, columns, bits);
    putRowLevels(row, columns, scale, bits, quants.data());
    put(quants.data(), columns, r, tile + sizeof(header));
    header.scales[r] = scale;
    header.corrections[r] =
        -128 * std::accumulate(quants.begin(), quants.end(), int32_t(0));
  }
  for (float &scale : header.output_scales)
    scale = known.outputScale;
  std::memcpy(tile, &header, sizeof(header));
}

/// Packs a tile of int4 over cleared groups.
void packInt4Tile(const float *values, int64_t rows, int64_t columns,
                  uint8_t *tile, const ColumnErrors *errors) {
  Int4Rows packed;
  quantizeInt4(values, rows, columns, errors, packed);
  std::memcpy(tile, packed.rowScales, sizeof(packed.rowScales));
  for (int64_t g = 0; g < columns / kGroup; ++g) {
    GroupPlace place(GEMCUT_INT4, g);
    std::memcpy(tile + place.scales, &packed.codes[g * GEMCUT_TILE_ROWS],
                GEMCUT_TILE_ROWS);
    const uint8_t *levels = &packed.levels[g * kGroup * GEMCUT_TILE_ROWS];
    for (int k = 0; k < 16; ++k)
      for (int r = 0; r < GEMCUT_TILE_ROWS; ++r)
        tile[place.quants + k / 4 * 64 + 4 * r + k % 4] =
            uint8_t(levels[k * GEMCUT_TILE_ROWS + r] |
                    levels[(k + 16) * GEMCUT_TILE_ROWS + r] << 4);
  }
}

/// Fills all groups, padding included, with zeros.
void clearGroups(gemcut_format format, int64_t columns, uint8_t *tile) {
  gemcut_block block = gemcut_block_of(format);
  int64_t groups = gemcut_tile_columns(format, columns) / kGroup;
  for (int64_t g = 0; g < groups; ++g) {
    GroupPlace place(format, g);
    if (format != GEMCUT_INT4)
      for (int64_t lane = 0; lane < GEMCUT_TILE_ROWS; ++lane)
        putScale(tile + place.scales + 2 * lane, 1);
    std::memset(tile + place.quants, format == GEMCUT_INT8 ? 0x80 : 0x88,
                size_t(block.quant_bytes));
  }
}

} // namespace

bool gemcut::artifact::isGroupScale(float scale) {
  return std::isfinite(scale) && fromHalf(toHalf(scale)) == scale;
}

int64_t gemcut::artifact::findUnstorable(gemcut_format format,
                                         const float *values, int64_t count) {
  constexpr int64_t kPiece = 4096;
  float limit = largestMagnitude(format);
  for (int64_t from = 0; from < count; from += kPiece) {
    int64_t length = std::min(kPiece, count - from);
    if (!anyBeyond(values + from, length, limit))
      continue;
    for (int64_t i = from;; ++i)
      if (!(std::fabs(values[i]) <= limit))
        return i;
  }
  return -1;
}

void gemcut::artifact::packTile(gemcut_format format, const float *values,
                                int64_t rows, int64_t columns, uint8_t *tile,
                                const KnownScales &known,
                                const ColumnErrors *errors) {
  std::memset(tile, 0, size_t(gemcut_tile_bytes(format, columns)));
  if (format == GEMCUT_F32 || format == GEMCUT_BF16) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        float value = values[r * columns + c];
        if (format == GEMCUT_F32) {
          std::memcpy(tile + c * 64 + r * 4, &value, 4);
        } else {
          uint16_t bits = toBf16(value);
          std::memcpy(tile + c / 2 * 64 + r * 4 + c % 2 * 2, &bits, 2);
        }
      }
    return;
  }
  assert(columns % kGroup == 0 && "groups of 32 must fill the columns");
  if (gemcut_row_format_bits(format))
    return packRowScaleTile(format, values, rows, columns, tile, known);
  int64_t groups = columns / kGroup;
  std::vector<float> scales(groups);
  std::vector<uint8_t> quants(columns);
  clearGroups(format, columns, tile);
  if (format == GEMCUT_INT4)
    return packInt4Tile(values, rows, columns, tile, errors);
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = values + r * columns;
    if (known.scales) {
      std::copy_n(known.scales + r * groups, groups, scales.begin());
      bool isByte = format == GEMCUT_INT8;
      quantizeKnown(row, groups, scales.data(), isByte ? -127 : -8,
                    isByte ? 127 : 7,
                    reinterpret_cast<int8_t *>(quants.data()));
      if (!isByte)
        for (uint8_t &quant : quants)
          quant = uint8_t(quant + 8);
    } else if (format == GEMCUT_Q4_0) {
      quantizeQ4_0(row, groups, scales.data(), quants.data());
    } else {
      quantizeInt8(row, groups, scales.data(),
                   reinterpret_cast<int8_t *>(quants.data()));
    }
    for (int64_t g = 0; g < groups; ++g) {
      GroupPlace place(format, g);
      putScale(tile + place.scales + 2 * r, scales[g]);
      uint8_t *bytes = tile + place.quants + 4 * r;
      const uint8_t *q = quants.data() + g * kGroup;
      if (format == GEMCUT_INT8)
        for (int k = 0; k < kGroup; ++k)
          bytes[k / 4 * 64 + k % 4] = uint8_t(q[k] + 128);
      else
        for (int k = 0; k < 16; ++k)
          bytes[k / 4 * 64 + k % 4] = uint8_t(q[k] | q[k + 16] << 4);
    }
  }
}

void gemcut::artifact::packCoarseTile(const uint8_t *tile, int64_t columns,
                                      uint8_t *coarse) {
  std::memset(coarse, 0, size_t(gemcut_coarse_tile_bytes(columns)));
  int64_t pairBytes = gemcut_block_bytes(gemcut_block_of(GEMCUT_INT8));
  int64_t pairs =
      gemcut_round_up(columns, GEMCUT_TILE_K_MULTIPLE) / GEMCUT_TILE_K_MULTIPLE;
  for (int64_t p = 0; p < pairs; ++p) {
    const uint8_t *from = tile + p * pairBytes;
    uint8_t *to = coarse + p * GEMCUT_COARSE_PAIR_BYTES;
    std::memcpy(to, from, 64);
    for (int64_t g = 0; g < 2; ++g)
      for (int64_t k = 0; k < kGroup; ++k)
        for (int64_t r = 0; r < GEMCUT_TILE_ROWS; ++r) {
          uint8_t upper = from[64 + g * 512 + k / 4 * 64 + 4 * r + k % 4] >> 2;
          uint8_t *group = to + 64 + g * 384;
          // Nibble vector v of column k, and which half of its bytes.
          int64_t v = k % 16 / 4, half = k / 16, byte = 4 * r + k % 4;
          group[64 * v + byte] |= uint8_t((upper & 15) << 4 * half);
          group[256 + 64 * (v / 2) + byte] |=
              uint8_t(upper >> 4 << (4 * (v % 2) + 2 * half));
        }
  }
}

void gemcut::artifact::packTableRow(gemcut_format format, const float *values,
                                    int64_t columns, uint8_t *out,
                                    int64_t scales, const KnownScales &known) {
  std::memset(out, 0, size_t(gemcut_table_row_bytes(format, columns, scales)));
  if (int64_t bits = gemcut_row_format_bits(format)) {
    int64_t block = columns / scales;
    std::vector<int8_t> quants(columns);
    for (int64_t s = 0; s < scales; ++s) {
      const float *x = values + s * block;
      float scale =
          known.scales ? known.scales[s] : chooseRowScale(x, block, bits);
      putRowLevels(x, block, scale, bits, quants.data() + s * block);
      std::memcpy(out + gemcut_table_scales_offset(format, columns) + 4 * s,
                  &scale, 4);
    }
    auto put = bits == 2   ? putTableRow<2>
               : bits == 4 ? putTableRow<4>
                           : putTableRow<8>;
    put(quants.data(), columns, out);
    return;
  }
  switch (format) {
  case GEMCUT_F32:
    std::memcpy(out, values, size_t(4 * columns));
    return;
  case GEMCUT_BF16:
    for (int64_t c = 0; c < columns; ++c) {
      uint16_t bits = toBf16(values[c]);
      std::memcpy(out + 2 * c, &bits, 2);
    }
    return;
  default: {
    int64_t groups = columns / kGroup;
    std::vector<float> scales(groups);
    auto *quants = reinterpret_cast<int8_t *>(out);
    if (known.scales) {
      std::copy_n(known.scales, groups, scales.begin());
      quantizeKnown(values, groups, scales.data(), -127, 127, quants);
    } else {
      quantizeInt8(values, groups, scales.data(), quants);
    }
    for (int64_t g = 0; g < groups; ++g)
      putScale(out + columns + 2 * g, scales[g]);
  }
  }
}

float gemcut::artifact::unpackTileValue(gemcut_format format,
                                        const uint8_t *tile, int64_t row,
                                        int64_t column, int64_t columns) {
  float value;
  uint16_t bits;
  switch (format) {
  case GEMCUT_F32:
    std::memcpy(&value, tile + column * 64 + row * 4, 4);
    return value;
  case GEMCUT_BF16: {
    std::memcpy(&bits, tile + column / 2 * 64 + row * 4 + column % 2 * 2, 2);
    uint32_t wide = uint32_t(bits) << 16;
    std::memcpy(&value, &wide, 4);
    return value;
  }
  default:
    break;
  }
  if (int64_t bits = gemcut_row_format_bits(format)) {
    gemcut_row_tile_header header;
    std::memcpy(&header, tile, sizeof(header));
    RowTilePlace place(bits, row, column);
    int field = tile[sizeof(header) + place.byte] >> place.bit;
    int sign = 1 << (bits - 1), mask = (1 << bits) - 1;
    return float(((field & mask) ^ sign) - sign) * header.scales[row];
  }
  int64_t k = column % kGroup;
  GroupPlace place(format, column / kGroup);
  const uint8_t *bytes = tile + place.quants + 4 * row;
  std::memcpy(&bits, tile + place.scales + 2 * row, 2);
  if (format == GEMCUT_INT8)
    return (bytes[k / 4 * 64 + k % 4] - 128) * fromHalf(bits);
  uint8_t byte = bytes[k % 16 / 4 * 64 + k % 4];
  int level = (k < 16 ? byte & 15 : byte >> 4) - 8;
  if (format == GEMCUT_Q4_0)
    return level * fromHalf(bits);
  std::memcpy(&value, tile + 4 * row, 4);
  return level * (int4CodeValue(tile[place.scales + row]) * value);
}

float gemcut::artifact::unpackTableValue(gemcut_format format,
                                         const uint8_t *row, int64_t column,
                                         int64_t columns, int64_t scales) {
  float value;
  uint16_t bits;
  if (int64_t width = gemcut_row_format_bits(format)) {
    int64_t perByte = 8 / width, block = columns / scales;
    std::memcpy(&value,
                row + gemcut_table_scales_offset(format, columns) +
                    4 * (column / block),
                4);
    if (width == 8)
      return int8_t(row[column]) * value;
    int field = row[column / perByte] >> column % perByte * width;
    int zeroPoint = 1 << (width - 1);
    return float((field & ((1 << width) - 1)) - zeroPoint) * value;
  }
  switch (format) {
  case GEMCUT_F32:
    std::memcpy(&value, row + 4 * column, 4);
    return value;
  case GEMCUT_BF16: {
    std::memcpy(&bits, row + 2 * column, 2);
    uint32_t wide = uint32_t(bits) << 16;
    std::memcpy(&value, &wide, 4);
    return value;
  }
  default:
    std::memcpy(&bits, row + columns + column / kGroup * 2, 2);
    return int8_t(row[column]) * fromHalf(bits);
  }
}
