//===- QuantizeQ4_0Test.cpp - Packing q4_0 against the rule of ggml -------===//

#include "test/unit/Artifact/QuantizeFixture.h"

using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

class QuantizeQ4_0Shapes : public TileShapes {};
INSTANTIATE_TEST_SUITE_P(RowsAndColumns, QuantizeQ4_0Shapes, kTileShapes);

/// No group errs more than under the Q4_0 rule.
TEST_P(QuantizeQ4_0Shapes, TheSearchIsAtLeastAsGoodAsTheRule) {
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

/// Weights that Q4_0 made come back bit for bit: quants, scales and values.
TEST(QuantizeQ4_0, ItsWeightsKeepEveryBit) {
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
TEST(QuantizeQ4_0, ItsWeightsRoundedToBf16KeepTheirQuants) {
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
TEST(QuantizeQ4_0, RepresentableGroupsHaveNoError) {
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

} // namespace
