//===- AdaptTest.cpp - Products of adapters, GELU of products -------------===//
//
// adapt and gelu_mul against an f64 reference, at widths with every kind of
// tail, on every ISA level of this CPU.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/StageProgram.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::test;

namespace {

struct Case {
  int64_t columns, inputs, outputs, offset, rank, adapters;
};

class AdaptTest : public testing::TestWithParam<Case> {};

gemcut_step makeStep(Bytes &weights, Bytes &arena, int64_t rows,
                     int64_t adapter) {
  gemcut_step step{};
  step.weights = weights.data();
  step.arena = arena.data();
  step.rows = rows;
  step.adapter = adapter;
  return step;
}

} // namespace

TEST_P(AdaptTest, MatchesReference) {
  const Case &c = GetParam();
  const int64_t maxRows = 9;
  std::mt19937 rng{unsigned(c.columns + c.inputs + c.rank)};
  StageProgram program(maxRows);
  Operand base = program.buffer(c.columns, "f32");
  Operand input = program.buffer(c.inputs, "f32");
  Operand out = program.buffer(c.columns, "f32");
  std::vector<float> a = randomValues(rng, c.adapters * c.rank * c.inputs, 1);
  std::vector<float> b = randomValues(rng, c.adapters * c.rank * c.outputs, 1);
  Operand aWeight = program.vector(a), bWeight = program.vector(b);
  program.stage(fmt::format(
      "kernel.adapt %n, {}, {}, {}, {} outs {} {{offset = {} : i64, rank = {} "
      ": "
      "i64, partition = #kernel.partition<rows, 1>}} : {}, {}, {}, {}, {}",
      base.name, input.name, aWeight.name, bWeight.name, out.name, c.offset,
      c.rank, base.type, input.type, aWeight.type, bWeight.type, out.type));
  Bytes weights = program.makeWeights();
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t rows : {int64_t(1), int64_t(3), maxRows})
      for (int64_t adapter = 0; adapter <= c.adapters; ++adapter) {
        SCOPED_TRACE(
            fmt::format("{}, {} rows, adapter {}", level.name, rows, adapter));
        Bytes arena = program.makeArena();
        std::vector<float> y = randomValues(rng, rows * c.columns, 1);
        std::vector<float> x = randomValues(rng, rows * c.inputs, 1);
        putRows(arena, base, y);
        putRows(arena, input, x);
        kernel.run("decode", makeStep(weights, arena, rows, adapter),
                   rows % 2 ? 1 : 3);
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<double> expected(y.begin() + r * c.columns,
                                       y.begin() + (r + 1) * c.columns);
          // Without an adapter not a bit differs.
          std::vector<double> bounds(c.columns);
          for (int64_t k = 0; adapter && k < c.rank; ++k) {
            int64_t vector = (adapter - 1) * c.rank + k;
            double t = 0, magnitude = 0;
            for (int64_t i = 0; i < c.inputs; ++i) {
              double term =
                  double(a[vector * c.inputs + i]) * x[r * c.inputs + i];
              t += term;
              magnitude += std::fabs(term);
            }
            for (int64_t j = 0; j < c.outputs; ++j) {
              double weight = b[vector * c.outputs + j];
              expected[c.offset + j] += weight * t;
              double first = k == 0 ? y[r * c.columns + c.offset + j] : 0;
              bounds[c.offset + j] +=
                  tolerance::adapt(c.inputs, c.rank)
                      .bound(std::fabs(weight) * magnitude + std::fabs(first));
            }
          }
          expectRow(arena, out, r, expected, bounds);
        }
        expectUntouched(arena, out, rows, maxRows);
        if (HasFailure())
          return;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AdaptTest,
    testing::Values(Case{16, 16, 16, 0, 1, 1}, Case{80, 64, 16, 32, 4, 2},
                    Case{96, 33, 48, 48, 3, 1}, Case{37, 7, 21, 16, 5, 3},
                    Case{512, 256, 512, 0, 16, 2}),
    [](const testing::TestParamInfo<Case> &info) {
      const Case &c = info.param;
      return fmt::format("c{}_i{}_o{}_r{}_n{}", c.columns, c.inputs, c.outputs,
                         c.rank, c.adapters);
    });

class GeluMulTest : public testing::TestWithParam<int64_t> {};

TEST_P(GeluMulTest, MatchesReference) {
  const int64_t columns = GetParam(), maxRows = 9;
  std::mt19937 rng{unsigned(columns)};
  StageProgram program(maxRows);
  Operand gate = program.buffer(columns, "f32");
  Operand up = program.buffer(columns, "f32");
  Operand out = program.buffer(columns, "f32");
  program.stage(fmt::format("kernel.gelu_mul %n, {}, {} outs {} {{partition = "
                            "#kernel.partition<rows, 1>}} : {}, {}, {}",
                            gate.name, up.name, out.name, gate.type, up.type,
                            out.type));
  Bytes weights = program.makeWeights();
  for (const targets::IsaLevel &level : allLevels()) {
    CompiledKernel kernel(program.text(), level);
    for (int64_t rows : {int64_t(1), maxRows}) {
      SCOPED_TRACE(fmt::format("{}, {} rows", level.name, rows));
      Bytes arena = program.makeArena();
      std::vector<float> g = randomValues(rng, rows * columns, 4);
      std::vector<float> u = randomValues(rng, rows * columns, 4);
      putRows(arena, gate, g);
      putRows(arena, up, u);
      kernel.run("decode", makeStep(weights, arena, rows, 0), 2);
      for (int64_t r = 0; r < rows; ++r) {
        std::vector<double> expected, bounds;
        for (int64_t i = r * columns; i < (r + 1) * columns; ++i) {
          double x = g[i];
          double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
          double gelu = x / 2 * (1 + std::tanh(inner));
          expected.push_back(gelu * u[i]);
          bounds.push_back((tolerance::kGelu.bound(gelu) +
                            2 * tolerance::kU * std::fabs(gelu)) *
                           std::fabs(u[i]));
        }
        expectRow(arena, out, r, expected, bounds);
      }
      expectUntouched(arena, out, rows, maxRows);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, GeluMulTest,
                         testing::Values(1, 15, 16, 17, 96, 100));
