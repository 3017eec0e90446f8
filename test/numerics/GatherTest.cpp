//===- GatherTest.cpp - Rows of packed tables against a reference ---------===//
//
// Tables are written element by element from packed_layout.h: every format and
// both layouts, widths with tails, ids at the ends of tiles and of the table.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/StageProgram.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::test;

namespace {

/// A table of random quants and the values it stands for.
struct Table {
  std::vector<double> values; // (rows, columns)
  std::vector<uint8_t> bytes;
};

gemcut_format formatOf(const std::string &name) {
  return name == "f32"        ? GEMCUT_F32
         : name == "bf16"     ? GEMCUT_BF16
         : name == "int8"     ? GEMCUT_INT8
         : name == "q4_0"     ? GEMCUT_Q4_0
         : name == "int2_row" ? GEMCUT_INT2_ROW
         : name == "int4_row" ? GEMCUT_INT4_ROW
         : name == "int8_row" ? GEMCUT_INT8_ROW
                              : GEMCUT_INT4;
}

template <typename T> void put(uint8_t *target, T value) {
  std::memcpy(target, &value, sizeof(T));
}

Table randomTable(std::mt19937 &rng, const std::string &name, bool tiles,
                  int64_t rows, int64_t columns, int64_t scales) {
  gemcut_format format = formatOf(name);
  int64_t bits = gemcut_row_format_bits(format);
  int64_t rowBytes = gemcut_table_row_bytes(format, columns, scales);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Table table;
  // Padding holds other finite values, which must not appear.
  table.bytes.resize(tiles ? gemcut_tiled_bytes(format, rows, columns)
                           : gemcut_table_bytes(rowBytes, rows),
                     0x11);
  for (int64_t r = 0; r < rows; ++r) {
    uint8_t *tile = table.bytes.data() +
                    (tiles ? r / 16 * gemcut_tile_bytes(format, columns)
                           : gemcut_table_row_offset(rowBytes, r));
    int64_t lane = r % 16;
    double scale = 0;
    float rowScale = 0;
    for (int64_t c = 0; c < columns; ++c) {
      int64_t group = c / 32, k = c % 32;
      double value = uniform(rng);
      if (format == GEMCUT_F32) {
        value = float(value);
        put(tile + (tiles ? c * 64 + lane * 4 : c * 4), float(value));
      } else if (format == GEMCUT_BF16) {
        uint16_t bits = toBf16(float(value));
        value = fromBf16(bits);
        put(tile + (tiles ? c / 2 * 64 + lane * 4 + c % 2 * 2 : 2 * c), bits);
      } else if (bits) {
        int64_t blockColumns = columns / scales;
        if (tiles ? c == 0 : c % blockColumns == 0) {
          rowScale = uniform(rng);
          put(tile + (tiles ? 4 * lane
                            : gemcut_round_up(columns * bits / 8, 4) +
                                  4 * (c / blockColumns)),
              rowScale);
        }
        int q = int(rng() % (1u << bits)) - (1 << (bits - 1));
        int mask = (1 << bits) - 1, stored = q & mask;
        int64_t byte, shift;
        if (tiles) { // in blocks of 64 columns, two's complement
          int64_t inBlock = c % 64, v = inBlock % 16 / 4;
          int64_t vector = bits == 2   ? v
                           : bits == 4 ? inBlock / 32 * 4 + v
                                       : inBlock / 4;
          byte = 192 + c / 64 * 128 * bits + 64 * vector + 4 * lane + c % 4;
          shift = bits == 2   ? inBlock / 16 * 2
                  : bits == 4 ? inBlock / 16 % 2 * 4
                              : 0;
        } else {
          byte = c * bits / 8;
          shift = c * bits % 8;
          stored = bits == 8 ? q : q + (1 << (bits - 1));
        }
        tile[byte] = uint8_t((tile[byte] & ~(mask << shift)) | stored << shift);
        value = double(q) * rowScale;
      } else {
        int64_t perBlock = format == GEMCUT_INT4 ? 4 : 2;
        int64_t blockBytes = format == GEMCUT_Q4_0 ? 576 : 1088;
        uint8_t *block = tile + (format == GEMCUT_INT4 ? 64 : 0) +
                         group / perBlock * blockBytes;
        int64_t inBlock = group % perBlock;
        if (k == 0 && format == GEMCUT_INT4) {
          if (group == 0)
            rowScale = 0.0005f + 0.001f * std::fabs(uniform(rng));
          put(tile + 4 * lane, rowScale);
          int code = int(rng() % 256);
          block[inBlock * 16 + lane] = uint8_t(code);
          scale = rowScale * std::ldexp(1 + code % 16 / 16.0f, code / 16 % 8);
          scale = code >= 128 ? -scale : scale;
        } else if (k == 0) {
          uint16_t bits = toHalf(0.01f + 0.05f * std::fabs(uniform(rng)));
          scale = fromHalf(bits);
          put(tiles ? block + inBlock * 32 + lane * 2
                    : tile + columns + group * 2,
              bits);
        }
        if (format == GEMCUT_INT4 || format == GEMCUT_Q4_0) {
          int q = int(rng() % 16);
          uint8_t &byte =
              block[64 + inBlock * 256 + k % 16 / 4 * 64 + lane * 4 + k % 4];
          byte = uint8_t(k < 16 ? (byte & 0xF0) | q : (byte & 0x0F) | q << 4);
          value = double(q - 8) * scale;
        } else {
          int q = int(rng() % 255) - 127;
          if (tiles)
            block[64 + inBlock * 512 + k / 4 * 64 + lane * 4 + k % 4] =
                uint8_t(q + 128);
          else
            tile[c] = uint8_t(int8_t(q));
          value = double(q) * scale;
        }
      }
      table.values.push_back(value);
    }
  }
  return table;
}

struct Case {
  const char *format, *layout;
  int64_t columns, scales = 1;
};

class GatherTest : public testing::TestWithParam<Case> {};

TEST_P(GatherTest, MatchesReference) {
  const Case &c = GetParam();
  const int64_t tableRows = 50, maxRows = 33;
  const double scale = 39.1918f;
  std::mt19937 rng{unsigned(c.columns)};
  Table table = randomTable(rng, c.format, std::string(c.layout) == "tiles",
                            tableRows, c.columns, c.scales);
  StageProgram program(maxRows);
  Operand out = program.buffer(c.columns, "f32");
  Operand weight = program.weight(
      fmt::format("!kernel.weight<{} x {}, {}, {}{}>", tableRows, c.columns,
                  c.format, c.layout,
                  c.scales == 1 ? "" : fmt::format(", scales = {}", c.scales)),
      table.bytes);
  program.stage(fmt::format(
      "kernel.gather %n, %ids, {} outs {} {{scale = 39.1918 : f32, partition = "
      "#kernel.partition<rows, 2>}} : !kernel.buffer<{} x 1, i32>, {}, {}",
      weight.name, out.name, maxRows, weight.type, out.type));
  std::vector<int32_t> ids{0, 1, 15, 16, 17, 31, 32, 49, 48};
  while (int64_t(ids.size()) < maxRows)
    ids.push_back(int32_t(rng() % tableRows));
  Bytes weights = program.makeWeights();
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t rows : {int64_t(1), int64_t(2), int64_t(9), maxRows}) {
      SCOPED_TRACE(fmt::format("{}, {} rows", level.name, rows));
      Bytes arena = program.makeArena();
      gemcut_step step{};
      step.weights = weights.data();
      step.arena = arena.data();
      step.rows = rows;
      step.tokens = ids.data();
      kernel.run("decode", step, rows % 2 ? 1 : 3);
      for (int64_t r = 0; r < rows; ++r) {
        std::vector<double> expected, bounds;
        for (int64_t i = 0; i < c.columns; ++i) {
          expected.push_back(scale * table.values[ids[r] * c.columns + i]);
          bounds.push_back(tolerance::kScaled.bound(expected.back()));
        }
        expectRow(arena, out, r, expected, bounds);
      }
      expectUntouched(arena, out, rows, maxRows);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, GatherTest,
    testing::Values(
        Case{"int4", "tiles", 32}, Case{"int4", "tiles", 96},
        Case{"int4", "tiles", 1536}, Case{"q4_0", "tiles", 96},
        Case{"q4_0", "tiles", 160}, Case{"int8", "tiles", 32},
        Case{"int8", "tiles", 96}, Case{"int8", "tiles", 2560},
        Case{"int2_row", "tiles", 32}, Case{"int2_row", "tiles", 96},
        Case{"int2_row", "tiles", 1536}, Case{"int4_row", "tiles", 32},
        Case{"int4_row", "tiles", 160}, Case{"int8_row", "tiles", 32},
        Case{"int8_row", "tiles", 96}, Case{"int2_row", "rows", 32},
        Case{"int2_row", "rows", 96}, Case{"int2_row", "rows", 1536},
        Case{"int2_row", "rows", 192, 12}, Case{"int4_row", "rows", 32},
        Case{"int4_row", "rows", 96, 3}, Case{"int4_row", "rows", 8960, 35},
        Case{"int8_row", "rows", 32}, Case{"int8_row", "rows", 96, 6},
        Case{"bf16", "tiles", 2}, Case{"bf16", "tiles", 17},
        Case{"bf16", "tiles", 96}, Case{"bf16", "tiles", 1536},
        Case{"f32", "tiles", 4}, Case{"f32", "tiles", 31},
        Case{"f32", "tiles", 256}, Case{"int8", "rows", 32},
        Case{"int8", "rows", 96}, Case{"int8", "rows", 8960},
        Case{"bf16", "rows", 2}, Case{"bf16", "rows", 31},
        Case{"bf16", "rows", 1536}, Case{"f32", "rows", 17},
        Case{"f32", "rows", 64}, Case{"f32", "rows", 2560}),
    [](const testing::TestParamInfo<Case> &info) {
      return fmt::format("{}_{}_c{}_s{}", info.param.format, info.param.layout,
                         info.param.columns, info.param.scales);
    });

} // namespace
