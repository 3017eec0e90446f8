//===- TwoStageHeadTest.cpp - Bounds that hold, tiles that agree ----------===//
//
// Upper bounds are never below what the full product computes, in f32 and in
// f64, and not further above than the discarded bits allow; rescored tiles have
// the full product's bits. Widths with tails, every level, weights and
// activations at the ends of their ranges.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/StageProgram.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace gemcut;
using namespace gemcut::test;

namespace {

/// An int8 matrix and its coarse form, written from packed_layout.h.
struct Matrix {
  std::vector<int> quants;    // (rows, columns)
  std::vector<double> scales; // (rows, columns / 32)
  std::vector<uint8_t> tiles, coarse;
};

/// The extremes of what weights and activations can be.
enum class Kind { Random, LargestRest, Ends, Equal };

int makeQuant(std::mt19937 &rng, Kind kind) {
  switch (kind) {
  case Kind::Random:
    return int(rng() % 255) - 127;
  case Kind::LargestRest: // all discarded bits set
    return int(rng() % 63) * 4 + 3 - 128;
  case Kind::Ends:
    return rng() % 2 ? 127 : -127;
  case Kind::Equal:
    return 42;
  }
  return 0;
}

Matrix makeMatrix(std::mt19937 &rng, Kind kind, int64_t rows, int64_t columns) {
  Matrix m;
  m.quants.resize(rows * columns);
  m.scales.resize(rows * columns / 32);
  m.tiles.resize(gemcut_tiled_bytes(GEMCUT_INT8, rows, columns), 0x80);
  m.coarse.resize(rows / 16 * gemcut_coarse_tile_bytes(columns));
  std::uniform_real_distribution<float> uniform(0.001f, 0.05f);
  for (int64_t r = 0; r < rows; ++r) {
    int64_t lane = r % 16;
    uint8_t *tile =
        m.tiles.data() + r / 16 * gemcut_tile_bytes(GEMCUT_INT8, columns);
    uint8_t *coarse =
        m.coarse.data() + r / 16 * gemcut_coarse_tile_bytes(columns);
    for (int64_t c = 0; c < columns; ++c) {
      int64_t group = c / 32, k = c % 32;
      uint8_t *pair = tile + group / 2 * 1088;
      uint8_t *coarsePair = coarse + group / 2 * 832;
      if (k == 0) {
        uint16_t bits = toHalf(kind == Kind::Equal ? 0.01f : uniform(rng));
        m.scales[r * (columns / 32) + group] = fromHalf(bits);
        std::memcpy(pair + group % 2 * 32 + lane * 2, &bits, 2);
        std::memcpy(coarsePair + group % 2 * 32 + lane * 2, &bits, 2);
      }
      int q = m.quants[r * columns + c] = makeQuant(rng, kind);
      pair[64 + group % 2 * 512 + k / 4 * 64 + lane * 4 + k % 4] =
          uint8_t(q + 128);
      int upper = (q + 128) >> 2;
      uint8_t *in = coarsePair + 64 + group % 2 * 384;
      in[k % 16 / 4 * 64 + lane * 4 + k % 4] |=
          uint8_t((upper & 15) << (k < 16 ? 0 : 4));
      // Byte 4r+j of vector v: columns 8v+j, 16+8v+j, 8v+4+j, 20+8v+j.
      int64_t v = k % 16 / 8, field = k % 16 / 4 % 2 * 2 + k / 16;
      in[256 + v * 64 + lane * 4 + k % 4] |= uint8_t(upper >> 4 << 2 * field);
    }
  }
  return m;
}

struct Case {
  int64_t rows, columns;
  bool capped;
  Kind kind;
};

class TwoStageHeadTest : public testing::TestWithParam<Case> {};

TEST_P(TwoStageHeadTest, BoundsHoldAndTilesAgree) {
  const Case &c = GetParam();
  std::mt19937 rng(unsigned(c.rows + 7 * c.columns + int(c.kind)));
  Matrix matrix = makeMatrix(rng, c.kind, c.rows, c.columns);
  int64_t tiles = c.rows / 16, groups = c.columns / 32;

  StageProgram program(tiles);
  Operand x = program.buffer(c.columns, "q8");
  Operand full = program.buffer(c.rows, "f32");
  Operand bounds = program.buffer(c.rows, "f32");
  Operand single = program.buffer(c.rows, "f32");
  Operand exact = program.weight(
      fmt::format("!kernel.weight<{} x {}, int8, tiles>", c.rows, c.columns),
      matrix.tiles);
  Operand coarse = program.weight(
      fmt::format("!kernel.weight<{} x {}, int8, coarse>", c.rows, c.columns),
      matrix.coarse);
  std::string cap = c.capped ? "cap = 30.0 : f32, " : "";
  program.stage("%one = arith.constant 1 : i64");
  program.stage(fmt::format(
      "kernel.gemv %one, {}, {} outs {} {{{}{}scale = 1.0 : f32, partition = "
      "#kernel.partition<tiles, 2>}} : {}, {}, {}",
      x.name, exact.name, full.name,
      c.capped ? "epilogue = #kernel.epilogue<softcap>, " : "", cap, x.type,
      exact.type, full.type));
  program.stage(fmt::format(
      "kernel.upper_bounds %one, {}, {} outs {} {{{}partition = "
      "#kernel.partition<tiles, 2>}} : {}, {}, {}",
      x.name, coarse.name, bounds.name, cap, x.type, coarse.type, bounds.type));
  program.stage(fmt::format(
      "kernel.rescore %n, %ids, {}, {} outs {} {{{}partition = "
      "#kernel.partition<rows, 1>}} : !kernel.buffer<{} x 1, i32>, {}, {}, {}",
      x.name, exact.name, single.name, cap, tiles, x.type, exact.type,
      single.type));
  Bytes weights = program.makeWeights();

  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int trial = 0; trial < 4; ++trial) {
      SCOPED_TRACE(fmt::format("{} trial {}", level.name, trial));
      Bytes arena = program.makeArena();
      uint8_t *row = arena.data() + x.offset;
      std::memset(row, 0, gemcut_q8_row_bytes(c.columns));
      std::vector<double> inputScales(groups);
      for (int64_t g = 0; g < groups; ++g) {
        float scale = std::ldexp(1.0f, -int(rng() % 12));
        inputScales[g] = scale;
        int32_t correction = 0;
        for (int64_t k = 0; k < 32; ++k) {
          // Also rows without a negative value, and without a positive one.
          int q = int(rng() % 255) - 127;
          q = trial == 1 ? std::abs(q) : trial == 2 ? -std::abs(q) : q;
          q = trial == 3 ? (q < 0 ? -127 : 127) : q;
          row[32 * g + k] = uint8_t(int8_t(q));
          correction -= 8 * q;
        }
        std::memcpy(row + gemcut_q8_scales_offset(c.columns) + 4 * g, &scale,
                    4);
        std::memcpy(row + gemcut_q8_corrections_offset(c.columns) + 4 * g,
                    &correction, 4);
      }
      std::vector<int32_t> listed;
      for (int64_t t = 0; t < tiles; t += 1 + int64_t(rng() % 2))
        listed.push_back(int32_t(t));
      gemcut_step step{};
      step.weights = weights.data();
      step.arena = arena.data();
      step.rows = int64_t(listed.size());
      step.tokens = listed.data();
      step.fetch_ahead = trial / 2;
      kernel.run("decode", step, trial % 2 ? 3 : 1);

      for (int64_t n = 0; n < c.rows; ++n) {
        double y = 0, rest = 0, magnitude = 0;
        for (int64_t k = 0; k < c.columns; ++k) {
          double scale =
              matrix.scales[n * groups + k / 32] * inputScales[k / 32];
          double qx = int8_t(row[k]);
          y += scale * matrix.quants[n * c.columns + k] * qx;
          rest += scale * 3 * std::fabs(qx);
          magnitude += scale * 131 * std::fabs(qx);
        }
        double most = y + rest + magnitude * (double(groups + 2) * 3e-7) +
                      2 * magnitude / 131 / 4; // whole units of m[g]
        float bound = getF32(arena, bounds, 0, n);
        float logit = getF32(arena, full, 0, n);
        ASSERT_GE(bound, logit) << "output " << n;
        if (c.capped) {
          ASSERT_GE(double(bound), 30 * std::tanh(y / 30)) << "output " << n;
          ASSERT_LE(double(bound), 30 * std::tanh(most / 30) + 1e-4);
        } else {
          ASSERT_GE(double(bound), y) << "output " << n;
          ASSERT_LE(double(bound), most) << "output " << n;
        }
        bool isListed = std::find(listed.begin(), listed.end(),
                                  int32_t(n / 16)) != listed.end();
        float again = getF32(arena, single, 0, n);
        if (isListed)
          ASSERT_EQ(std::memcmp(&again, &logit, 4), 0) << "output " << n;
        else
          ASSERT_TRUE(std::isnan(again)) << "output " << n << " was written";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, TwoStageHeadTest,
    testing::Values(Case{16, 32, false, Kind::Random},
                    Case{48, 64, true, Kind::Random},
                    Case{80, 96, false, Kind::LargestRest},
                    Case{112, 256, true, Kind::LargestRest},
                    Case{64, 160, false, Kind::Ends},
                    Case{64, 1536, false, Kind::Random},
                    Case{64, 1536, true, Kind::Ends},
                    Case{32, 5376, false, Kind::LargestRest},
                    Case{96, 640, true, Kind::Equal}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("n{}_k{}_{}_{}", c.rows, c.columns,
                         c.capped ? "capped" : "plain", int(c.kind));
    });

} // namespace
