//===- QuantizeTest.cpp - Packing against obvious references --------------===//

#include "test/unit/Artifact/QuantizeFixture.h"

#include <limits>

using namespace gemcut::artifact;
using namespace gemcut::test;

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

class QuantizeShapes : public TileShapes {};
INSTANTIATE_TEST_SUITE_P(RowsAndColumns, QuantizeShapes, kTileShapes);

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
