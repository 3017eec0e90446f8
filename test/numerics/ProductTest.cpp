//===- ProductTest.cpp - gemv and gemm against an f64 reference -----------===//
//
// Every format and epilogue, at every row count around the register blocks and
// at sizes that leave tails in rows, tiles, pairs of groups and chunks; the
// extremes of both operands; each on every ISA level of this CPU, on one and on
// three threads.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/KernelHarness.h"
#include "test/numerics/TileEmulator.h"

#include "fmt/format.h"
#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace gemcut;
using namespace gemcut::test;

namespace {

uint16_t toHalf(float value) {
  llvm::APFloat half(value);
  bool inexact;
  half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven,
               &inexact);
  return uint16_t(half.bitcastToAPInt().getZExtValue());
}

double fromHalf(uint16_t bits) {
  return llvm::APFloat(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits))
      .convertToFloat();
}

uint16_t toBf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float fromBf16(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}

/// A packed random matrix and the values it stands for.
struct Matrix {
  int64_t rows, columns;
  std::vector<double> values; // (rows, columns)
  std::vector<uint8_t> packed;
};

/// One of two extremes for each of two bits of `row`: the first holds for the
/// first half of each four columns, the second for the other half. Sums of
/// words take these halves apart.
bool isHigh(int64_t row, int64_t column) { return row >> (column % 4 / 2) & 1; }

/// Random quants and scales in the layouts of packed_layout.h, written from its
/// text element by element. `extreme`: levels of 4 bits are 0 and 15.
Matrix randomMatrix(std::mt19937 &rng, gemcut_format format, int64_t rows,
                    int64_t columns, bool extreme) {
  Matrix m{rows, columns, std::vector<double>(rows * columns), {}};
  int64_t tileBytes = gemcut_tile_bytes(format, columns);
  m.packed.resize(gemcut_tiled_bytes(format, rows, columns));
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (int64_t r = 0; r < gemcut_round_up(rows, 16); ++r) {
    uint8_t *tile = m.packed.data() + r / 16 * tileBytes;
    int64_t lane = r % 16;
    for (int64_t c = 0; c < gemcut_tile_columns(format, columns); ++c) {
      bool real = r < rows && c < columns;
      double value = 0;
      int64_t group = c / 32, inGroup = c % 32;
      if (format == GEMCUT_F32) {
        float f = real ? uniform(rng) : 0;
        std::memcpy(tile + c * 64 + lane * 4, &f, 4);
        value = f;
      } else if (format == GEMCUT_BF16) {
        uint16_t b = real ? toBf16(uniform(rng)) : 0;
        std::memcpy(tile + c / 2 * 64 + lane * 4 + c % 2 * 2, &b, 2);
        value = fromBf16(b);
      } else {
        int64_t perBlock = format == GEMCUT_INT4 ? 4 : 2;
        int64_t blockBytes = format == GEMCUT_Q4_0 ? 576 : 1088;
        uint8_t *block = tile + (format == GEMCUT_INT4 ? 64 : 0) +
                         group / perBlock * blockBytes;
        group %= perBlock;
        float scale;
        if (format == GEMCUT_INT4) {
          // Exponents on both sides of the input's, and both signs.
          uint8_t &code = block[group * 16 + lane];
          if (inGroup == 0)
            code = uint8_t(rng());
          if (c == 0) {
            scale = 0.0005f + 0.001f * std::fabs(uniform(rng));
            std::memcpy(tile + 4 * lane, &scale, 4);
          }
          std::memcpy(&scale, tile + 4 * lane, 4);
          scale *= std::ldexp(1 + code % 16 / 16.0f, code / 16 % 8);
          scale = code >= 128 ? -scale : scale;
        } else {
          uint8_t *scaleAt = block + group * 32 + lane * 2;
          uint16_t half = toHalf(0.01f + 0.05f * std::fabs(uniform(rng)));
          if (inGroup == 0)
            std::memcpy(scaleAt, &half, 2);
          std::memcpy(&half, scaleAt, 2);
          scale = float(fromHalf(half));
        }
        uint8_t *group4 = block + 64 + group * 256;
        uint8_t *group8 = block + 64 + group * 512;
        if (format != GEMCUT_INT8) {
          int q = real ? int(rng() % 16) : 8;
          if (extreme && real)
            q = isHigh(r, c) ? 15 : 0;
          int64_t half = inGroup / 16, k = inGroup % 16;
          uint8_t &byte = group4[k / 4 * 64 + lane * 4 + k % 4];
          if (half == 0)
            byte = uint8_t(q);
          else
            byte |= uint8_t(q << 4);
          value = double(q - 8) * scale;
        } else {
          int q = real ? int(rng() % 255) - 127 : 0;
          group8[inGroup / 4 * 64 + lane * 4 + inGroup % 4] = uint8_t(q + 128);
          value = double(q) * scale;
        }
      }
      if (real)
        m.values[r * columns + c] = value;
    }
  }
  return m;
}

/// Rows of activations in the form that `format` takes, with their values.
struct Rows {
  std::vector<double> values; // (rows, columns)
  std::vector<uint8_t> bytes;
};

/// `extreme`: quants are -127 and 127.
Rows randomRows(std::mt19937 &rng, bool quantized, int64_t rows,
                int64_t columns, bool extreme) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  int64_t stride =
      quantized ? gemcut_q8_row_bytes(columns) : gemcut_f32_row_bytes(columns);
  Rows result{std::vector<double>(rows * columns),
              std::vector<uint8_t>(rows * stride, quantized ? 0 : 0xFF)};
  for (int64_t r = 0; r < rows; ++r) {
    uint8_t *row = result.bytes.data() + r * stride;
    if (quantized && columns % 64) {
      float scale = GEMCUT_Q8_LEAST_SCALE; // of the padding group
      std::memcpy(row + gemcut_q8_scales_offset(columns) + columns / 8, &scale,
                  4);
    }
    for (int64_t c = 0; c < columns; ++c) {
      if (!quantized) {
        float f = uniform(rng);
        std::memcpy(row + 4 * c, &f, 4);
        result.values[r * columns + c] = f;
        continue;
      }
      float scale;
      uint8_t *scaleAt = row + gemcut_q8_scales_offset(columns) + c / 32 * 4;
      if (c % 32 == 0) {
        scale = std::ldexp(1.0f, -int(rng() % 6) - 5);
        std::memcpy(scaleAt, &scale, 4);
      }
      std::memcpy(&scale, scaleAt, 4);
      int q = int(rng() % 255) - 127;
      if (extreme)
        q = isHigh(r, c) ? 127 : -127;
      row[c] = uint8_t(int8_t(q));
      int32_t correction;
      uint8_t *correctionAt =
          row + gemcut_q8_corrections_offset(columns) + c / 32 * 4;
      std::memcpy(&correction, correctionAt, 4);
      correction -= 8 * q;
      std::memcpy(correctionAt, &correction, 4);
      result.values[r * columns + c] = double(q) * scale;
    }
  }
  return result;
}

double gelu(double u) {
  return 0.5 * u *
         (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
}

struct Case {
  const char *op;       // "gemv", "gemm"
  const char *format;   // "int4", ...
  const char *epilogue; // "none", "gelu_gate", "gelu_mul", "softcap"
  const char *output;   // "f32", "q8"
  int64_t n, k, maxRows, chunk;
  float scale;
  bool extreme = false;
};

gemcut_format formatOf(const std::string &name) {
  return name == "f32"    ? GEMCUT_F32
         : name == "bf16" ? GEMCUT_BF16
         : name == "int8" ? GEMCUT_INT8
         : name == "q4_0" ? GEMCUT_Q4_0
                          : GEMCUT_INT4;
}

class ProductTest : public testing::TestWithParam<Case> {};

TEST_P(ProductTest, MatchesReferenceOnEveryLevel) {
  const Case &c = GetParam();
  gemcut_format format = formatOf(c.format);
  bool quantizedInput = format != GEMCUT_F32 && format != GEMCUT_BF16;
  bool gated = std::string(c.epilogue) == "gelu_gate";
  bool modulated = std::string(c.epilogue) == "gelu_mul";
  bool capped = std::string(c.epilogue) == "softcap";
  bool quantizedOutput = std::string(c.output) == "q8";
  std::mt19937 rng(unsigned(c.n * 131 + c.k));

  Matrix first = randomMatrix(rng, format, c.n, c.k, c.extreme);
  Matrix second = randomMatrix(rng, format, c.n, c.k, c.extreme);
  std::vector<uint8_t> blob = first.packed;
  if (gated) {
    int64_t tile = gemcut_tile_bytes(format, c.k);
    blob.resize(2 * first.packed.size());
    for (int64_t t = 0; t < int64_t(first.packed.size()) / tile; ++t) {
      std::memcpy(&blob[2 * t * tile], &first.packed[t * tile], tile);
      std::memcpy(&blob[(2 * t + 1) * tile], &second.packed[t * tile], tile);
    }
  }
  int64_t inputBytes = c.maxRows * (quantizedInput ? gemcut_q8_row_bytes(c.k)
                                                   : gemcut_f32_row_bytes(c.k));
  int64_t modulatorBytes = c.maxRows * gemcut_f32_row_bytes(c.n);
  int64_t outputRow =
      quantizedOutput ? gemcut_q8_row_bytes(c.n) : gemcut_f32_row_bytes(c.n);

  std::string input = fmt::format("!kernel.buffer<{} x {}, {}>", c.maxRows, c.k,
                                  quantizedInput ? "q8" : "f32");
  std::string modulator =
      fmt::format("!kernel.buffer<{} x {}, f32>", c.maxRows, c.n);
  std::string output =
      fmt::format("!kernel.buffer<{} x {}, {}>", c.maxRows, c.n, c.output);
  std::string weight =
      fmt::format("!kernel.weight<{} x {}, {}, {}>", gated ? 2 * c.n : c.n, c.k,
                  c.format, gated ? "interleaved" : "tiles");
  std::string text = fmt::format(
      R"(kernel.packed @w {{sources = [{}], offset = 0 : i64}} : {}
func.func @decode(%n: i64, %ids: !kernel.buffer<1 x 1, i32>,
                  %logits: !kernel.buffer<1 x 1, f32>)
    attributes {{kernel.entry = "decode"}} {{
  %w = kernel.weight_address [@w] : {}
  %x = kernel.alloc {{offset = 0 : i64}} : {}
  %m = kernel.alloc {{offset = {} : i64}} : {}
  %y = kernel.alloc {{offset = {} : i64}} : {}
  kernel.{} %n, %x, %w{} outs %y {{epilogue = #kernel.epilogue<{}>,
      scale = {:e} : f32{}, partition = #kernel.partition<tiles, {}>}}
      : {}, {}{}, {}
  return
}})",
      gated ? R"("a", "b")" : R"("a")", weight, weight, input, inputBytes,
      modulator, inputBytes + modulatorBytes, output, c.op,
      modulated ? " mul %m" : "", c.epilogue, c.scale,
      capped ? ", cap = 30.0 : f32" : "", c.chunk, input, weight,
      modulated ? " mul " + modulator : "", output);

  Bytes weights(int64_t(blob.size()));
  std::memcpy(weights.data(), blob.data(), blob.size());
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(text, level);
    for (int64_t rows = 1; rows <= c.maxRows; ++rows) {
      SCOPED_TRACE(fmt::format("{} rows {}", level.name, rows));
      Rows x = randomRows(rng, quantizedInput, rows, c.k, c.extreme);
      std::vector<float> mul = randomValues(rng, rows * c.n, 2.0f);
      Bytes arena(inputBytes + modulatorBytes + c.maxRows * outputRow + 64);
      std::memcpy(arena.data(), x.bytes.data(), x.bytes.size());
      for (int64_t r = 0; r < rows; ++r)
        std::memcpy(arena.data() + inputBytes + r * gemcut_f32_row_bytes(c.n),
                    &mul[r * c.n], 4 * c.n);
      gemcut_step step{};
      step.weights = weights.data();
      step.arena = arena.data();
      step.rows = rows;
      uint64_t products = countEmulatedTileProducts();
      kernel.run("decode", step, rows % 3 == 0 ? 3 : 1);
      if (isEmulated(level)) {
        // Blocks of 16 rows and one of 8, a product per weight tile and group.
        int64_t blocks = rows / 16 + rows / 8 % 2;
        int64_t tiles = (gated ? 2 : 1) * gemcut_round_up(c.n, 16) / 16;
        bool onTiles = std::string(c.op) == "gemm" && quantizedInput;
        EXPECT_EQ(countEmulatedTileProducts() - products,
                  onTiles ? blocks * tiles * gemcut_q8_scales_offset(c.k) / 32
                          : 0);
        EXPECT_FALSE(tilesAreConfigured());
      }

      uint8_t *out = arena.data() + inputBytes + modulatorBytes;
      std::vector<uint8_t> left(out, out + rows * outputRow);
      step.fetch_ahead = 1;
      kernel.run("decode", step);
      ASSERT_TRUE(std::equal(left.begin(), left.end(), out))
          << "fetching ahead changes results";
      if (rows == c.maxRows && quantizedInput && !level.hasInt8Tiles) {
        // A row's bits do not depend on the rows beside it.
        step.rows = 1;
        kernel.run("decode", step);
        ASSERT_TRUE(std::equal(left.begin(), left.begin() + outputRow, out))
            << "the first row alone has other bits";
      }
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < c.n; ++n) {
          double y = 0, up = 0, magnitude = 0;
          for (int64_t k = 0; k < c.k; ++k) {
            double xv = x.values[r * c.k + k];
            y += first.values[n * c.k + k] * xv;
            up += second.values[n * c.k + k] * xv;
            magnitude += std::fabs(first.values[n * c.k + k] * xv);
          }
          y *= c.scale;
          up *= c.scale;
          magnitude *= c.scale;
          double expected = gated       ? gelu(y) * up
                            : modulated ? gelu(y) * mul[r * c.n + n]
                            : capped    ? 30 * std::tanh(y / 30)
                                        : y;
          // f32 sums of K products: eps * K/8 relative to the sum of magnitudes
          // bounds the reordered sums; a following factor scales it.
          double factor = gated ? 1.2 * std::fabs(up) + std::fabs(gelu(y)) + 1
                          : modulated ? 1.2 * std::fabs(mul[r * c.n + n])
                                      : 1.0;
          double bound =
              6e-8 * (4 + double(c.k) / 8) * (magnitude + 1) * factor +
              3e-7 * (std::fabs(expected) + 1);
          if (!quantizedOutput) {
            float actual;
            std::memcpy(&actual, out + r * outputRow + 4 * n, 4);
            ASSERT_NEAR(actual, expected, bound) << "row " << r << " out " << n;
            continue;
          }
          uint8_t *row = out + r * outputRow;
          float scale;
          std::memcpy(&scale, row + gemcut_q8_scales_offset(c.n) + n / 32 * 4,
                      4);
          ASSERT_NEAR(double(int8_t(row[n])) * scale, expected,
                      bound + 0.5001 * scale)
              << "row " << r << " out " << n;
        }
      if (!quantizedOutput)
        continue;
      // No bit of the quants is wasted, corrections fit, padding is zero.
      for (int64_t r = 0; r < rows; ++r) {
        uint8_t *row = out + r * outputRow;
        for (int64_t g = 0; g < gemcut_q8_scales_offset(c.n) / 32; ++g) {
          int32_t sum = 0, most = 0, correction;
          for (int64_t i = 0; i < 32; ++i) {
            int q = int8_t(row[32 * g + i]);
            sum += q;
            most = std::max(most, std::abs(q));
          }
          std::memcpy(&correction,
                      row + gemcut_q8_corrections_offset(c.n) + 4 * g, 4);
          EXPECT_EQ(correction, -8 * sum);
          EXPECT_LE(most, g < c.n / 32 ? 127 : 0);
          EXPECT_GE(most, g < c.n / 32 ? 64 : 0);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, ProductTest,
    testing::Values(
        Case{"gemv", "int4", "none", "f32", 48, 64, 9, 1, 1.0f},
        Case{"gemv", "int4", "none", "f32", 50, 96, 8, 2, 1.0f},
        Case{"gemv", "int4", "none", "f32", 16, 32, 5, 4, 0.5f},
        Case{"gemv", "int4", "softcap", "f32", 80, 256, 3, 3, 1.0f},
        Case{"gemv", "int4", "gelu_gate", "q8", 96, 64, 8, 2, 1.0f},
        Case{"gemv", "int4", "gelu_gate", "f32", 48, 64, 4, 1, 1.0f},
        Case{"gemv", "int4", "gelu_mul", "q8", 32, 64, 4, 2, 1.0f},
        Case{"gemv", "int4", "none", "f32", 40, 224, 9, 2, 1.0f},
        Case{"gemv", "q4_0", "none", "f32", 50, 96, 8, 2, 1.0f},
        Case{"gemv", "q4_0", "gelu_gate", "q8", 96, 64, 8, 2, 1.0f},
        Case{"gemv", "int8", "none", "f32", 40, 160, 9, 2, 1.0f},
        Case{"gemv", "int8", "gelu_mul", "q8", 64, 1536, 3, 2, 1.0f},
        Case{"gemv", "int8", "gelu_gate", "q8", 64, 96, 4, 2, 1.0f},
        Case{"gemv", "bf16", "none", "f32", 40, 100, 9, 2, 0.25f},
        Case{"gemv", "bf16", "gelu_gate", "f32", 40, 64, 4, 2, 1.0f},
        Case{"gemv", "f32", "none", "f32", 33, 67, 9, 2, 1.0f},
        Case{"gemv", "f32", "gelu_mul", "f32", 32, 64, 4, 2, 1.0f},
        Case{"gemm", "int4", "none", "f32", 80, 128, 27, 3, 1.0f},
        Case{"gemm", "int4", "none", "f32", 48, 1536, 13, 2, 1.0f},
        Case{"gemm", "int4", "gelu_gate", "q8", 96, 64, 14, 4, 1.0f},
        Case{"gemm", "int4", "softcap", "f32", 48, 64, 13, 1, 1.0f},
        Case{"gemm", "int4", "none", "f32", 50, 352, 13, 3, 1.0f},
        Case{"gemm", "q4_0", "none", "f32", 48, 1536, 13, 2, 1.0f},
        Case{"gemm", "q4_0", "gelu_mul", "q8", 96, 96, 13, 4, 1.0f},
        Case{"gemm", "int4", "none", "f32", 48, 96, 13, 2, 1.0f, true},
        Case{"gemm", "q4_0", "none", "f32", 48, 96, 13, 2, 1.0f, true},
        Case{"gemm", "int8", "none", "f32", 50, 96, 27, 2, 1.0f},
        Case{"gemm", "int8", "gelu_mul", "q8", 96, 64, 13, 4, 1.0f},
        Case{"gemm", "bf16", "none", "f32", 50, 98, 27, 2, 1.0f},
        Case{"gemm", "bf16", "gelu_gate", "f32", 48, 64, 13, 2, 1.0f},
        Case{"gemm", "f32", "none", "f32", 50, 65, 27, 2, 2.0f},
        Case{"gemm", "f32", "gelu_gate", "f32", 40, 64, 13, 2, 1.0f}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("{}_{}_{}_{}_n{}_k{}{}", c.op, c.format, c.epilogue,
                         c.output, c.n, c.k, c.extreme ? "_extreme" : "");
    });

} // namespace
