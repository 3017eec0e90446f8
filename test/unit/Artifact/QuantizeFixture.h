//===- QuantizeFixture.h - Tiles to compare with references -----*- C++ -*-===//
#ifndef GEMCUT_TEST_UNIT_ARTIFACT_QUANTIZEFIXTURE_H
#define GEMCUT_TEST_UNIT_ARTIFACT_QUANTIZEFIXTURE_H

#include "compiler/Artifact/Quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace gemcut::test {

inline constexpr int64_t kRows = GEMCUT_TILE_ROWS;

inline float roundToHalf(float value) { return float(_Float16(value)); }

/// Level and scale of the Q4_0 rule, as its formula says.
struct Q4_0 {
  float scale;
  int levels[32]; ///< -8 .. 7
};

inline Q4_0 referenceQ4_0(const float *x) {
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

inline std::vector<float> gaussian(int64_t count, unsigned seed,
                                   float sigma = 0.02f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(generator);
  return values;
}

inline std::vector<uint8_t> pack(gemcut_format format,
                                 const std::vector<float> &values, int64_t rows,
                                 int64_t columns) {
  // Bytes that packTile has to overwrite, and a guard behind them.
  size_t bytes = size_t(gemcut_tile_bytes(format, columns));
  std::vector<uint8_t> tile(bytes + 64, 0xA5);
  artifact::packTile(format, values.data(), rows, columns, tile.data());
  for (size_t i = bytes; i < tile.size(); ++i)
    EXPECT_EQ(tile[i], 0xA5) << "written behind the tile";
  tile.resize(bytes);
  return tile;
}

inline double squaredError(gemcut_format format,
                           const std::vector<uint8_t> &tile,
                           const std::vector<float> &values, int64_t row,
                           int64_t firstColumn, int64_t columns) {
  double sum = 0;
  for (int64_t c = firstColumn; c < firstColumn + 32; ++c) {
    double difference =
        values[size_t(row * columns + c)] -
        artifact::unpackTileValue(format, tile.data(), row, c, columns);
    sum += difference * difference;
  }
  return sum;
}

/// The scale stored for a group of a row.
inline uint16_t scaleBits(gemcut_format format,
                          const std::vector<uint8_t> &tile, int64_t row,
                          int64_t group) {
  int64_t pairBytes = format == GEMCUT_Q4_0 ? 576 : 1088;
  uint16_t bits;
  std::memcpy(&bits,
              &tile[size_t(group / 2 * pairBytes + group % 2 * 32 + 2 * row)],
              2);
  return bits;
}

/// Rows and columns.
class TileShapes : public testing::TestWithParam<std::pair<int64_t, int64_t>> {
};
inline const auto kTileShapes =
    testing::Values(std::pair(16, 64), std::pair(1, 32), std::pair(3, 96),
                    std::pair(15, 160), std::pair(16, 1536), std::pair(7, 32));

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_ARTIFACT_QUANTIZEFIXTURE_H
