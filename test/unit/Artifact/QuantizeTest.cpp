//===- QuantizeTest.cpp - Packing against obvious references --------------===//

#include "compiler/Artifact/Quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace gemcut::artifact;

// Quantize.cpp compiled for any x86-64: see CMakeLists.txt.
namespace gemcut::artifact_baseline {
struct KnownScales {
  const float *scales = nullptr;
  float outputScale = 0;
};
class ColumnErrors;
void packTile(gemcut_format format, const float *values, int64_t rows,
              int64_t columns, uint8_t *tile, const KnownScales &known,
              const ColumnErrors *errors);
} // namespace gemcut::artifact_baseline

namespace {

constexpr int64_t kRows = GEMCUT_TILE_ROWS;

float roundToHalf(float value) { return float(_Float16(value)); }

/// Level and scale of the Q4_0 rule, as its formula says.
struct Q4_0 {
  float scale;
  int levels[32]; ///< -8 .. 7
};

Q4_0 referenceQ4_0(const float *x) {
  float most = 0;
  for (int i = 0; i < 32; ++i)
    if (std::fabs(x[i]) > std::fabs(most))
      most = x[i];
  Q4_0 group;
  group.scale = roundToHalf(most / -8);
  for (int i = 0; i < 32; ++i) {
    double level = group.scale ? std::round(double(x[i]) / group.scale) : 0;
    group.levels[i] = int(std::min(std::max(level, -8.0), 7.0));
  }
  return group;
}

std::vector<float> gaussian(int64_t count, unsigned seed, float sigma = 0.02f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(generator);
  return values;
}

std::vector<uint8_t> pack(gemcut_format format,
                          const std::vector<float> &values, int64_t rows,
                          int64_t columns) {
  // Bytes that packTile has to overwrite, and a guard behind them.
  size_t bytes = size_t(gemcut_tile_bytes(format, columns));
  std::vector<uint8_t> tile(bytes + 64, 0xA5);
  packTile(format, values.data(), rows, columns, tile.data());
  for (size_t i = bytes; i < tile.size(); ++i)
    EXPECT_EQ(tile[i], 0xA5) << "written behind the tile";
  tile.resize(bytes);
  return tile;
}

double squaredError(gemcut_format format, const std::vector<uint8_t> &tile,
                    const std::vector<float> &values, int64_t row,
                    int64_t firstColumn, int64_t columns) {
  double sum = 0;
  for (int64_t c = firstColumn; c < firstColumn + 32; ++c) {
    double difference = values[size_t(row * columns + c)] -
                        unpackTileValue(format, tile.data(), row, c, columns);
    sum += difference * difference;
  }
  return sum;
}

/// The scale stored for a group of a row.
uint16_t scaleBits(gemcut_format format, const std::vector<uint8_t> &tile,
                   int64_t row, int64_t group) {
  int64_t pairBytes = format == GEMCUT_Q4_0 ? 576 : 1088;
  uint16_t bits;
  std::memcpy(&bits,
              &tile[size_t(group / 2 * pairBytes + group % 2 * 32 + 2 * row)],
              2);
  return bits;
}

class QuantizeShapes
    : public testing::TestWithParam<std::pair<int64_t, int64_t>> {};

INSTANTIATE_TEST_SUITE_P(RowsAndColumns, QuantizeShapes,
                         testing::Values(std::pair(16, 64), std::pair(1, 32),
                                         std::pair(3, 96), std::pair(15, 160),
                                         std::pair(16, 1536),
                                         std::pair(7, 32)));

/// The byte layout, written out from the text of packed_layout.h and not
/// through unpackTileValue.
TEST_P(QuantizeShapes, LayoutIsTheOneOfTheHeader) {
  auto [rows, columns] = GetParam();
  std::vector<float> values = gaussian(rows * columns, 5);
  std::vector<uint8_t> int4 = pack(GEMCUT_Q4_0, values, rows, columns);
  std::vector<uint8_t> int8 = pack(GEMCUT_INT8, values, rows, columns);
  ASSERT_EQ(int64_t(int4.size()), (columns + 63) / 64 * 576);
  ASSERT_EQ(int64_t(int8.size()), (columns + 63) / 64 * 1088);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      int64_t pair = c / 64, group = c % 64 / 32, k = c % 32;
      uint8_t nibbles = int4[size_t(pair * 576 + 64 + group * 256 +
                                    k % 16 / 4 * 64 + 4 * r + k % 4)];
      uint8_t byte = int8[size_t(pair * 1088 + 64 + group * 512 + k / 4 * 64 +
                                 4 * r + k % 4)];
      _Float16 scale4, scale8;
      std::memcpy(&scale4, &int4[size_t(pair * 576 + group * 32 + 2 * r)], 2);
      std::memcpy(&scale8, &int8[size_t(pair * 1088 + group * 32 + 2 * r)], 2);
      int level = (k < 16 ? nibbles & 15 : nibbles >> 4) - 8;
      ASSERT_EQ(level * float(scale4),
                unpackTileValue(GEMCUT_Q4_0, int4.data(), r, c, columns));
      ASSERT_EQ((byte - 128) * float(scale8),
                unpackTileValue(GEMCUT_INT8, int8.data(), r, c, columns));
      ASSERT_NE(byte, 0) << "-128 is not used";
    }
}

TEST_P(QuantizeShapes, Int4LayoutIsTheOneOfTheHeader) {
  auto [rows, columns] = GetParam();
  std::vector<float> values = gaussian(rows * columns, 5);
  std::vector<uint8_t> tile = pack(GEMCUT_INT4, values, rows, columns);
  ASSERT_EQ(int64_t(tile.size()), 64 + (columns + 127) / 128 * 1088);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      int64_t block = 64 + c / 128 * 1088, group = c % 128 / 32, k = c % 32;
      uint8_t nibbles = tile[size_t(block + 64 + group * 256 + k % 16 / 4 * 64 +
                                    4 * r + k % 4)];
      int level = (k < 16 ? nibbles & 15 : nibbles >> 4) - 8;
      int code = tile[size_t(block + group * 16 + r)];
      float scale;
      std::memcpy(&scale, &tile[size_t(4 * r)], 4);
      scale *= std::ldexp(1 + code % 16 / 16.0f, code / 16 % 8);
      ASSERT_EQ(level * (code < 128 ? scale : -scale),
                unpackTileValue(GEMCUT_INT4, tile.data(), r, c, columns));
    }
}

/// Whatever the range of scales in a row: no group errs more than under the
/// best of all scales that its codes can say, and all together less than under
/// the rule of Q4_0 with its exact scales.
TEST_P(QuantizeShapes, Int4FindsTheBestScale) {
  auto [rows, columns] = GetParam();
  double ours = 0, reference = 0;
  for (unsigned seed = 0; seed < 5; ++seed) {
    std::vector<float> values = gaussian(rows * columns, seed);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] *= 1 + float(i / 32 % 5);
    std::vector<uint8_t> tile = pack(GEMCUT_INT4, values, rows, columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; c += 32) {
        const float *x = &values[size_t(r * columns + c)];
        float rowScale;
        std::memcpy(&rowScale, &tile[size_t(4 * r)], 4);
        double best = 1e30;
        for (int code = 0; code < 256; ++code) {
          double scale = std::ldexp(1 + code % 16 / 16.0, code / 16 % 8) *
                         (code < 128 ? rowScale : -rowScale);
          double error = 0;
          for (int i = 0; i < 32; ++i) {
            double level =
                std::min(std::max(std::round(x[i] / scale), -8.0), 7.0);
            error += (x[i] - level * scale) * (x[i] - level * scale);
          }
          best = std::min(best, error);
        }
        double found = squaredError(GEMCUT_INT4, tile, values, r, c, columns);
        ASSERT_LE(found, best * (1 + 1e-5)) << "seed " << seed;
        ours += found;
        Q4_0 group = referenceQ4_0(x);
        for (int i = 0; i < 32; ++i) {
          double difference = x[i] - double(group.levels[i]) * group.scale;
          reference += difference * difference;
        }
      }
  }
  EXPECT_LT(ours, 0.96 * reference);
}

/// A group far below the others of its row gets the least scale, and a row of
/// tiny values becomes zero without a scale that loses bits.
TEST(Quantize, Int4RowsOfUnevenAndTinyValues) {
  std::vector<float> values(3 * 64, 0.0f);
  for (int i = 0; i < 32; ++i) {
    values[size_t(i)] = float(i);
    values[size_t(32 + i)] = 1e-4f * float(i);
    values[size_t(64 + i)] = 1e-35f; // row 1; row 2 is zero
  }
  std::vector<uint8_t> tile = pack(GEMCUT_INT4, values, 3, 64);
  float rowScale;
  std::memcpy(&rowScale, tile.data(), 4);
  for (int64_t c = 0; c < 64; ++c) {
    EXPECT_NEAR(unpackTileValue(GEMCUT_INT4, tile.data(), 0, c, 64),
                values[size_t(c)], c < 32 ? 31 / 15.0 : rowScale / 2);
    EXPECT_EQ(unpackTileValue(GEMCUT_INT4, tile.data(), 1, c, 64), 0);
    EXPECT_EQ(unpackTileValue(GEMCUT_INT4, tile.data(), 2, c, 64), 0);
  }
}

TEST_P(QuantizeShapes, PaddingIsZero) {
  auto [rows, columns] = GetParam();
  std::vector<float> values = gaussian(rows * columns, 6);
  for (gemcut_format format :
       {GEMCUT_F32, GEMCUT_BF16, GEMCUT_INT8, GEMCUT_INT4, GEMCUT_Q4_0}) {
    std::vector<uint8_t> tile = pack(format, values, rows, columns);
    int64_t padded = gemcut_tile_columns(format, columns);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t c = 0; c < padded; ++c)
        if (r >= rows || c >= columns)
          ASSERT_EQ(unpackTileValue(format, tile.data(), r, c, columns), 0)
              << "format " << format << " row " << r << " column " << c;
  }
  // Sums over a whole group must not see padding either: its quants stand for
  // zero, not only its scale.
  std::vector<uint8_t> int4 = pack(GEMCUT_Q4_0, values, rows, columns);
  if (rows < kRows)
    EXPECT_EQ(int4[64 + 4 * (kRows - 1)], 0x88);
}

/// No group errs more than under the Q4_0 rule.
TEST_P(QuantizeShapes, SearchedQ4_0IsAtLeastAsGoodAsTheRule) {
  auto [rows, columns] = GetParam();
  double ours = 0, reference = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::vector<float> values = gaussian(rows * columns, seed);
    std::vector<uint8_t> tile = pack(GEMCUT_Q4_0, values, rows, columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; c += 32) {
        Q4_0 group = referenceQ4_0(&values[size_t(r * columns + c)]);
        double expected = 0;
        for (int i = 0; i < 32; ++i) {
          double difference = values[size_t(r * columns + c + i)] -
                              double(group.levels[i]) * group.scale;
          expected += difference * difference;
        }
        double found = squaredError(GEMCUT_Q4_0, tile, values, r, c, columns);
        // The search adds in float.
        ASSERT_LE(found, expected * (1 + 1e-5));
        ours += found;
        reference += expected;
      }
  }
  EXPECT_LT(ours, 0.96 * reference) << "the search finds nothing";
}

TEST_P(QuantizeShapes, Int8IsMaxOver127) {
  auto [rows, columns] = GetParam();
  std::vector<float> values = gaussian(rows * columns, 8);
  std::vector<uint8_t> tile = pack(GEMCUT_INT8, values, rows, columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; c += 32) {
      float most = 0;
      for (int i = 0; i < 32; ++i)
        most = std::max(most, std::fabs(values[size_t(r * columns + c + i)]));
      float scale = roundToHalf(most / 127);
      _Float16 stored;
      uint16_t bits = scaleBits(GEMCUT_INT8, tile, r, c / 32);
      std::memcpy(&stored, &bits, 2);
      ASSERT_EQ(float(stored), scale);
      for (int i = 0; i < 32; ++i) {
        float value = values[size_t(r * columns + c + i)];
        float back =
            unpackTileValue(GEMCUT_INT8, tile.data(), r, c + i, columns);
        // Half a step, and what rounding the scale moves the largest value by.
        ASSERT_LE(std::fabs(value - back), 0.5f * scale + most / 2048);
      }
    }
}

TEST_P(QuantizeShapes, FloatsAreExactOrRoundedToNearestEven) {
  auto [rows, columns] = GetParam();
  std::vector<float> values = gaussian(rows * columns, 9);
  values[0] = 0x1.01p0f;    // half way to the next bf16: to even, down
  values[1] = 0x1.03p0f;    // half way: to even, up
  values[2] = -0x1.0102p0f; // above half way
  std::vector<uint8_t> f32 = pack(GEMCUT_F32, values, rows, columns);
  std::vector<uint8_t> bf16 = pack(GEMCUT_BF16, values, rows, columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      float value = values[size_t(r * columns + c)];
      ASSERT_EQ(unpackTileValue(GEMCUT_F32, f32.data(), r, c, columns), value);
      float back = unpackTileValue(GEMCUT_BF16, bf16.data(), r, c, columns);
      ASSERT_LE(std::fabs(back - value), std::fabs(value) / 256);
    }
  EXPECT_EQ(unpackTileValue(GEMCUT_BF16, bf16.data(), 0, 0, columns),
            0x1.00p0f);
  EXPECT_EQ(unpackTileValue(GEMCUT_BF16, bf16.data(), 0, 1, columns),
            0x1.04p0f);
  EXPECT_EQ(unpackTileValue(GEMCUT_BF16, bf16.data(), 0, 2, columns),
            -0x1.02p0f);
}

TEST_P(QuantizeShapes, TableRowsGiveTheSameValuesAsTiles) {
  auto [rows, columns] = GetParam();
  std::vector<float> values = gaussian(rows * columns, 10);
  for (gemcut_format format : {GEMCUT_F32, GEMCUT_BF16, GEMCUT_INT8}) {
    std::vector<uint8_t> tile = pack(format, values, rows, columns);
    int64_t stride = gemcut_table_row_bytes(format, columns, 1);
    EXPECT_EQ(stride % 64, 0);
    std::vector<uint8_t> row(size_t(stride), 0xA5);
    for (int64_t r = 0; r < rows; ++r) {
      packTableRow(format, &values[size_t(r * columns)], columns, row.data());
      for (int64_t c = 0; c < columns; ++c)
        ASSERT_EQ(unpackTableValue(format, row.data(), c, columns),
                  unpackTileValue(format, tile.data(), r, c, columns));
    }
  }
}

/// What this machine's vector units give is what any machine gives.
TEST_P(QuantizeShapes, EveryMachineGivesTheSameBytes) {
  auto [rows, columns] = GetParam();
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::vector<float> values =
        gaussian(rows * columns, seed, std::ldexp(1.0f, -int(seed % 25)));
    for (gemcut_format format :
         {GEMCUT_F32, GEMCUT_BF16, GEMCUT_INT8, GEMCUT_INT4, GEMCUT_Q4_0,
          GEMCUT_INT2_ROW, GEMCUT_INT4_ROW, GEMCUT_INT8_ROW}) {
      std::vector<uint8_t> tile = pack(format, values, rows, columns);
      std::vector<uint8_t> baseline(tile.size());
      gemcut::artifact_baseline::packTile(format, values.data(), rows, columns,
                                          baseline.data(), {}, nullptr);
      ASSERT_TRUE(tile == baseline) << "format " << format << " seed " << seed;
    }
  }
}

/// Weights that Q4_0 made come back bit for bit: quants, scales and values.
TEST(Quantize, Q4_0WeightsKeepEveryBit) {
  std::mt19937 generator(11);
  constexpr int64_t kColumns = 320;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<float> values(kRows * kColumns), scales(kRows * kColumns / 32);
    std::vector<int> levels(values.size());
    for (size_t g = 0; g < scales.size(); ++g) {
      // Normal and subnormal scales of both signs.
      float magnitude = std::ldexp(1.0f + float(generator() % 1024) / 1024,
                                   -int(generator() % 22));
      scales[g] = roundToHalf(generator() % 2 ? magnitude : -magnitude);
      for (int i = 0; i < 32; ++i)
        levels[g * 32 + size_t(i)] = int(generator() % 16) - 8;
      levels[g * 32 + generator() % 32] = -8; // Q4_0 always has one
      for (size_t i = g * 32; i < g * 32 + 32; ++i)
        values[i] = float(levels[i]) * scales[g];
    }
    std::vector<uint8_t> tile = pack(GEMCUT_Q4_0, values, kRows, kColumns);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t c = 0; c < kColumns; ++c) {
        size_t i = size_t(r * kColumns + c);
        ASSERT_EQ(unpackTileValue(GEMCUT_Q4_0, tile.data(), r, c, kColumns),
                  values[i]);
        _Float16 scale = _Float16(scales[i / 32]);
        uint16_t bits;
        std::memcpy(&bits, &scale, 2);
        ASSERT_EQ(scaleBits(GEMCUT_Q4_0, tile, r, c / 32), bits);
      }
  }
}

/// The same weights stored as bfloat16, as checkpoints do: the quants are those
/// of Q4_0.
TEST(Quantize, Q4_0WeightsRoundedToBf16KeepTheirQuants) {
  std::mt19937 generator(12);
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<float> values(64);
    int levels[64];
    for (int g = 0; g < 2; ++g) {
      float scale = roundToHalf(0.001f + float(generator() % 1000) * 1e-5f);
      for (int i = 0; i < 32; ++i)
        levels[g * 32 + i] = i == 7 ? -8 : int(generator() % 16) - 8;
      for (int i = g * 32; i < g * 32 + 32; ++i) {
        uint32_t bits;
        float value = float(levels[i]) * scale;
        std::memcpy(&bits, &value, 4);
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000;
        std::memcpy(&values[size_t(i)], &bits, 4);
      }
    }
    std::vector<uint8_t> tile = pack(GEMCUT_Q4_0, values, 1, 64);
    for (int i = 0; i < 64; ++i) {
      uint8_t byte = tile[size_t(64 + i / 32 * 256 + i % 16 / 4 * 64 + i % 4)];
      ASSERT_EQ((i % 32 < 16 ? byte & 15 : byte >> 4) - 8, levels[i]);
    }
  }
}

/// Any group that some f16 scale and levels of int4 represent exactly.
TEST(Quantize, RepresentableGroupsHaveNoError) {
  std::mt19937 generator(13);
  for (int most = 1; most <= 8; ++most)
    for (int sign : {-1, 1})
      for (int trial = 0; trial < 50; ++trial) {
        float scale = roundToHalf(float(sign) *
                                  (0.01f + float(generator() % 997) * 1e-4f));
        std::vector<float> values(64, 0);
        for (float &value : values) {
          int level = int(generator() % unsigned(2 * most + 1)) - most;
          value = float(std::min(level, 7)) * scale;
        }
        values[3] = float(-most) * scale;
        std::vector<uint8_t> tile = pack(GEMCUT_Q4_0, values, 1, 64);
        for (int64_t c = 0; c < 64; ++c)
          ASSERT_EQ(unpackTileValue(GEMCUT_Q4_0, tile.data(), 0, c, 64),
                    values[size_t(c)])
              << "largest level " << most;
      }
}

TEST(Quantize, ZeroAndTinyGroups) {
  std::vector<float> values(64, 0.0f);
  for (int i = 32; i < 64; ++i)
    values[size_t(i)] = 1e-12f; // its scale is 0 in f16
  for (gemcut_format format : {GEMCUT_INT8, GEMCUT_Q4_0}) {
    std::vector<uint8_t> tile = pack(format, values, 1, 64);
    for (int64_t c = 0; c < 64; ++c)
      EXPECT_EQ(unpackTileValue(format, tile.data(), 0, c, 64), 0);
    // No stored scale is 0: kernels add to its exponent.
    EXPECT_EQ(scaleBits(format, tile, 0, 0), 0x3C00);
    EXPECT_EQ(scaleBits(format, tile, 0, 1), 0x3C00);
    EXPECT_EQ(scaleBits(format, tile, /*row=*/15, 0), 0x3C00);
  }
}

TEST(Quantize, FindsWhatAFormatCannotStore) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  struct Case {
    gemcut_format format;
    float largest;
  } cases[] = {{GEMCUT_F32, std::numeric_limits<float>::max()},
               {GEMCUT_BF16, 0x1.FEp127f},
               {GEMCUT_INT8, 65504.0f * 127},
               {GEMCUT_Q4_0, 65504.0f * 8},
               {GEMCUT_INT4, 0x1p120f}};
  for (const Case &test : cases)
    for (int64_t at : {0, 1, 63, 4095, 4096, 9999}) {
      std::vector<float> values(10000, test.largest);
      EXPECT_EQ(findUnstorable(test.format, values.data(), 10000), -1);
      for (float bad : {std::nextafter(test.largest, kInfinity), -kInfinity,
                        std::nanf("")}) {
        values[size_t(at)] = bad;
        EXPECT_EQ(findUnstorable(test.format, values.data(), 10000), at);
      }
    }
  EXPECT_EQ(findUnstorable(GEMCUT_F32, nullptr, 0), -1);
}

/// The largest storable values stay finite.
TEST(Quantize, LargestValuesComeBackFinite) {
  for (auto [format, largest] :
       {std::pair(GEMCUT_INT8, 65504.0f * 127),
        std::pair(GEMCUT_Q4_0, 65504.0f * 8), std::pair(GEMCUT_INT4, 0x1p120f),
        std::pair(GEMCUT_BF16, 0x1.FEp127f)})
    for (float sign : {-1.0f, 1.0f}) {
      std::vector<float> values(64, sign * largest);
      std::vector<uint8_t> tile = pack(format, values, 1, 64);
      // All of them are one level under one scale.
      for (int64_t c = 0; c < 64; ++c)
        ASSERT_EQ(unpackTileValue(format, tile.data(), 0, c, 64),
                  sign * largest);
    }
}

/// Scales and upper bits of the int8 tile, found by the layout's text.
TEST(Quantize, CoarseTileHoldsTheUpperBits) {
  for (int64_t columns : {32, 64, 96, 640}) {
    std::vector<uint8_t> tile =
        pack(GEMCUT_INT8, gaussian(kRows * columns, 3), kRows, columns);
    std::vector<uint8_t> coarse(size_t(gemcut_coarse_tile_bytes(columns)),
                                0xAA);
    packCoarseTile(tile.data(), columns, coarse.data());
    for (int64_t row = 0; row < kRows; ++row)
      for (int64_t c = 0; c < columns; ++c) {
        int64_t g = c / 32, k = c % 32;
        const uint8_t *exact = &tile[size_t(g / 2 * 1088)];
        const uint8_t *upper = &coarse[size_t(g / 2 * 832)];
        ASSERT_EQ(std::memcmp(exact, upper, 64), 0);
        int quant = exact[64 + g % 2 * 512 + k / 4 * 64 + 4 * row + k % 4];
        const uint8_t *group = upper + 64 + g % 2 * 384;
        int nibbles = group[k % 16 / 4 * 64 + 4 * row + k % 4];
        int low = k < 16 ? nibbles & 15 : nibbles >> 4;
        int fields = group[256 + k % 16 / 8 * 64 + 4 * row + k % 4];
        int field = k % 8 / 4 * 2 + k / 16;
        ASSERT_EQ(low | (fields >> 2 * field & 3) << 4, quant >> 2)
            << "row " << row << " column " << c;
      }
  }
}

} // namespace
