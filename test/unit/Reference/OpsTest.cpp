//===- OpsTest.cpp - Formulas on numbers worked out by hand ---------------===//

#include "compiler/Reference/Ops.h"

#include "frontends/Gemma4/RandomWeights.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::reference;

static Tensor make(int64_t rows, int64_t columns, std::vector<float> values) {
  Tensor tensor(rows, columns);
  EXPECT_EQ(values.size(), tensor.values.size());
  tensor.values = std::move(values);
  return tensor;
}

using Floats = std::vector<float>;

// (3, 4) has mean square 12.5; groups are normed apart; eps counts.
TEST(OpsTest, RmsNorm) {
  Tensor x = make(1, 4, {3, 4, 0, 2});
  Tensor y = rmsNorm(x, {1, 2}, /*eps=*/0, /*group=*/2);
  double r = 1 / std::sqrt(12.5);
  EXPECT_EQ(y.values,
            (Floats{float(3 * r), float(8 * r), 0, float(4 / std::sqrt(2.0))}));
  Tensor z = rmsNorm(make(1, 1, {0}), {}, /*eps=*/1e-6f, 1);
  EXPECT_EQ(z.values, Floats{0});
  Tensor tiny = rmsNorm(make(1, 1, {1e-3f}), {}, /*eps=*/1e-6f, 1);
  EXPECT_NEAR(tiny.values[0], std::sqrt(0.5), 1e-6);
}

// Element j pairs with j + d/2; pairs beyond the table pass through.
TEST(OpsTest, Rope) {
  Tensor x = make(1, 8, {1, 2, 3, 4, 5, 6, 7, 8});
  // One pair, a quarter turn.
  Tensor y = rope(x, make(1, 2, {0, 1}), /*headDim=*/8);
  EXPECT_EQ(y.values, (Floats{-5, 2, 3, 4, 1, 6, 7, 8}));
  // The same table for both heads of 4.
  Tensor z = rope(x, make(1, 2, {0, 1}), /*headDim=*/4);
  EXPECT_EQ(z.values, (Floats{-3, 2, 1, 4, -7, 6, 5, 8}));
}

// The second of two adapters of rank 1, at columns 1 and 2.
TEST(OpsTest, Adapt) {
  Tensor y = make(2, 3, {1, 2, 3, 4, 5, 6});
  adapt(make(2, 2, {1, 2, -1, 0}), Floats{9, 9, 3, 4}, Floats{9, 9, 2, -1},
        /*index=*/1, /*rank=*/1, /*offset=*/1, y);
  EXPECT_EQ(y.values, (Floats{1, 24, -8, 4, -1, 9}));
}

// The angle is a float32 product: at 100,000 an exact one is visibly different.
TEST(OpsTest, RopeTable) {
  Tensor t = ropeTable({0, 3, 100000}, /*headDim=*/4, /*pairs=*/2, 1e4f);
  EXPECT_EQ(t.row(0).vec(), (Floats{1, 1, 0, 0}));
  EXPECT_FLOAT_EQ(t.row(1)[0], std::cos(3.0));
  EXPECT_FLOAT_EQ(t.row(1)[1], std::cos(0.03));
  EXPECT_FLOAT_EQ(t.row(1)[2], std::sin(3.0));
  EXPECT_FLOAT_EQ(t.row(1)[3], std::sin(0.03));
  Tensor far = ropeTable({100000}, 512, 64, 1e6f);
  float frequency = 1.0f / float(std::pow(1e6, double(2.0f * 3 / 512.0f)));
  float angle = 100000.0f * frequency;
  EXPECT_EQ(far.values[3], float(std::cos(double(angle))));
  double exact = 100000 * std::pow(1e6, -2.0 * 3 / 512);
  EXPECT_GT(std::fabs(far.values[3] - std::cos(exact)), 1e-5);
  // Linear scaling: position 24 with factor 8 is position 3.
  Tensor scaled = ropeTable({24}, 4, 2, 1e4f, /*factor=*/8);
  EXPECT_EQ(scaled.row(0).vec(), t.row(1).vec());
}

// Values at which an erf GELU differs by more than the tolerance.
TEST(OpsTest, GeluMul) {
  Tensor y = geluMul(make(1, 4, {1, -1, 2, 0}), make(1, 4, {1, 1, -10, 7}));
  EXPECT_NEAR(y.values[0], 0.841192, 1e-6);
  EXPECT_NEAR(y.values[1], -0.158808, 1e-6);
  EXPECT_NEAR(y.values[2], -19.545977, 1e-5);
  EXPECT_EQ(y.values[3], 0);
}

TEST(OpsTest, Elementwise) {
  Tensor a = make(2, 2, {1, 2, 3, 4}), b = make(2, 2, {10, 20, 30, 40});
  EXPECT_EQ(add(a, b).values, (Floats{11, 22, 33, 44}));
  EXPECT_EQ(scale(a, 0.5f).values, (Floats{0.5f, 1, 1.5f, 2}));
  EXPECT_EQ(slice(a, 1, 1).values, (Floats{2, 4}));
  EXPECT_EQ(selectLast(a).values, (Floats{3, 4}));
  Tensor capped = softcap(make(1, 3, {0, 30, -1000}), 30);
  EXPECT_EQ(capped.values[0], 0);
  EXPECT_NEAR(capped.values[1], 22.847825, 1e-5);
  EXPECT_EQ(capped.values[2], -30);
}

// Per group of 32 the least power of two as scale; halves round to even; a
// group of zeros stays.
TEST(OpsTest, Quantize) {
  Floats x(64, 0.0f);
  x[0] = 127;
  x[1] = 0.5f;
  x[2] = 1.5f;
  x[3] = -2.5f;
  x[4] = -63.4f;
  Tensor q = quantize(make(1, 64, x));
  Floats expected(64, 0.0f);
  expected[0] = 127;
  expected[2] = 2;
  expected[3] = -2;
  expected[4] = -63;
  EXPECT_EQ(q.values, expected);
  x[0] = 127.6f; // too large for 127 steps of 1
  q = quantize(make(1, 64, x));
  expected[0] = 128;
  expected[2] = 2; // 0.75 steps of 2
  expected[3] = -2;
  expected[4] = -64;
  EXPECT_EQ(q.values, expected);
  // Quantizing twice changes nothing.
  Floats y(32);
  for (int i = 0; i < 32; ++i)
    y[i] = std::sin(i + 1.0f) * 0.013f;
  Tensor once = quantize(make(1, 32, y));
  EXPECT_NE(once.values, y);
  for (int i = 0; i < 32; ++i)
    EXPECT_LE(std::fabs(once.values[i] - y[i]), 0x1p-13f / 2);
}

// Each expert's part under its own scale, or its row's where that is 0.
TEST(OpsTest, ExpertQuantize) {
  Tensor experts = make(2, 2, {3, 0, 1, 3});
  Floats scale = {0, 1, 9, 0.5f};
  Tensor whole =
      expertQuantize(make(2, 2, {127, 0.7f, 200, -1.3f}), experts, scale, 4);
  EXPECT_EQ(whole.values, (Floats{63.5f, 0.5f, 127, 1, 127, -1, 63.5f, -1.5f}));
  Tensor parts = expertQuantize(make(1, 4, {1.3f, 0.2f, 254, 0.9f}),
                                make(1, 2, {1, 3}), {}, 4);
  EXPECT_NEAR(parts.values[0], 1.3f, 1e-6);
  EXPECT_NEAR(parts.values[1], 20 * 1.3f / 127, 1e-7);
  EXPECT_EQ(parts.values[2], 254);
  EXPECT_EQ(parts.values[3], 0);
}

// Products of experts round under the scales of their matrix.
TEST(OpsTest, ExpertsHaveScalesOfTheirOwn) {
  llvm::StringMap<checkpoint::WeightInfo> table;
  table["w.experts.down_proj"] = {checkpoint::ElementType::F32, {2, 3, 4}};
  gemma4::RandomWeights weights(table);
  Resources resources{weights, 1};
  Weight w{"w.experts.down_proj", 6, 4};
  w.inputScales = {0, 0.25f};
  w.outputScales = {0.125f, 0};
  Tensor x = make(1, 8, {0.1f, -0.4f, 0.9f, 0.3f, 0.2f, 0.6f, -0.7f, 0.33f});
  auto multiply = [&](int64_t expert, Tensor part) {
    Weight matrix{w.name, 3, 4};
    matrix.firstRow = 3 * expert;
    return llvm::cantFail(linear(resources, part, matrix));
  };
  Tensor first = roundInt8(multiply(0, slice(x, 0, 4)), 0.125f);
  Tensor second = multiply(1, roundInt8(slice(x, 4, 4), 0.25f));
  Tensor y = llvm::cantFail(
      expertLinear(resources, x, make(1, 2, {0, 1}), make(1, 2, {1, 1}), w, 3));
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(y.values[i],
              float(double(first.values[i]) + double(second.values[i])));
}

// Window and causality by hand: all scores equal, so results are means of V.
TEST(OpsTest, AttentionSeesTheWindowAndNoFuture) {
  gemma4::RandomWeights none((llvm::StringMap<checkpoint::WeightInfo>()));
  Resources resources{none, 1};
  for (int64_t window : {0, 2}) {
    KvCache cache(/*heads=*/2, /*headDim=*/2, window);
    Tensor key = make(4, 4, Floats(16, 0));
    Tensor value = make(4, 4,
                        {1, 1, 10, 10, 2, 2, 20, 20, //
                         3, 3, 30, 30, 4, 4, 40, 40});
    KvState state = kvWrite(key, value, {5, 6, 7, 8}, {&cache, 0});
    EXPECT_EQ(state.version, 1);
    // Four query heads: two on each KV head.
    Tensor query = make(2, 8, Floats(16, 1));
    Tensor y = attention(resources, query, cache, {7, 8}, /*heads=*/4);
    float at7 = window ? 2.5f : 2, at8 = window ? 3.5f : 2.5f;
    for (int h = 0; h < 4; ++h) {
      EXPECT_FLOAT_EQ(y.row(0)[2 * h], h < 2 ? at7 : 10 * at7);
      EXPECT_FLOAT_EQ(y.row(1)[2 * h + 1], h < 2 ? at8 : 10 * at8);
    }
  }
}

// Any number of rows and outputs gives the plain sum, blocks or not.
TEST(OpsTest, LinearMatchesThePlainSumForEveryTail) {
  llvm::StringMap<checkpoint::WeightInfo> table;
  for (int64_t n : {1, 15, 16, 17, 40})
    table["w" + std::to_string(n) + ".weight"] = {checkpoint::ElementType::F32,
                                                  {n, 5}};
  gemma4::RandomWeights weights(table);
  for (unsigned threads : {1u, 3u}) {
    Resources resources{weights, threads};
    for (int64_t rows : {1, 7, 8, 9, 20}) {
      Tensor x(rows, 5);
      for (size_t i = 0; i < x.values.size(); ++i)
        x.values[i] = std::sin(i * 0.7f);
      for (int64_t n : {1, 15, 16, 17, 40}) {
        Weight w{"w" + std::to_string(n) + ".weight", n, 5};
        Floats values = llvm::cantFail(readVector(resources, w));
        Tensor y = llvm::cantFail(linear(resources, x, w, 2.0f));
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t o = 0; o < n; ++o) {
            double sum = 0;
            for (int64_t k = 0; k < 5; ++k)
              sum += double(values[o * 5 + k]) * x.row(r)[k];
            EXPECT_EQ(y.row(r)[o], float(2 * sum));
          }
      }
    }
  }
}

// An error of a reading thread is the product's error.
TEST(OpsTest, LinearReportsReadErrors) {
  gemma4::RandomWeights none((llvm::StringMap<checkpoint::WeightInfo>()));
  Resources resources{none, 2};
  Tensor x(1, 4);
  auto result = linear(resources, x, Weight{"w", 4, 4});
  ASSERT_FALSE(result);
  EXPECT_EQ(llvm::toString(result.takeError()), "there is no tensor 'w'");
}

// Equal probabilities: the lowest expert first. The scale comes after the
// weights were made to sum to 1.
TEST(OpsTest, TopExperts) {
  Tensor p = softmax(make(1, 4, {0, 1, 1, -1}));
  double total = 1 + 2 * std::exp(1) + std::exp(-1);
  EXPECT_NEAR(p.values[1], std::exp(1) / total, 1e-7);
  Choice choice = topExperts(p, {1, 2, 4, 8}, 3);
  EXPECT_EQ(choice.experts.values, (Floats{1, 2, 0}));
  double chosen = 1 + 2 * std::exp(1);
  EXPECT_NEAR(choice.weights.values[0], 2 * std::exp(1) / chosen, 1e-6);
  EXPECT_NEAR(choice.weights.values[1], 4 * std::exp(1) / chosen, 1e-6);
  EXPECT_NEAR(choice.weights.values[2], 1 / chosen, 1e-6);
}
