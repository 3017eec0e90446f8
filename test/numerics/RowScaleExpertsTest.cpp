//===- RowScaleExpertsTest.cpp - Experts under one scale per row ----------===//
//
// int2_row, int4_row and int8_row experts times u8 rows, from the grouped rows
// on (ExpertsTest has the choice before them). Products are compared bit by bit
// with what the rounded rows of the arena give, rounded rows with their source.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/StageProgram.h"

#include "compiler/Artifact/Quantize.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace gemcut;
using namespace gemcut::test;

namespace {

struct Case {
  const char *format;
  int64_t experts, chosen, hidden, inner, maxRows, gatedChunk, sumChunk;
  /// Experts round their inputs under scales of their own, the first under each
  /// row's.
  bool hasScales;
  float outputScale; ///< of expert 0; the next one's is 0
};

gemcut_format formatOf(const std::string &name) {
  return name == "int2_row"   ? GEMCUT_INT2_ROW
         : name == "int4_row" ? GEMCUT_INT4_ROW
                              : GEMCUT_INT8_ROW;
}

/// clamp(rint(x / scale), -128, 127)
float level(float x, float scale) {
  return std::min(std::max(std::nearbyint(x / scale), -128.0f), 127.0f);
}

/// A matrix of every expert, packed one below the other.
struct Matrices {
  int64_t columns;
  std::vector<int> quants;                 // (experts * rows, columns)
  std::vector<float> scales, outputScales; // (experts * rows)
  std::vector<uint8_t> packed;

  Matrices(std::mt19937 &rng, const Case &c, int64_t rows, int64_t columns)
      : columns(columns) {
    gemcut_format format = formatOf(c.format);
    int64_t tileBytes = gemcut_tile_bytes(format, columns);
    packed.resize(size_t(c.experts * rows / 16 * tileBytes));
    for (int64_t row = 0; row < c.experts * rows; row += 16) {
      int64_t expert = row / rows;
      float rounding = expert == 1 ? 0 : c.outputScale * float(1 + expert);
      std::vector<float> source = randomValues(rng, 16 * columns, 0.4f);
      uint8_t *tile = &packed[size_t(row / 16 * tileBytes)];
      artifact::packTile(format, source.data(), 16, columns, tile,
                         {nullptr, rounding});
      gemcut_row_tile_header header;
      std::memcpy(&header, tile, sizeof(header));
      for (int64_t lane = 0; lane < 16; ++lane) {
        scales.push_back(header.scales[lane]);
        outputScales.push_back(rounding);
        for (int64_t k = 0; k < columns; ++k)
          quants.push_back(int(std::lround(
              artifact::unpackTileValue(format, tile, lane, k, columns) /
              header.scales[lane])));
      }
    }
  }

  /// Output `row` for a rounded row.
  float multiply(int64_t row, const uint8_t *x) const {
    float scale;
    std::memcpy(&scale, x + gemcut_u8_scale_offset(columns), 4);
    int64_t sum = 0;
    for (int64_t k = 0; k < columns; ++k)
      sum += int64_t(quants[size_t(row * columns + k)]) * (int(x[k]) - 128);
    float y = float(sum) * (scales[size_t(row)] * scale);
    float rounding = outputScales[size_t(row)];
    return rounding == 0 ? y : level(y, rounding) * rounding;
  }
};

double gelu(double u) {
  return 0.5 * u *
         (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
}

/// The stages with their operands.
struct Program {
  const Case &c;
  int64_t pairs = c.maxRows * c.chosen;
  StageProgram stages{c.maxRows};
  Matrices gate, up, down;
  std::vector<float> gatedScales, sumScales; ///< of what experts read
  Operand weights, groups, input, grouped, gated, rounded, output;

  Program(const Case &c, std::mt19937 &rng)
      : c(c), gate(rng, c, c.inner, c.hidden), up(rng, c, c.inner, c.hidden),
        down(rng, c, c.hidden, c.inner) {
    for (int64_t e = 0; e < c.experts; ++e) {
      gatedScales.push_back(e ? 0.004f * float(1 + e % 5) : 0);
      sumScales.push_back(e ? 0.02f * float(1 + e % 7) : 0);
    }
    weights = stages.buffer(c.chosen, "f32");
    groups = stages.buffer(2 + 2 * c.experts + pairs, "i32", /*rows=*/1);
    input = stages.buffer(c.hidden, c.hasScales ? "f32" : "u8");
    grouped = stages.buffer(c.hidden, "u8", pairs);
    gated = stages.buffer(c.inner, "f32", pairs);
    rounded = stages.buffer(c.inner, "u8", pairs);
    output = stages.buffer(c.hidden, "f32");
    Operand first = stages.vector(gatedScales);
    Operand second = stages.vector(sumScales);

    std::vector<uint8_t> both;
    auto tileBytes = gemcut_tile_bytes(formatOf(c.format), c.hidden);
    for (int64_t at = 0; at < int64_t(gate.packed.size()); at += tileBytes)
      for (const Matrices *matrix : {&gate, &up})
        both.insert(both.end(), matrix->packed.begin() + at,
                    matrix->packed.begin() + at + tileBytes);
    Operand gateUp =
        stages.weight(fmt::format("!kernel.weight<{} x {}, {}, interleaved>",
                                  2 * c.experts * c.inner, c.hidden, c.format),
                      both);
    Operand downs =
        stages.weight(fmt::format("!kernel.weight<{} x {}, {}, tiles>",
                                  c.experts * c.hidden, c.inner, c.format),
                      down.packed);

    auto attributes = [&](const char *more, const char *dim, int64_t size) {
      return fmt::format(
          "{{{}experts = {} : i64, partition = #kernel.partition<{}, {}>}}",
          more, c.experts, dim, size);
    };
    std::string chosen = fmt::format("chosen = {} : i64, ", c.chosen);
    auto quantize = [&](const Operand &from, const Operand &scale,
                        const Operand &to, const char *more) {
      stages.stage(fmt::format(
          "kernel.expert_quantize %n, {}, {}{} outs {} {} : {}, {}{}, {}",
          from.name, groups.name, c.hasScales ? " scale " + scale.name : "",
          to.name, attributes((chosen + more).c_str(), "rows", 1), from.type,
          groups.type, c.hasScales ? " scale " + scale.type : "", to.type));
    };
    if (c.hasScales)
      quantize(input, first, grouped, "");
    else
      stages.stage(fmt::format(
          "kernel.group_rows %n, {}, {} outs {} {} : {}, {}, {}", input.name,
          groups.name, grouped.name, attributes("", "rows", 1), input.type,
          groups.type, grouped.type));
    stages.stage(fmt::format(
        "kernel.expert_gated %n, {}, {}, {} outs {} {} : {}, {}, {}, {}",
        grouped.name, gateUp.name, groups.name, gated.name,
        attributes(chosen.c_str(), "tiles", c.gatedChunk), grouped.type,
        gateUp.type, groups.type, gated.type));
    quantize(gated, second, rounded, "grouped, ");
    stages.stage(fmt::format(
        "kernel.expert_sum %n, {}, {}, {}, {} outs {} {} : {}, {}, {}, {}, {}",
        rounded.name, downs.name, groups.name, weights.name, output.name,
        attributes("", "tiles", c.sumChunk), rounded.type, downs.type,
        groups.type, weights.type, output.type));
  }

  const uint8_t *getRow(Bytes &arena, const Operand &buffer, int64_t row) {
    return arena.data() + buffer.offset + row * buffer.rowBytes;
  }

  /// Expects `row` of `buffer` to be `source` under `scale`, or its own if 0.
  void expectRounded(Bytes &arena, const Operand &buffer, int64_t row,
                     const std::vector<float> &source, float scale) {
    const uint8_t *bytes = getRow(arena, buffer, row);
    float stored;
    std::memcpy(&stored, bytes + gemcut_u8_scale_offset(buffer.columns), 4);
    float largest = 0;
    for (float x : source)
      largest = std::max(largest, std::fabs(x));
    if (scale == 0)
      ASSERT_NEAR(stored, largest / 127, 1e-6 * largest);
    else
      ASSERT_EQ(stored, scale);
    for (size_t k = 0; k < source.size(); ++k) {
      int q = int(bytes[k]) - 128;
      if (scale == 0)
        ASSERT_NEAR(float(q) * stored, source[k], 0.5001f * stored) << k;
      else
        ASSERT_EQ(q, level(source[k], scale)) << k;
    }
  }
};

/// Pairs (row, place of the row's choice) of each expert, ascending.
using Users = std::vector<std::vector<int64_t>>;

Users choose(std::mt19937 &rng, const Case &c, int64_t rows) {
  Users users(static_cast<size_t>(c.experts));
  std::vector<size_t> order(users.size());
  std::iota(order.begin(), order.end(), 0);
  for (int64_t r = 0; r < rows; ++r) {
    std::shuffle(order.begin(), order.end(), rng);
    for (int64_t i = 0; i < c.chosen; ++i)
      users[order[size_t(i)]].push_back(r * c.chosen + i);
  }
  return users;
}

/// Writes what kernel.route says of `users`.
void putGroups(Bytes &arena, const Program &program, const Users &users) {
  auto *numbers = arena.at<int32_t>(program.groups.offset);
  int64_t experts = program.c.experts;
  int32_t count = 0, place = 0;
  for (size_t expert = 0; expert < users.size(); ++expert) {
    if (users[expert].empty())
      continue;
    numbers[1 + count] = int32_t(expert);
    numbers[1 + experts + count++] = place;
    for (int64_t pair : users[expert])
      numbers[2 + 2 * experts + place++] = int32_t(pair);
  }
  numbers[1 + experts + count] = place;
  numbers[0] = count;
}

class RowScaleExpertsTest : public testing::TestWithParam<Case> {};

TEST_P(RowScaleExpertsTest, MatchesReferenceOnEveryLevel) {
  const Case &c = GetParam();
  std::mt19937 rng(unsigned(c.experts * 131 + c.inner));
  Program program(c, rng);
  Bytes blob = program.stages.makeWeights();
  for (const targets::IsaLevel &isa : allLevels()) {
    CompiledKernel kernel(program.stages.text(), isa);
    for (int64_t rows : {int64_t(1), int64_t(2), int64_t(5), c.maxRows}) {
      SCOPED_TRACE(fmt::format("{} rows {}", isa.name, rows));
      Bytes arena = program.stages.makeArena();
      Users users = choose(rng, c, rows);
      putGroups(arena, program, users);
      std::vector<float> weights = randomValues(rng, rows * c.chosen, 1);
      putRows(arena, program.weights, weights);
      std::vector<float> input = randomValues(rng, rows * c.hidden, 1);
      if (c.hasScales)
        putRows(arena, program.input, input);
      for (int64_t r = 0; r < rows && !c.hasScales; ++r) {
        uint8_t *row =
            arena.data() + program.input.offset + r * program.input.rowBytes;
        float scale = 0.001f * float(1 + rng() % 50);
        std::memcpy(row + gemcut_u8_scale_offset(c.hidden), &scale, 4);
        for (int64_t k = 0; k < c.hidden; ++k)
          row[k] = uint8_t(rng());
      }
      gemcut_step step{};
      step.weights = blob.data();
      step.arena = arena.data();
      step.rows = rows;
      step.fetch_ahead = rows == 2;
      kernel.run("decode", step, rows % 2 ? 1 : 3);

      std::vector<std::vector<double>> sums(
          size_t(rows), std::vector<double>(size_t(c.hidden)));
      std::vector<std::vector<double>> bounds = sums;
      int64_t place = 0;
      for (int64_t expert = 0; expert < c.experts; ++expert)
        for (int64_t pair : users[size_t(expert)]) {
          SCOPED_TRACE(fmt::format("expert {} pair {}", expert, pair));
          int64_t row = pair / c.chosen;
          auto scaleOf = [&](const std::vector<float> &scales) {
            return c.hasScales ? scales[size_t(expert)] : 0;
          };
          const uint8_t *x = program.getRow(arena, program.grouped, place);
          if (c.hasScales)
            program.expectRounded(arena, program.grouped, place,
                                  {input.begin() + row * c.hidden,
                                   input.begin() + (row + 1) * c.hidden},
                                  scaleOf(program.gatedScales));
          else
            ASSERT_EQ(std::memcmp(x, program.getRow(arena, program.input, row),
                                  size_t(program.input.rowBytes)),
                      0);
          std::vector<double> expected, gatedBounds;
          std::vector<float> source;
          for (int64_t n = 0; n < c.inner; ++n) {
            double gate = program.gate.multiply(expert * c.inner + n, x);
            double up = program.up.multiply(expert * c.inner + n, x);
            expected.push_back(gelu(gate) * up);
            gatedBounds.push_back(1e-6 *
                                  (std::fabs(expected.back()) + std::fabs(up)));
            source.push_back(getF32(arena, program.gated, place, n));
          }
          expectRow(arena, program.gated, place, expected, gatedBounds);
          program.expectRounded(arena, program.rounded, place, source,
                                scaleOf(program.sumScales));
          x = program.getRow(arena, program.rounded, place);
          double weight = weights[size_t(pair)];
          for (int64_t h = 0; h < c.hidden; ++h) {
            double y = weight * program.down.multiply(expert * c.hidden + h, x);
            sums[size_t(row)][size_t(h)] += y;
            bounds[size_t(row)][size_t(h)] +=
                double(c.chosen) * tolerance::kU * std::fabs(y);
          }
          ++place;
          if (HasFatalFailure())
            return;
        }
      for (int64_t r = 0; r < rows; ++r)
        expectRow(arena, program.output, r, sums[size_t(r)], bounds[size_t(r)]);
      for (const Operand *buffer :
           {&program.grouped, &program.gated, &program.rounded})
        expectUntouched(arena, *buffer, place, program.pairs);
      expectUntouched(arena, program.output, rows, c.maxRows);
      if (HasFailure())
        return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RowScaleExpertsTest,
    testing::Values(Case{"int2_row", 8, 2, 64, 32, 8, 2, 4, false, 0},
                    Case{"int2_row", 5, 3, 96, 96, 40, 3, 3, true, 0.2f},
                    Case{"int4_row", 8, 2, 64, 32, 8, 1, 2, true, 0.1f},
                    Case{"int4_row", 128, 8, 64, 96, 8, 4, 4, false, 0},
                    Case{"int4_row", 8, 1, 160, 32, 33, 2, 5, true, 0},
                    Case{"int4_row", 4, 4, 96, 160, 40, 6, 5, false, 0.3f},
                    Case{"int8_row", 20, 8, 96, 64, 33, 4, 16, true, 0.4f},
                    Case{"int8_row", 3, 2, 96, 32, 8, 2, 3, false, 0}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("{}_{}of{}_h{}_i{}_m{}{}", c.format, c.chosen,
                         c.experts, c.hidden, c.inner, c.maxRows,
                         c.hasScales ? "_scales" : "");
    });

} // namespace
