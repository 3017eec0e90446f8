//===- QuantizeInt4Test.cpp - Packing int4 against obvious references -----===//

#include "test/unit/Artifact/QuantizeFixture.h"

using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

class QuantizeInt4Shapes : public TileShapes {};
INSTANTIATE_TEST_SUITE_P(RowsAndColumns, QuantizeInt4Shapes, kTileShapes);

TEST_P(QuantizeInt4Shapes, LayoutIsTheOneOfTheHeader) {
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
TEST_P(QuantizeInt4Shapes, FindsTheBestScale) {
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
TEST(QuantizeInt4, RowsOfUnevenAndTinyValues) {
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

} // namespace
