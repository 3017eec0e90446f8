//===- RowsTest.cpp - Stages on rows against an f64 reference -------------===//
//
// load_rows, rope_table, rms_norm, quantize, ple_inputs, residual_norm: at
// widths with every kind of tail, few and many rows, several chunk sizes and
// threads, on every ISA level of this CPU.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/StageProgram.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

using namespace gemcut;
using namespace gemcut::test;

namespace {

constexpr double kEps = 1e-6;

/// `count` values with rows of very different size and a few large elements.
std::vector<float> randomRows(std::mt19937 &rng, int64_t rows,
                              int64_t columns) {
  std::vector<float> values = randomValues(rng, rows * columns, 1.0f);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      float &value = values[r * columns + c];
      value *= std::pow(10.0f, float(r % 5) - 2);
      if (rng() % 16 == 0)
        value *= 20;
    }
  return values;
}

double inverseRms(const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += double(x[i]) * x[i];
  return 1 / std::sqrt(sum / n + kEps);
}

/// Runs `program` on every level for several row counts. `fill` writes inputs
/// for `rows` rows, from `rng` the same ones at each level; all levels must
/// write the same bytes. `check` reads outputs.
void runRows(const StageProgram &program, int64_t maxRows, std::mt19937 &rng,
             std::function<void(Bytes &, gemcut_step &, int64_t rows)> fill,
             std::function<void(Bytes &, int64_t rows)> check) {
  Bytes weights = program.makeWeights();
  std::map<int64_t, std::vector<uint8_t>>
      written; // by rows, at the first level
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    std::vector<int64_t> counts{1, 2, 3, 7, 8, maxRows};
    for (int64_t rows : counts) {
      if (rows > maxRows)
        continue;
      SCOPED_TRACE(fmt::format("{}, {} rows", level.name, rows));
      Bytes arena = program.makeArena();
      gemcut_step step{};
      step.weights = weights.data();
      step.arena = arena.data();
      step.rows = rows;
      rng.seed(unsigned(rows));
      fill(arena, step, rows);
      kernel.run("decode", step, rows % 2 ? 1 : 3);
      check(arena, rows);
      std::vector<uint8_t> bytes(arena.data(), arena.data() + arena.size());
      auto [first, isFirst] = written.try_emplace(rows, bytes);
      EXPECT_TRUE(isFirst || first->second == bytes)
          << "other bytes than at the first level";
      if (testing::Test::HasFailure())
        return;
    }
  }
}

/// Expects u8 rows of `expected` values: those of a given scale bit by bit.
void expectU8Row(Bytes &arena, const Operand &buffer, int64_t row,
                 const std::vector<double> &expected,
                 const std::vector<double> &bounds, float given) {
  const uint8_t *bytes = arena.data() + buffer.offset + row * buffer.rowBytes;
  float scale;
  std::memcpy(&scale, bytes + gemcut_u8_scale_offset(buffer.columns), 4);
  double largest = 0;
  for (double value : expected)
    largest = std::max(largest, std::fabs(value));
  if (given != 0)
    ASSERT_EQ(scale, given);
  else
    ASSERT_NEAR(scale, largest / 127,
                1e-6 * largest +
                    *std::max_element(bounds.begin(), bounds.end()));
  for (int64_t c = 0; c < buffer.columns; ++c) {
    int q = int(bytes[c]) - 128;
    if (given == 0) {
      ASSERT_NEAR(double(q) * scale, expected[c], bounds[c] + 0.50002 * scale)
          << "row " << row << " column " << c;
      continue;
    }
    float level = std::nearbyint(float(expected[c]) / given);
    ASSERT_EQ(q, int(std::min(std::max(level, -128.0f), 127.0f)))
        << "row " << row << " column " << c << " of " << expected[c];
  }
}

struct NormCase {
  int64_t columns, group, maxRows, chunk;
  bool weighted;
  const char *output;
};

class RmsNormTest : public testing::TestWithParam<NormCase> {};

TEST_P(RmsNormTest, MatchesReference) {
  const NormCase &c = GetParam();
  std::mt19937 rng(unsigned(c.columns * 7 + c.group));
  StageProgram program(c.maxRows);
  Operand x = program.buffer(c.columns, "f32");
  Operand y = program.buffer(c.columns, c.output);
  std::vector<float> w = randomValues(rng, c.group, 3.0f);
  Operand weight = program.vector(w);
  program.stage(fmt::format(
      "kernel.rms_norm %n, {}{} outs {} {{eps = 1.0e-6 : f32, group = {} : "
      "i64, partition = #kernel.partition<rows, {}>}} : {}{}, {}",
      x.name, c.weighted ? ", " + weight.name : "", y.name, c.group, c.chunk,
      x.type, c.weighted ? ", " + weight.type : "", y.type));
  std::vector<float> input;
  runRows(
      program, c.maxRows, rng,
      [&](Bytes &arena, gemcut_step &, int64_t rows) {
        input = randomRows(rng, rows, c.columns);
        putRows(arena, x, input);
      },
      [&](Bytes &arena, int64_t rows) {
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<double> expected, bounds;
          for (int64_t i = 0; i < c.columns; ++i) {
            const float *group = &input[r * c.columns + i / c.group * c.group];
            double value = group[i % c.group] * inverseRms(group, c.group) *
                           (c.weighted ? w[i % c.group] : 1.0);
            expected.push_back(value);
            bounds.push_back(tolerance::rmsNorm(c.group).bound(value));
          }
          if (std::string(c.output) == "q8")
            expectQ8Row(arena, y, r, expected, bounds);
          else if (std::string(c.output) == "u8")
            expectU8Row(arena, y, r, expected, bounds, /*given=*/0);
          else
            expectRow(arena, y, r, expected, bounds);
        }
        expectUntouched(arena, y, rows, c.maxRows);
      });
}

INSTANTIATE_TEST_SUITE_P(
    Widths, RmsNormTest,
    testing::Values(
        NormCase{2, 2, 9, 1, true, "f32"}, NormCase{4, 2, 9, 2, true, "f32"},
        NormCase{16, 16, 9, 1, true, "f32"},
        NormCase{17, 17, 9, 4, true, "f32"},
        NormCase{31, 31, 40, 8, true, "f32"},
        NormCase{34, 17, 9, 3, false, "f32"},
        NormCase{64, 64, 9, 1, false, "f32"},
        NormCase{96, 96, 300, 7, true, "f32"},
        NormCase{127, 127, 9, 1, true, "f32"},
        NormCase{256, 64, 9, 1, true, "f32"},
        NormCase{1536, 1536, 20, 1, true, "f32"},
        NormCase{2560, 2560, 9, 1, true, "f32"},
        NormCase{32, 32, 9, 1, true, "u8"}, NormCase{96, 48, 9, 2, false, "u8"},
        NormCase{1536, 1536, 20, 1, true, "u8"},
        NormCase{32, 32, 9, 1, true, "q8"}, NormCase{96, 96, 9, 2, true, "q8"},
        NormCase{96, 48, 9, 1, true, "q8"}, NormCase{64, 16, 9, 1, false, "q8"},
        NormCase{256, 64, 300, 16, true, "q8"},
        NormCase{1536, 1536, 20, 1, true, "q8"},
        NormCase{2560, 2560, 9, 1, true, "q8"}),
    [](const testing::TestParamInfo<NormCase> &info) {
      const NormCase &c = info.param;
      return fmt::format("c{}_g{}_r{}_{}_{}", c.columns, c.group, c.maxRows,
                         c.weighted ? "weighted" : "plain", c.output);
    });

class QuantizeTest : public testing::TestWithParam<int64_t> {};

TEST_P(QuantizeTest, MatchesReference) {
  int64_t columns = GetParam(), maxRows = 20;
  std::mt19937 rng{unsigned(columns)};
  StageProgram program(maxRows);
  Operand x = program.buffer(columns, "f32"), y = program.buffer(columns, "q8");
  program.stage(fmt::format("kernel.quantize %n, {} outs {} {{partition = "
                            "#kernel.partition<rows, 3>}} : {}, {}",
                            x.name, y.name, x.type, y.type));
  std::vector<float> input;
  runRows(
      program, maxRows, rng,
      [&](Bytes &arena, gemcut_step &, int64_t rows) {
        input = randomRows(rng, rows, columns);
        // A group of zeros, and one too small for a reciprocal.
        std::fill_n(input.begin(), 32, 0.0f);
        if (columns > 32)
          std::fill_n(input.begin() + 32, 32, 1e-40f);
        putRows(arena, x, input);
      },
      [&](Bytes &arena, int64_t rows) {
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<double> expected(&input[r * columns],
                                       &input[r * columns] + columns);
          // The tiny group may become 0.
          std::vector<double> bounds(columns, 1e-30);
          expectQ8Row(arena, y, r, expected, bounds);
        }
        expectUntouched(arena, y, rows, maxRows);
      });
}

INSTANTIATE_TEST_SUITE_P(Widths, QuantizeTest,
                         testing::Values(32, 64, 96, 256, 1536, 2560));

class QuantizeU8Test
    : public testing::TestWithParam<std::tuple<int64_t, float>> {};

TEST_P(QuantizeU8Test, MatchesReference) {
  const int64_t columns = std::get<0>(GetParam());
  const float given = std::get<1>(GetParam());
  int64_t maxRows = 20;
  std::mt19937 rng{unsigned(columns)};
  StageProgram program(maxRows);
  Operand x = program.buffer(columns, "f32"), y = program.buffer(columns, "u8");
  Operand scale = program.vector({given});
  bool isGiven = given != 0;
  program.stage(fmt::format(
      "kernel.quantize %n, {}{} outs {} {{partition = #kernel.partition<rows, "
      "3>}} : {}{}, {}",
      x.name, isGiven ? " scale " + scale.name : "", y.name, x.type,
      isGiven ? " scale " + scale.type : "", y.type));
  std::vector<float> input;
  runRows(
      program, maxRows, rng,
      [&](Bytes &arena, gemcut_step &, int64_t rows) {
        input = randomRows(rng, rows, columns);
        std::fill_n(input.begin(), columns, 0.0f);
        for (int64_t i = 0; i < columns && isGiven; ++i)
          input[i] = float(i - 16) * 0.5f * given; // ties, and both limits
        putRows(arena, x, input);
      },
      [&](Bytes &arena, int64_t rows) {
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<double> expected(&input[r * columns],
                                       &input[r * columns] + columns);
          expectU8Row(arena, y, r, expected,
                      std::vector<double>(columns, 1e-30), given);
        }
        expectUntouched(arena, y, rows, maxRows);
      });
}

INSTANTIATE_TEST_SUITE_P(
    Widths, QuantizeU8Test,
    testing::Combine(testing::Values(32, 64, 96, 1536, 2560),
                     testing::Values(0.0f, 0.25f, 0.037f)));

struct PleCase {
  int64_t columns, group;
};
class PleInputsTest : public testing::TestWithParam<PleCase> {};

TEST_P(PleInputsTest, MatchesReference) {
  auto [columns, group] = GetParam();
  int64_t maxRows = 9;
  std::mt19937 rng{unsigned(columns)};
  StageProgram program(maxRows);
  Operand context = program.buffer(columns, "f32");
  Operand token = program.buffer(columns, "f32");
  Operand out = program.buffer(columns, "f32");
  std::vector<float> w = randomValues(rng, group, 2.0f);
  Operand weight = program.vector(w);
  float factor = 0.70710678f;
  program.stage(fmt::format(
      "kernel.ple_inputs %n, {}, {}, {} outs {} {{eps = 1.0e-6 : f32, factor = "
      "{:.9g} : f32, partition = #kernel.partition<rows, 1>}} : {}, {}, {}, {}",
      context.name, token.name, weight.name, out.name, factor, context.type,
      token.type, weight.type, out.type));
  std::vector<float> contexts, tokens;
  int64_t width = columns, size = group;
  runRows(
      program, maxRows, rng,
      [&](Bytes &arena, gemcut_step &, int64_t rows) {
        contexts = randomRows(rng, rows, width);
        tokens = randomRows(rng, rows, width);
        putRows(arena, context, contexts);
        putRows(arena, token, tokens);
      },
      [&](Bytes &arena, int64_t rows) {
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<double> expected, bounds;
          for (int64_t i = 0; i < width; ++i) {
            const float *first = &contexts[r * width + i / size * size];
            double normed =
                first[i % size] * inverseRms(first, size) * w[i % size];
            double t = tokens[r * width + i];
            expected.push_back(factor * (normed + t));
            bounds.push_back(tolerance::normThenSum(size).bound(
                factor * (std::fabs(normed) + std::fabs(t))));
          }
          expectRow(arena, out, r, expected, bounds);
        }
        expectUntouched(arena, out, rows, maxRows);
      });
}

INSTANTIATE_TEST_SUITE_P(Widths, PleInputsTest,
                         testing::Values(PleCase{192, 32}, PleCase{62, 31},
                                         PleCase{8, 4}, PleCase{17, 17},
                                         PleCase{2560, 256}));

struct ResidualCase {
  int64_t columns, maxRows, chunk;
  bool scalar, nextNorm, inPlace;
  const char *next; // "f32", "q8", "" for none
};
class ResidualNormTest : public testing::TestWithParam<ResidualCase> {};

TEST_P(ResidualNormTest, MatchesReference) {
  const ResidualCase &c = GetParam();
  int64_t n = c.columns;
  std::mt19937 rng{unsigned(n)};
  StageProgram program(c.maxRows);
  Operand x = program.buffer(n, "f32"), residual = program.buffer(n, "f32");
  Operand sum = c.inPlace ? residual : program.buffer(n, "f32");
  bool hasNext = *c.next;
  Operand next = program.buffer(n, hasNext ? c.next : "f32");
  std::vector<float> w = randomValues(rng, n, 2), w2 = randomValues(rng, n, 2);
  std::vector<float> s{0.37f};
  Operand norm = program.vector(w), norm2 = program.vector(w2);
  Operand scalar = program.vector(s);
  program.stage(fmt::format(
      "kernel.residual_norm %n, {}, {}, {}{}{} outs {}{} {{eps = 1.0e-6 : f32, "
      "partition = #kernel.partition<rows, {}>}} : {}, {}, {}{}{} outs {}{}",
      x.name, norm.name, residual.name,
      c.scalar ? " scalar " + scalar.name : "",
      c.nextNorm ? " next " + norm2.name : "", sum.name,
      hasNext ? ", " + next.name : "", c.chunk, x.type, norm.type,
      residual.type, c.scalar ? " scalar " + scalar.type : "",
      c.nextNorm ? " next " + norm2.type : "", sum.type,
      hasNext ? ", " + next.type : ""));
  std::vector<float> input, before;
  runRows(
      program, c.maxRows, rng,
      [&](Bytes &arena, gemcut_step &, int64_t rows) {
        input = randomRows(rng, rows, n);
        before = randomRows(rng, rows, n);
        putRows(arena, x, input);
        putRows(arena, residual, before);
      },
      [&](Bytes &arena, int64_t rows) {
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<double> sums, bounds;
          double squares = 0;
          double inverse = inverseRms(&input[r * n], n);
          for (int64_t i = 0; i < n; ++i) {
            double factor = c.scalar ? s[0] : 1.0;
            double normed = input[r * n + i] * inverse * w[i];
            double old = before[r * n + i];
            sums.push_back(factor * (old + normed));
            bounds.push_back(tolerance::normThenSum(n).bound(
                factor * (std::fabs(old) + std::fabs(normed))));
            squares += sums[i] * sums[i];
          }
          expectRow(arena, sum, r, sums, bounds);
          if (!hasNext)
            continue;
          if (c.nextNorm) {
            double nextInverse = 1 / std::sqrt(squares / n + kEps);
            for (int64_t i = 0; i < n; ++i) {
              double scale = nextInverse * w2[i];
              sums[i] *= scale;
              bounds[i] = bounds[i] * std::fabs(scale) +
                          tolerance::rmsNorm(n).bound(sums[i]);
            }
          }
          if (std::string(c.next) == "q8")
            expectQ8Row(arena, next, r, sums, bounds);
          else if (std::string(c.next) == "u8")
            expectU8Row(arena, next, r, sums, bounds, /*given=*/0);
          else
            expectRow(arena, next, r, sums, bounds);
        }
        expectUntouched(arena, sum, rows, c.maxRows);
        expectUntouched(arena, next, hasNext ? rows : 0, c.maxRows);
      });
}

INSTANTIATE_TEST_SUITE_P(
    Widths, ResidualNormTest,
    testing::Values(ResidualCase{2, 9, 1, false, false, false, ""},
                    ResidualCase{17, 9, 2, true, true, true, "f32"},
                    ResidualCase{31, 40, 8, false, true, false, "f32"},
                    ResidualCase{64, 9, 1, true, true, true, "q8"},
                    ResidualCase{96, 9, 1, false, true, true, "q8"},
                    ResidualCase{96, 9, 1, true, false, false, "q8"},
                    ResidualCase{96, 9, 1, true, true, true, "u8"},
                    ResidualCase{160, 9, 2, true, false, false, "u8"},
                    ResidualCase{1536, 20, 1, false, true, true, "u8"},
                    ResidualCase{256, 300, 16, false, true, true, "q8"},
                    ResidualCase{1536, 20, 1, true, true, true, "q8"},
                    ResidualCase{1536, 9, 1, false, false, true, ""},
                    ResidualCase{2560, 9, 1, false, true, true, "f32"}),
    [](const testing::TestParamInfo<ResidualCase> &info) {
      const ResidualCase &c = info.param;
      return fmt::format("c{}_r{}{}{}{}_{}", c.columns, c.maxRows,
                         c.scalar ? "_scalar" : "", c.nextNorm ? "_next" : "",
                         c.inPlace ? "_inplace" : "", *c.next ? c.next : "sum");
    });

struct RopeCase {
  int64_t headDim, pairs;
  float theta, factor = 1;
};
class RopeTableTest : public testing::TestWithParam<RopeCase> {};

TEST_P(RopeTableTest, MatchesReferenceUpToAMillion) {
  auto [headDim, pairs, theta, factor] = GetParam();
  int64_t maxRows = 40;
  StageProgram program(maxRows);
  Operand where = program.buffer(2, "i32");
  Operand table = program.buffer(2 * pairs, "f32");
  program.stage(fmt::format("kernel.load_rows %n outs {} {{partition = "
                            "#kernel.partition<rows, 4>}} : {}",
                            where.name, where.type));
  program.stage(fmt::format(
      "kernel.rope_table %n, {} outs {} {{head_dim = {} : i64, pairs = {} : "
      "i64, theta = {:e} : f32, factor = {:e} : f32, partition = "
      "#kernel.partition<rows, 1>}} : "
      "{}, {}",
      where.name, table.name, headDim, pairs, theta, factor, where.type,
      table.type));
  std::mt19937 rng(unsigned(headDim + pairs));
  std::vector<int32_t> slots(maxRows), positions(maxRows);
  const int32_t special[] = {0, 1, 2, 511, 100000, 1 << 20};
  for (int64_t r = 0; r < maxRows; ++r) {
    slots[r] = int32_t(rng() % 9);
    positions[r] = r < 6 ? special[r] : int32_t(rng() % (1 << 20));
  }
  int64_t count = pairs;
  std::vector<double> frequencies;
  for (int64_t j = 0; j < pairs; ++j) {
    // As HF rounds: exponent, power, reciprocal and quotient each to f32.
    float exponent = float(2 * j) / float(headDim);
    float power = float(std::pow(double(theta), double(exponent)));
    frequencies.push_back(1.0f / power / factor);
  }
  runRows(
      program, maxRows, rng,
      [&](Bytes &, gemcut_step &step, int64_t) {
        step.slots = slots.data();
        step.positions = positions.data();
      },
      [&](Bytes &arena, int64_t rows) {
        for (int64_t r = 0; r < rows; ++r) {
          int32_t loaded[2];
          std::memcpy(loaded, arena.data() + where.offset + 8 * r, 8);
          EXPECT_EQ(loaded[0], slots[r]);
          EXPECT_EQ(loaded[1], positions[r]);
          std::vector<double> expected(2 * count), bounds(2 * count);
          for (int64_t j = 0; j < count; ++j) {
            double angle = float(positions[r]) * float(frequencies[j]);
            expected[j] = std::cos(angle);
            expected[count + j] = std::sin(angle);
          }
          for (int64_t j = 0; j < 2 * count; ++j)
            bounds[j] = tolerance::kRopeTable.bound(expected[j]);
          expectRow(arena, table, r, expected, bounds);
        }
        expectUntouched(arena, where, rows, maxRows);
        expectUntouched(arena, table, rows, maxRows);
      });
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, RopeTableTest,
    testing::Values(RopeCase{16, 4, 1e4f}, RopeCase{16, 8, 1e4f},
                    RopeCase{34, 17, 1e4f}, RopeCase{64, 1, 1e6f},
                    RopeCase{128, 64, 1e4f}, RopeCase{256, 128, 1e4f},
                    RopeCase{512, 64, 1e6f}, RopeCase{512, 256, 1e6f},
                    RopeCase{256, 128, 1e6f, 8}),
    [](const testing::TestParamInfo<RopeCase> &info) {
      return fmt::format("d{}_p{}_f{}", info.param.headDim, info.param.pairs,
                         info.param.factor);
    });

} // namespace
