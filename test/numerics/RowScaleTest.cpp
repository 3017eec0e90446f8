//===- RowScaleTest.cpp - Products under one scale per row ----------------===//
//
// int2_row, int4_row and int8_row weights times u8 rows. int32 sums are exact
// and two f32 products follow, so results are compared bit by bit. Every row
// count around the register blocks, sizes that leave tails, the extremes of
// both operands; on every ISA level of this CPU, on one and on three threads.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/StageProgram.h"
#include "test/numerics/TileEmulator.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace gemcut;
using namespace gemcut::test;

namespace {

gemcut_format formatOf(const std::string &name) {
  return name == "int2_row"   ? GEMCUT_INT2_ROW
         : name == "int4_row" ? GEMCUT_INT4_ROW
                              : GEMCUT_INT8_ROW;
}

/// A packed random matrix, written from the text of packed_layout.h.
struct Matrix {
  std::vector<int> quants; // (rows, columns)
  std::vector<float> scales;
  std::vector<uint8_t> packed;
};

/// `extreme`: only the quants of largest magnitude.
Matrix randomMatrix(std::mt19937 &rng, gemcut_format format, int64_t rows,
                    int64_t columns, float outputScale, bool extreme) {
  int bits = int(gemcut_row_format_bits(format));
  int64_t tileBytes = gemcut_tile_bytes(format, columns);
  Matrix m;
  m.packed.resize(gemcut_tiled_bytes(format, rows, columns));
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (int64_t r = 0; r < gemcut_round_up(rows, 16); ++r) {
    uint8_t *tile = m.packed.data() + r / 16 * tileBytes;
    int64_t lane = r % 16;
    float scale = r < rows ? 0.01f * uniform(rng) : 0;
    std::memcpy(tile + 4 * lane, &scale, 4);
    std::memcpy(tile + 128 + 4 * lane, &outputScale, 4);
    int32_t sum = 0;
    for (int64_t c = 0; r < rows && c < columns; ++c) {
      int q = int(rng() % (1u << bits)) - (1 << (bits - 1));
      if (extreme)
        q = r % 2 ? (1 << (bits - 1)) - 1 : -(1 << (bits - 1));
      int64_t k = c % 64, v = k % 16 / 4, byte, shift;
      if (bits == 2) {
        byte = c / 64 * 256 + 64 * v;
        shift = k / 16 * 2;
      } else if (bits == 4) {
        byte = c / 64 * 512 + 64 * (k / 32 * 4 + v);
        shift = k / 16 % 2 * 4;
      } else {
        byte = c / 64 * 1024 + 64 * (k / 4);
        shift = 0;
      }
      tile[192 + byte + 4 * lane + c % 4] |=
          uint8_t((q & ((1 << bits) - 1)) << shift);
      sum += q;
      m.quants.push_back(q);
    }
    int32_t correction = -128 * sum;
    std::memcpy(tile + 64 + 4 * lane, &correction, 4);
    if (r < rows)
      m.scales.push_back(scale);
  }
  return m;
}

double gelu(double u) {
  return 0.5 * u *
         (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
}

struct Case {
  const char *op, *format, *epilogue, *output;
  int64_t n, k, maxRows, chunk;
  float outputScale;
  bool extreme;
};

class RowScaleTest : public testing::TestWithParam<Case> {};

TEST_P(RowScaleTest, MatchesReferenceOnEveryLevel) {
  const Case &c = GetParam();
  gemcut_format format = formatOf(c.format);
  bool gated = std::string(c.epilogue) == "gelu_gate";
  bool modulated = std::string(c.epilogue) == "gelu_mul";
  bool capped = std::string(c.epilogue) == "softcap";
  std::mt19937 rng(unsigned(c.n * 131 + c.k));
  Matrix first = randomMatrix(rng, format, c.n, c.k, c.outputScale, c.extreme);
  Matrix second =
      randomMatrix(rng, format, c.n, c.k, 2 * c.outputScale, c.extreme);
  std::vector<uint8_t> blob = first.packed;
  if (gated) {
    int64_t tile = gemcut_tile_bytes(format, c.k);
    blob.resize(2 * first.packed.size());
    for (int64_t t = 0; t < int64_t(first.packed.size()) / tile; ++t) {
      std::memcpy(&blob[2 * t * tile], &first.packed[t * tile], tile);
      std::memcpy(&blob[(2 * t + 1) * tile], &second.packed[t * tile], tile);
    }
  }

  StageProgram program(c.maxRows);
  Operand x = program.buffer(c.k, "u8");
  Operand modulator = program.buffer(c.n, "f32");
  Operand y = program.buffer(c.n, c.output);
  Operand w = program.weight(fmt::format("!kernel.weight<{} x {}, {}, {}>",
                                         gated ? 2 * c.n : c.n, c.k, c.format,
                                         gated ? "interleaved" : "tiles"),
                             blob);
  program.stage(fmt::format(
      "kernel.{} %n, {}, {}{} outs {} {{epilogue = #kernel.epilogue<{}>, scale "
      "= 1.0 : f32{}, partition = #kernel.partition<tiles, {}>}} : {}, {}{}, "
      "{}",
      c.op, x.name, w.name, modulated ? " mul " + modulator.name : "", y.name,
      c.epilogue, capped ? ", cap = 30.0 : f32" : "", c.chunk, x.type, w.type,
      modulated ? " mul " + modulator.type : "", y.type));
  Bytes weights = program.makeWeights();

  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t rows = 1; rows <= c.maxRows; ++rows) {
      SCOPED_TRACE(fmt::format("{} rows {}", level.name, rows));
      Bytes arena = program.makeArena(); // 0xFF, the padding of rows included
      std::vector<int> quants;
      std::vector<float> scales, mul = randomValues(rng, rows * c.n, 2.0f);
      putRows(arena, modulator, mul);
      for (int64_t r = 0; r < rows; ++r) {
        uint8_t *row = arena.data() + x.offset + r * x.rowBytes;
        scales.push_back(0.001f * float(1 + rng() % 50));
        std::memcpy(row + gemcut_u8_scale_offset(c.k), &scales.back(), 4);
        for (int64_t k = 0; k < c.k; ++k) {
          int q = int(rng() % 256) - 128;
          if (c.extreme)
            q = r % 2 ? 127 : -128;
          row[k] = uint8_t(q + 128);
          quants.push_back(q);
        }
      }
      gemcut_step step{};
      step.weights = weights.data();
      step.arena = arena.data();
      step.rows = rows;
      uint64_t products = countEmulatedTileProducts();
      kernel.run("decode", step, rows % 3 == 0 ? 3 : 1);
      if (isEmulated(level)) {
        int64_t blocks = rows / 16 + rows / 8 % 2;
        int64_t tiles = (gated ? 2 : 1) * gemcut_round_up(c.n, 16) / 16;
        bool onTiles = std::string(c.op) == "gemm";
        EXPECT_EQ(countEmulatedTileProducts() - products,
                  onTiles ? blocks * tiles * gemcut_round_up(c.k, 64) / 64 : 0);
        EXPECT_FALSE(tilesAreConfigured());
      }
      uint8_t *out = arena.data() + y.offset;
      std::vector<uint8_t> left(out, out + rows * y.rowBytes);
      step.fetch_ahead = 1;
      kernel.run("decode", step);
      ASSERT_TRUE(std::equal(left.begin(), left.end(), out))
          << "fetching ahead changes results";

      auto product = [&](const Matrix &m, int64_t r, int64_t n, float s) {
        int64_t sum = 0;
        for (int64_t k = 0; k < c.k; ++k)
          sum += int64_t(m.quants[n * c.k + k]) * quants[r * c.k + k];
        float value = float(sum) * (m.scales[n] * scales[r]);
        if (s == 0)
          return value;
        float level = std::nearbyint(value / s);
        return std::min(std::max(level, -128.0f), 127.0f) * s;
      };
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < c.n; ++n) {
          float exact = product(first, r, n, c.outputScale);
          double expected = exact;
          if (gated)
            expected =
                gelu(exact) * double(product(second, r, n, 2 * c.outputScale));
          if (modulated)
            expected = gelu(exact) * double(mul[r * c.n + n]);
          if (capped)
            expected = 30 * std::tanh(double(exact) / 30);
          float factor = gated       ? product(second, r, n, 2 * c.outputScale)
                         : modulated ? mul[r * c.n + n]
                                     : 1.0f;
          double bound = 1e-6 * (std::fabs(expected) + std::fabs(factor));
          if (std::string(c.output) == "q8") {
            uint8_t *row = out + r * y.rowBytes;
            float scale;
            std::memcpy(&scale, row + gemcut_q8_scales_offset(c.n) + n / 32 * 4,
                        4);
            ASSERT_NEAR(double(int8_t(row[n])) * scale, expected,
                        bound + 0.5001 * scale)
                << "row " << r << " out " << n;
            continue;
          }
          float actual = getF32(arena, y, r, n);
          if (std::string(c.epilogue) == "none")
            ASSERT_EQ(actual, exact) << "row " << r << " out " << n;
          else
            ASSERT_NEAR(actual, expected, bound) << "row " << r << " out " << n;
        }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, RowScaleTest,
    testing::Values(
        Case{"gemv", "int2_row", "none", "f32", 48, 64, 9, 1, 0, false},
        Case{"gemv", "int2_row", "none", "f32", 50, 96, 8, 2, 0.7f, false},
        Case{"gemv", "int2_row", "none", "f32", 16, 160, 5, 4, 0, true},
        Case{"gemv", "int2_row", "gelu_gate", "q8", 96, 160, 8, 2, 0, false},
        Case{"gemv", "int2_row", "softcap", "f32", 80, 1536, 3, 3, 0.3f, false},
        Case{"gemv", "int4_row", "none", "f32", 40, 224, 9, 2, 0, false},
        Case{"gemv", "int4_row", "none", "f32", 40, 352, 9, 2, 0.5f, true},
        Case{"gemv", "int4_row", "gelu_gate", "f32", 48, 64, 4, 1, 0.2f, false},
        Case{"gemv", "int4_row", "gelu_mul", "q8", 32, 32, 4, 2, 0.1f, false},
        Case{"gemv", "int8_row", "none", "f32", 40, 160, 9, 2, 0, false},
        Case{"gemv", "int8_row", "none", "f32", 40, 1536, 9, 2, 0, true},
        Case{"gemv", "int8_row", "gelu_mul", "f32", 64, 96, 3, 2, 1.5f, false},
        Case{"gemm", "int2_row", "none", "f32", 50, 96, 27, 3, 0, false},
        Case{"gemm", "int2_row", "none", "f32", 96, 1536, 25, 2, 0.7f, true},
        Case{"gemm", "int2_row", "gelu_gate", "q8", 96, 64, 26, 4, 0.5f, false},
        Case{"gemm", "int4_row", "none", "f32", 80, 160, 27, 3, 0.7f, false},
        Case{"gemm", "int4_row", "none", "f32", 48, 1536, 25, 2, 0, true},
        Case{"gemm", "int4_row", "gelu_mul", "f32", 96, 96, 13, 4, 0, false},
        Case{"gemm", "int8_row", "none", "f32", 50, 32, 27, 2, 0, false},
        Case{"gemm", "int8_row", "none", "f32", 48, 1536, 25, 2, 0, true},
        Case{"gemm", "int8_row", "gelu_gate", "f32", 48, 96, 25, 2, 0.9f,
             false}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("{}_{}_{}_{}_n{}_k{}{}", c.op, c.format, c.epilogue,
                         c.output, c.n, c.k, c.extreme ? "_extreme" : "");
    });

} // namespace
