//===- MathTest.cpp - The emitter's elementary functions ------------------===//
//
// Emitter::exp, tanh, gelu and sinCos on many arguments, special ones included,
// against libm in f64; on every ISA level of this CPU.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/KernelHarness.h"
#include "test/numerics/Tolerances.h"

#include "targets/Common/Emitter.h"
#include "targets/Common/LlvmPipeline.h"

#include "fmt/format.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <limits>

using namespace gemcut;
using namespace gemcut::test;
using targets::Emitter;

namespace {

/// The lanes of a vector and the address of their results.
using Body = std::function<void(Emitter &, mlir::Value x, mlir::Value target)>;

/// Applies `body` to every `lanes` values of `arguments` (a multiple of
/// `lanes`); element type T, results of `resultsPerLane` T per argument.
template <typename T>
std::vector<T> apply(const targets::IsaLevel &level, const Body &body,
                     const std::vector<T> &arguments, int64_t lanes,
                     int64_t resultsPerLane = 1) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, mlir::arith::ArithDialect,
                  mlir::scf::SCFDialect, mlir::vector::VectorDialect,
                  mlir::LLVM::LLVMDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto loc = mlir::UnknownLoc::get(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(module->getBody());
  Emitter e(builder, loc);
  auto function = mlir::func::FuncOp::create(
      builder, loc, "gemcut_decode_" + level.name,
      builder.getFunctionType({e.ptrType(), e.i64Type()}, {}));
  mlir::Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  mlir::Type element = sizeof(T) == 8 ? mlir::Type(builder.getF64Type())
                                      : mlir::Type(builder.getF32Type());
  int64_t size = sizeof(T);
  auto field = [&](size_t offset, mlir::Type type) {
    return e.load(type, e.at(entry->getArgument(0), int64_t(offset)), 8);
  };
  mlir::Value source = field(offsetof(gemcut_step, weights), e.ptrType());
  mlir::Value target = field(offsetof(gemcut_step, arena), e.ptrType());
  mlir::Value count = field(offsetof(gemcut_step, adapter), e.i64Type());
  e.loop(e.i64(0), count, lanes, [&](mlir::Value i) {
    mlir::Value x =
        e.load(e.vecType(element, lanes), e.at(source, e.mul(i, size)), size);
    body(e, x, e.at(target, e.mul(i, size * resultsPerLane)));
  });
  mlir::func::ReturnOp::create(builder, loc);
  mlir::PassManager pm(&context);
  targets::buildLlvmPipeline(pm);
  if (mlir::failed(pm.run(*module)))
    llvm::report_fatal_error("the test's module does not lower");
  // Fails on calls of library functions.
  CompiledKernel kernel(*module, level);
  Bytes input(int64_t(arguments.size()) * size);
  Bytes output(input.size() * resultsPerLane);
  std::memcpy(input.data(), arguments.data(), size_t(input.size()));
  gemcut_step step{};
  step.weights = input.data();
  step.arena = output.data();
  step.adapter = int64_t(arguments.size());
  kernel.run("decode", step);
  std::vector<T> results(arguments.size() * size_t(resultsPerLane));
  std::memcpy(results.data(), output.data(), size_t(output.size()));
  return results;
}

/// 64 thousand values over [lo, hi], and `special` ones.
template <typename T>
std::vector<T> sweep(double lo, double hi, std::vector<T> special) {
  std::mt19937 rng(7);
  std::uniform_real_distribution<double> uniform(lo, hi);
  std::vector<T> values(std::move(special));
  for (int i = 0; i < 32000; ++i) {
    values.push_back(T(lo + (hi - lo) * i / 32000));
    values.push_back(T(uniform(rng)));
  }
  while (values.size() % 240) // a multiple of all lane counts below
    values.push_back(T(0));
  return values;
}

void expectFunction(const Body &body, const std::vector<float> &arguments,
                    double (*reference)(double), Tolerance tolerance) {
  for (const targets::IsaLevel &level : allLevels())
    for (int64_t lanes : {16, 5, 1}) {
      std::vector<float> results = apply(level, body, arguments, lanes);
      for (size_t i = 0; i < arguments.size(); ++i) {
        double expected = reference(arguments[i]);
        ASSERT_TRUE(std::fabs(results[i] - expected) <=
                    tolerance.bound(expected))
            << level.name << ", " << lanes << " lanes: f(" << arguments[i]
            << ") is " << results[i] << ", expected " << expected;
      }
    }
}

const float kInfinity = std::numeric_limits<float>::infinity();

TEST(MathTest, Exp) {
  auto body = [](Emitter &e, mlir::Value x, mlir::Value target) {
    e.store(e.exp(x), target);
  };
  expectFunction(
      body,
      sweep<float>(-100, 88,
                   {0.0f, -0.0f, 1.0f, -1.0f, -86.9f, -87.1f, 88.0f, -1e30f,
                    -kInfinity}),
      [](double x) { return std::exp(x); }, tolerance::kExp);
  expectFunction(
      body, sweep<float>(-1, 1, {1e-30f, -1e-30f, 1e-7f}),
      [](double x) { return std::exp(x); }, tolerance::kExp);
}

TEST(MathTest, ExpIsExactlyZeroForMaskedScores) {
  auto body = [](Emitter &e, mlir::Value x, mlir::Value target) {
    e.store(e.exp(x), target);
  };
  std::vector<float> masked(16, -kInfinity);
  masked[3] = -88.0f;
  for (const targets::IsaLevel &level : allLevels())
    for (float result : apply(level, body, masked, 16))
      ASSERT_EQ(result, 0.0f);
}

TEST(MathTest, ExpIsClampedAbove) {
  auto body = [](Emitter &e, mlir::Value x, mlir::Value target) {
    e.store(e.exp(x), target);
  };
  std::vector<float> large(16, 1e30f);
  large[0] = kInfinity;
  for (const targets::IsaLevel &level : allLevels())
    for (float result : apply(level, body, large, 16))
      ASSERT_NEAR(result / std::exp(88.0), 1.0, 1e-6);
}

TEST(MathTest, Tanh) {
  expectFunction([](Emitter &e, mlir::Value x,
                    mlir::Value target) { e.store(e.tanh(x), target); },
                 sweep<float>(-12, 12,
                              {0.0f, 1e-20f, -1e-4f, 50.0f, -1e30f, kInfinity,
                               -kInfinity}),
                 [](double x) { return std::tanh(x); }, tolerance::kTanh);
}

// Logits under a softcap must not become numbers again.
TEST(MathTest, TanhOfNaNIsNaN) {
  std::vector<float> arguments(240, std::nanf(""));
  arguments[7] = 0.5f;
  for (const targets::IsaLevel &level : allLevels()) {
    std::vector<float> results = apply<float>(
        level,
        [](Emitter &e, mlir::Value x, mlir::Value target) {
          e.store(e.tanh(x), target);
        },
        arguments, /*lanes=*/16);
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_EQ(std::isnan(results[i]), i != 7) << level.name << " " << i;
  }
}

TEST(MathTest, Gelu) {
  expectFunction(
      [](Emitter &e, mlir::Value x, mlir::Value target) {
        e.store(e.gelu(x), target);
      },
      sweep<float>(-12, 12, {0.0f, 1e-20f, -1e-4f, 50.0f, -50.0f, 1000.0f}),
      // 1 + tanh(z) as 2 / (1 + e^(-2z)), which keeps digits at negative z.
      [](double x) {
        double z = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
        return x / (1 + std::exp(-2 * z));
      },
      tolerance::kGelu);
}

TEST(MathTest, SinCosUpToAMillion) {
  auto body = [](Emitter &e, mlir::Value x, mlir::Value target) {
    auto [sine, cosine] = e.sinCos(x);
    auto lanes = mlir::cast<mlir::VectorType>(x.getType()).getNumElements();
    e.store(sine, target, 8);
    e.store(cosine, e.at(target, 8 * lanes), 8);
  };
  std::vector<double> special{0.0,      M_PI_2,    M_PI,     3 * M_PI_2,
                              2 * M_PI, 1048576.0, 1048575.7};
  std::vector<double> arguments = sweep<double>(0, 1 << 20, special);
  std::vector<double> small = sweep<double>(-8, 8, {});
  arguments.insert(arguments.end(), small.begin(), small.end());
  for (const targets::IsaLevel &level : allLevels())
    for (int64_t lanes : {8, 3, 1}) {
      std::vector<double> results =
          apply(level, body, arguments, lanes, /*resultsPerLane=*/2);
      for (size_t i = 0; i < arguments.size(); ++i) {
        size_t at = i / lanes * lanes * 2 + i % lanes;
        ASSERT_TRUE(std::fabs(results[at] - std::sin(arguments[i])) <=
                    tolerance::kSinCos.abs)
            << level.name << ": sin(" << arguments[i] << ")";
        ASSERT_TRUE(std::fabs(results[at + lanes] - std::cos(arguments[i])) <=
                    tolerance::kSinCos.abs)
            << level.name << ": cos(" << arguments[i] << ")";
      }
    }
}

} // namespace
