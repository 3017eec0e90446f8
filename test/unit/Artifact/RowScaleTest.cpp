//===- RowScaleTest.cpp - Weights under one scale per row -----------------===//

#include "compiler/Artifact/Quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace gemcut::artifact;

namespace {

constexpr gemcut_format kFormats[] = {GEMCUT_INT2_ROW, GEMCUT_INT4_ROW,
                                      GEMCUT_INT8_ROW};

/// Rows of whole multiples of their scales, which differ in size and sign.
struct Rows {
  std::vector<float> values, scales;
};

Rows randomRows(std::mt19937 &rng, gemcut_format format, int64_t rows,
                int64_t columns, int64_t blocks) {
  int bits = int(gemcut_row_format_bits(format));
  Rows result;
  for (int64_t i = 0; i < rows * blocks; ++i) {
    float scale = std::ldexp(1 + float(rng() % 4096) / 4096, int(i % 9) - 12);
    result.scales.push_back(rng() % 4 ? scale : -scale);
  }
  for (int64_t i = 0; i < rows * columns; ++i) {
    int level = int(rng() % (1u << bits)) - (1 << (bits - 1));
    result.values.push_back(float(level) *
                            result.scales[size_t(i / (columns / blocks))]);
  }
  return result;
}

TEST(RowScale, KeepsEveryLevelUnderKnownScales) {
  std::mt19937 rng(7);
  for (gemcut_format format : kFormats)
    for (int64_t columns : {32, 64, 96, 352}) {
      const int64_t rows = 13;
      Rows r = randomRows(rng, format, rows, columns, 1);
      std::vector<uint8_t> tile(size_t(gemcut_tile_bytes(format, columns)));
      packTile(format, r.values.data(), rows, columns, tile.data(),
               {r.scales.data(), 0.25f});
      gemcut_row_tile_header header;
      std::memcpy(&header, tile.data(), sizeof(header));
      for (int64_t row = 0; row < rows; ++row) {
        EXPECT_EQ(header.scales[row], r.scales[size_t(row)]);
        double sum = 0;
        for (int64_t c = 0; c < columns; ++c) {
          float value = r.values[size_t(row * columns + c)];
          ASSERT_EQ(unpackTileValue(format, tile.data(), row, c, columns),
                    value)
              << format << " row " << row << " column " << c;
          sum += std::nearbyint(value / r.scales[size_t(row)]);
        }
        EXPECT_EQ(header.corrections[row], -128 * sum);
      }
      for (int64_t lane = 0; lane < GEMCUT_TILE_ROWS; ++lane)
        EXPECT_EQ(header.output_scales[lane], 0.25f);
      EXPECT_EQ(header.corrections[rows], 0); // a row that is missing
    }
}

TEST(RowScale, KeepsEveryLevelOfATable) {
  std::mt19937 rng(8);
  for (gemcut_format format : kFormats)
    for (int64_t scales : {1, 3, 6}) {
      const int64_t columns = 96;
      Rows r = randomRows(rng, format, 1, columns, scales);
      std::vector<uint8_t> row(
          size_t(gemcut_table_row_bytes(format, columns, scales)));
      packTableRow(format, r.values.data(), columns, row.data(), scales,
                   {r.scales.data()});
      for (int64_t c = 0; c < columns; ++c)
        ASSERT_EQ(unpackTableValue(format, row.data(), c, columns, scales),
                  r.values[size_t(c)])
            << format << " column " << c;
      // The first columns are in the lowest bits, above the zero point.
      int bits = int(gemcut_row_format_bits(format));
      int zeroPoint = bits == 8 ? 0 : 1 << (bits - 1);
      int level = int(std::nearbyint(r.values[0] / r.scales[0])) + zeroPoint;
      EXPECT_EQ(row[0] & ((1 << bits) - 1), level & ((1 << bits) - 1));
    }
}

/// Mean squared error of `values` relative to their mean square.
double relativeError(gemcut_format format, const std::vector<float> &values) {
  int64_t columns = int64_t(values.size());
  std::vector<uint8_t> tile(size_t(gemcut_tile_bytes(format, columns)));
  packTile(format, values.data(), 1, columns, tile.data());
  double error = 0, square = 0;
  for (int64_t c = 0; c < columns; ++c) {
    double difference =
        values[size_t(c)] - unpackTileValue(format, tile.data(), 0, c, columns);
    error += difference * difference;
    square += double(values[size_t(c)]) * values[size_t(c)];
  }
  return error / square;
}

/// Four levels of normal numbers cannot err less than 0.1175 of their variance
/// with any reconstruction (Max 1960, table 1), 16 not less than 0.0095; levels
/// in equal steps from -2 to 1 and -8 to 7 come close to 0.16 and 0.0120.
TEST(RowScale, ChoosesScalesOfSmallError) {
  std::mt19937 rng(9);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<float> values(1536);
  for (float &value : values)
    value = normal(rng);
  EXPECT_LT(relativeError(GEMCUT_INT2_ROW, values), 0.17);
  EXPECT_LT(relativeError(GEMCUT_INT4_ROW, values), 0.0125);
  EXPECT_LT(relativeError(GEMCUT_INT8_ROW, values), 1e-4);
}

TEST(RowScale, RowsOfZerosAreZero) {
  std::vector<float> zeros(64, 0.0f);
  for (gemcut_format format : kFormats) {
    std::vector<uint8_t> tile(size_t(gemcut_tile_bytes(format, 64)));
    packTile(format, zeros.data(), 1, 64, tile.data());
    for (int64_t c = 0; c < 64; ++c)
      EXPECT_EQ(unpackTileValue(format, tile.data(), 0, c, 64), 0.0f);
  }
}

/// A checkpoint that was trained to survive Q4_0 holds values of its grid in
/// bfloat16 (the releases called qat-q4_0-unquantized): quantizing finds the
/// grid again, whatever of the 16 levels a group uses.
TEST(Q4_0, FindsTheGridOfTrainedWeights) {
  std::mt19937 rng(10);
  const int64_t columns = 512, groups = columns / GEMCUT_GROUP;
  for (int round = 0; round < 50; ++round) {
    std::vector<float> values;
    for (int64_t g = 0; g < groups; ++g) {
      // The scale of llama.cpp is f16; level * scale is exact in bfloat16 for
      // scales of up to 5 bits, as the products of 4-bit levels need 8.
      float scale = std::ldexp(float(16 + rng() % 16), -12 - int(rng() % 5));
      if (rng() % 2)
        scale = -scale;
      int low = -int(rng() % 9), high = int(rng() % 8);
      for (int i = 0; i < GEMCUT_GROUP; ++i)
        values.push_back(float(low + int(rng() % unsigned(high - low + 1))) *
                         scale);
    }
    std::vector<uint8_t> tile(size_t(gemcut_tile_bytes(GEMCUT_Q4_0, columns)));
    packTile(GEMCUT_Q4_0, values.data(), 1, columns, tile.data());
    for (int64_t c = 0; c < columns; ++c)
      ASSERT_EQ(unpackTileValue(GEMCUT_Q4_0, tile.data(), 0, c, columns),
                values[size_t(c)])
          << "round " << round << " column " << c;
  }
}

} // namespace
