//===- ExpertsTest.cpp - Routing, grouping and products of experts --------===//
//
// The four stages of a mixture of experts in a row. What each writes is
// compared with an f64 evaluation of what it was given, at row counts on both
// sides of the register blocks, on every ISA level of this CPU.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/StageProgram.h"

#include "compiler/Artifact/Quantize.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <sys/mman.h>

using namespace gemcut;
using namespace gemcut::test;

namespace {

struct Case {
  const char *format;
  int64_t experts, chosen, hidden, inner, maxRows, gatedChunk, sumChunk;
  bool quantizedOutput; ///< of expert_gated
};

gemcut_format formatOf(const std::string &name) {
  return name == "f32"    ? GEMCUT_F32
         : name == "bf16" ? GEMCUT_BF16
         : name == "int8" ? GEMCUT_INT8
         : name == "q4_0" ? GEMCUT_Q4_0
                          : GEMCUT_INT4;
}

/// A packed matrix and the values that its tiles stand for.
struct Matrix {
  std::vector<double> values; ///< (rows, columns)
  std::vector<uint8_t> packed;
};

Matrix pack(gemcut_format format, const std::vector<float> &source,
            int64_t columns) {
  int64_t rows = int64_t(source.size()) / columns;
  int64_t tileBytes = gemcut_tile_bytes(format, columns);
  Matrix matrix{std::vector<double>(source.size()),
                std::vector<uint8_t>(size_t(rows / 16 * tileBytes))};
  for (int64_t row = 0; row < rows; row += 16) {
    uint8_t *tile = &matrix.packed[size_t(row / 16 * tileBytes)];
    artifact::packTile(format, &source[size_t(row * columns)], 16, columns,
                       tile);
    for (int64_t i = 0; i < 16 * columns; ++i)
      matrix.values[size_t(row * columns + i)] = artifact::unpackTileValue(
          format, tile, i / columns, i % columns, columns);
  }
  return matrix;
}

/// Tiles of `a` and `b` in turns.
std::vector<uint8_t> interleave(const Matrix &a, const Matrix &b,
                                int64_t tileBytes) {
  std::vector<uint8_t> both;
  for (size_t at = 0; at < a.packed.size(); at += size_t(tileBytes))
    for (const Matrix *matrix : {&a, &b})
      both.insert(both.end(), matrix->packed.begin() + int64_t(at),
                  matrix->packed.begin() + int64_t(at) + tileBytes);
  return both;
}

double gelu(double u) {
  return 0.5 * u *
         (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
}

/// The stages with their operands.
struct Program {
  const Case &c;
  gemcut_format format = formatOf(c.format);
  bool quantized = format != GEMCUT_F32 && format != GEMCUT_BF16;
  int64_t pairs = c.maxRows * c.chosen;
  StageProgram stages{c.maxRows};
  Matrix gate, up, down;
  std::vector<float> scale;
  Operand logits, weights, experts, groups, input, grouped, gated, output;
  Operand gateUpWeight, downWeight;

  Program(const Case &c, std::mt19937 &rng) : c(c) {
    scale = randomValues(rng, c.experts, 1.5f);
    gate = pack(format, randomValues(rng, c.experts * c.inner * c.hidden, 0.4f),
                c.hidden);
    up = pack(format, randomValues(rng, c.experts * c.inner * c.hidden, 0.4f),
              c.hidden);
    down = pack(format, randomValues(rng, c.experts * c.hidden * c.inner, 0.4f),
                c.inner);
    const char *element = quantized ? "q8" : "f32";
    logits = stages.buffer(c.experts, "f32");
    weights = stages.buffer(c.chosen, "f32");
    experts = stages.buffer(c.chosen, "i32");
    groups = stages.buffer(2 + 2 * c.experts + pairs, "i32", /*rows=*/1);
    input = stages.buffer(c.hidden, element);
    grouped = stages.buffer(c.hidden, element, pairs);
    gated = stages.buffer(c.inner, c.quantizedOutput ? "q8" : "f32", pairs);
    output = stages.buffer(c.hidden, "f32");
    Operand scales = stages.vector(scale);
    gateUpWeight = stages.weight(
        fmt::format("!kernel.weight<{} x {}, {}, interleaved>",
                    2 * c.experts * c.inner, c.hidden, c.format),
        interleave(gate, up, gemcut_tile_bytes(format, c.hidden)));
    downWeight =
        stages.weight(fmt::format("!kernel.weight<{} x {}, {}, tiles>",
                                  c.experts * c.hidden, c.inner, c.format),
                      down.packed);
    auto rows = "partition = #kernel.partition<rows, 1>";
    auto tiles = [](int64_t size) {
      return fmt::format("partition = #kernel.partition<tiles, {}>", size);
    };
    stages.stage(fmt::format(
        "kernel.route %n, {}, {} outs {}, {}, {} {{{}}} : {}, {}, {}, {}, {}",
        logits.name, scales.name, weights.name, experts.name, groups.name, rows,
        logits.type, scales.type, weights.type, experts.type, groups.type));
    stages.stage(fmt::format(
        "kernel.group_rows %n, {}, {} outs {} {{experts = {} : i64, {}}} : {}, "
        "{}, {}",
        input.name, groups.name, grouped.name, c.experts, rows, input.type,
        groups.type, grouped.type));
    stages.stage(fmt::format(
        "kernel.expert_gated %n, {}, {}, {} outs {} {{chosen = {} : i64, "
        "experts = {} : i64, {}}} : {}, {}, {}, {}",
        grouped.name, gateUpWeight.name, groups.name, gated.name, c.chosen,
        c.experts, tiles(c.gatedChunk), grouped.type, gateUpWeight.type,
        groups.type, gated.type));
    if (c.quantizedOutput == quantized)
      stages.stage(fmt::format(
          "kernel.expert_sum %n, {}, {}, {}, {} outs {} {{experts = {} : i64, "
          "{}}} : {}, {}, {}, {}, {}",
          gated.name, downWeight.name, groups.name, weights.name, output.name,
          c.experts, tiles(c.sumChunk), gated.type, downWeight.type,
          groups.type, weights.type, output.type));
  }

  /// Writes random input rows and returns their values.
  std::vector<double> putInput(Bytes &arena, std::mt19937 &rng, int64_t rows) {
    std::vector<float> values = randomValues(rng, rows * c.hidden, 1);
    if (!quantized) {
      putRows(arena, input, values);
      return {values.begin(), values.end()};
    }
    for (int64_t r = 0; r < rows; ++r) {
      uint8_t *row = arena.data() + input.offset + r * input.rowBytes;
      std::memset(row, 0, size_t(input.rowBytes));
      for (int64_t g = 0; g < gemcut_q8_scales_offset(c.hidden) / 32; ++g) {
        float step = std::ldexp(1.0f, -7 - int(rng() % 3));
        int32_t sum = 0;
        for (int64_t i = 32 * g; i < 32 * (g + 1); ++i) {
          int q = i < c.hidden ? int(rng() % 255) - 127 : 0;
          row[i] = uint8_t(int8_t(q));
          sum += q;
          if (i < c.hidden)
            values[size_t(r * c.hidden + i)] = float(q) * step;
        }
        sum *= -8;
        std::memcpy(row + gemcut_q8_scales_offset(c.hidden) + 4 * g, &step, 4);
        std::memcpy(row + gemcut_q8_corrections_offset(c.hidden) + 4 * g, &sum,
                    4);
      }
    }
    return {values.begin(), values.end()};
  }

  double getGated(Bytes &arena, int64_t row, int64_t column) {
    if (!c.quantizedOutput)
      return getF32(arena, gated, row, column);
    const uint8_t *bytes = arena.data() + gated.offset + row * gated.rowBytes;
    float step;
    std::memcpy(&step,
                bytes + gemcut_q8_scales_offset(c.inner) + column / 32 * 4, 4);
    return double(int8_t(bytes[column])) * step;
  }

  int32_t getGroup(Bytes &arena, int64_t column) {
    return *arena.at<int32_t>(groups.offset + 4 * column);
  }
};

/// sum_k matrix[row][k] * x[k] and the sum of magnitudes.
struct Dot {
  double sum = 0, magnitude = 0;
};

template <typename GetValue>
Dot dot(const Matrix &matrix, int64_t row, int64_t columns, GetValue x) {
  Dot result;
  for (int64_t k = 0; k < columns; ++k) {
    double term = matrix.values[size_t(row * columns + k)] * x(k);
    result.sum += term;
    result.magnitude += std::fabs(term);
  }
  return result;
}

/// f32 sums of `count` products, see ProductTest.
double sumBound(int64_t count, double magnitude) {
  return 6e-8 * (4 + double(count) / 8) * (magnitude + 1);
}

class ExpertsTest : public testing::TestWithParam<Case> {};

TEST_P(ExpertsTest, MatchesReferenceOnEveryLevel) {
  const Case &c = GetParam();
  std::mt19937 rng(unsigned(c.experts * 131 + c.inner));
  Program program(c, rng);
  Bytes blob = program.stages.makeWeights();
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.stages.text(), level);
    for (int64_t rows : {int64_t(1), int64_t(2), int64_t(5), c.maxRows}) {
      SCOPED_TRACE(fmt::format("{} rows {}", level.name, rows));
      Bytes arena = program.stages.makeArena();
      // Few different values, so that there are ties.
      std::vector<float> logits = randomValues(rng, rows * c.experts, 3);
      for (float &logit : logits)
        logit = std::round(logit * 4) / 4;
      putRows(arena, program.logits, logits);
      std::vector<double> input = program.putInput(arena, rng, rows);
      gemcut_step step{};
      step.weights = blob.data();
      step.arena = arena.data();
      step.rows = rows;
      kernel.run("decode", step, rows % 2 ? 1 : 3);

      // The choice and its weights.
      std::vector<std::vector<int64_t>> users(size_t(c.experts)); // pairs
      std::vector<float> weights;
      for (int64_t r = 0; r < rows; ++r) {
        const float *row = &logits[size_t(r * c.experts)];
        std::vector<int64_t> order(static_cast<size_t>(c.experts));
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int64_t a, int64_t b) { return row[a] > row[b]; });
        double total = 0;
        for (int64_t i = 0; i < c.chosen; ++i)
          total += std::exp(double(row[order[size_t(i)]] - row[order[0]]));
        std::vector<double> expected, bounds;
        for (int64_t i = 0; i < c.chosen; ++i) {
          int64_t expert = order[size_t(i)];
          ASSERT_EQ(*arena.at<int32_t>(program.experts.offset +
                                       4 * (r * c.chosen + i)),
                    expert);
          users[size_t(expert)].push_back(r * c.chosen + i);
          expected.push_back(std::exp(double(row[expert] - row[order[0]])) /
                             total * program.scale[size_t(expert)]);
          bounds.push_back(
              std::fabs(expected.back()) *
              (2 * tolerance::kExp.rel + double(c.chosen + 6) * tolerance::kU));
        }
        expectRow(arena, program.weights, r, expected, bounds);
        for (int64_t i = 0; i < c.chosen; ++i)
          weights.push_back(getF32(arena, program.weights, r, i));
      }

      // Groups in order of experts, and rows in order of groups.
      int64_t count = 0, place = 0;
      std::vector<std::vector<double>> sums(
          size_t(rows), std::vector<double>(size_t(c.hidden)));
      std::vector<std::vector<double>> bounds = sums;
      for (int64_t expert = 0; expert < c.experts; ++expert) {
        if (users[size_t(expert)].empty())
          continue;
        ASSERT_EQ(program.getGroup(arena, 1 + count), expert);
        ASSERT_EQ(program.getGroup(arena, 1 + c.experts + count), place);
        ++count;
        for (int64_t pair : users[size_t(expert)]) {
          SCOPED_TRACE(fmt::format("expert {} pair {}", expert, pair));
          ASSERT_EQ(program.getGroup(arena, 2 + 2 * c.experts + place), pair);
          int64_t row = pair / c.chosen;
          ASSERT_EQ(
              std::memcmp(arena.data() + program.grouped.offset +
                              place * program.grouped.rowBytes,
                          arena.data() + program.input.offset +
                              row * program.input.rowBytes,
                          size_t(program.quantized ? program.input.rowBytes
                                                   : 4 * c.hidden)),
              0);
          std::vector<double> expected, gatedBounds;
          for (int64_t n = 0; n < c.inner; ++n) {
            auto x = [&](int64_t k) {
              return input[size_t(row * c.hidden + k)];
            };
            int64_t at = expert * c.inner + n;
            Dot gate = dot(program.gate, at, c.hidden, x);
            Dot up = dot(program.up, at, c.hidden, x);
            double value = gelu(gate.sum);
            expected.push_back(value * up.sum);
            double factor = 1.2 * std::fabs(up.sum) + std::fabs(value) + 1;
            gatedBounds.push_back(
                sumBound(c.hidden, std::max(gate.magnitude, up.magnitude)) *
                    factor +
                3e-7 * (std::fabs(expected.back()) + 1));
          }
          if (c.quantizedOutput)
            expectQ8Row(arena, program.gated, place, expected, gatedBounds);
          else
            expectRow(arena, program.gated, place, expected, gatedBounds);
          double weight = weights[size_t(pair)];
          for (int64_t h = 0; h < c.hidden; ++h) {
            Dot y = dot(
                program.down, expert * c.hidden + h, c.inner,
                [&](int64_t k) { return program.getGated(arena, place, k); });
            sums[size_t(row)][size_t(h)] += weight * y.sum;
            bounds[size_t(row)][size_t(h)] +=
                std::fabs(weight) * sumBound(c.inner, 2 * y.magnitude);
          }
          ++place;
          if (HasFailure())
            return;
        }
      }
      ASSERT_EQ(program.getGroup(arena, 0), count);
      ASSERT_EQ(program.getGroup(arena, 1 + c.experts + count), place);
      if (c.quantizedOutput != program.quantized)
        continue;
      for (int64_t r = 0; r < rows; ++r)
        expectRow(arena, program.output, r, sums[size_t(r)], bounds[size_t(r)]);
      expectUntouched(arena, program.gated, place, program.pairs);
      expectUntouched(arena, program.output, rows, c.maxRows);
      if (HasFailure())
        return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ExpertsTest,
    testing::Values(Case{"f32", 8, 2, 64, 32, 8, 2, 4, false},
                    Case{"f32", 8, 2, 64, 16, 40, 32, 1, false},
                    Case{"bf16", 5, 3, 48, 48, 23, 2, 2, false},
                    Case{"bf16", 16, 1, 32, 32, 8, 1, 32, true},
                    Case{"int8", 8, 2, 64, 32, 8, 2, 3, true},
                    Case{"int8", 20, 8, 96, 64, 33, 4, 16, true},
                    Case{"int4", 128, 8, 64, 96, 8, 4, 4, true},
                    Case{"int4", 8, 8, 160, 96, 40, 6, 5, true},
                    Case{"int4", 4, 2, 64, 32, 40, 2, 4, false},
                    Case{"q4_0", 8, 2, 64, 32, 40, 2, 2, true}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("{}_{}of{}_h{}_i{}_m{}{}", c.format, c.chosen,
                         c.experts, c.hidden, c.inner, c.maxRows,
                         c.quantizedOutput ? "_q8" : "");
    });

// Pages of all other experts cannot be read.
TEST(ExpertsTest, ReadsTheChosenExpertsAlone) {
  constexpr int64_t kPage = 4096;
  std::mt19937 rng(7);
  for (int64_t maxRows : {8, 40}) {
    Case c{"f32", 8, 2, 64, 32, maxRows, 2, 4, false};
    Program program(c, rng);
    Bytes blob = program.stages.makeWeights();
    // Matrices on pages of their own: the program's offsets move by `shift`.
    int64_t expertBytes = 2 * c.inner * c.hidden * 4;
    ASSERT_EQ(expertBytes % kPage, 0);
    int64_t shift = kPage - program.gateUpWeight.offset;
    ASSERT_EQ((program.downWeight.offset + shift) % kPage, 0);
    int64_t size = gemcut_round_up(shift + blob.size(), kPage);
    void *memory = mmap(nullptr, size_t(size), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    auto *pages = static_cast<uint8_t *>(memory);
    std::memcpy(pages + shift, blob.data(), size_t(blob.size()));
    std::vector<float> logits(size_t(2 * c.experts));
    logits[3] = logits[6] = 1;         // row 0
    logits[size_t(c.experts + 6)] = 1; // row 1
    logits[size_t(c.experts + 1)] = 2; // row 1
    for (int64_t expert : {0, 2, 4, 5, 7})
      for (const Operand *weight : {&program.gateUpWeight, &program.downWeight})
        ASSERT_EQ(
            mprotect(pages + shift + weight->offset + expert * expertBytes,
                     size_t(expertBytes), PROT_NONE),
            0);
    for (const targets::IsaLevel &level : hostLevels()) {
      CompiledKernel kernel(program.stages.text(), level);
      Bytes arena = program.stages.makeArena();
      putRows(arena, program.logits, logits);
      program.putInput(arena, rng, 2);
      gemcut_step step{};
      step.weights = pages + shift;
      step.arena = arena.data();
      step.rows = 2;
      step.fetch_ahead = 1;
      kernel.run("decode", step, 2);
      EXPECT_EQ(program.getGroup(arena, 0), 3) << level.name;
    }
    munmap(memory, size_t(size));
  }
}

} // namespace
