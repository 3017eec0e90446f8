//===- RoundingTest.cpp - Rounding under what errors cost -----------------===//

// QuantizeInt4.cpp compiled for any x86-64: see CMakeLists.txt.
#define artifact artifact_baseline
#include "compiler/Artifact/ColumnErrors.h"
#include "compiler/Artifact/QuantizeInt4.h"
#undef artifact
#undef GEMCUT_COMPILER_ARTIFACT_COLUMNERRORS_H
#undef GEMCUT_COMPILER_ARTIFACT_QUANTIZEINT4_H
#include "compiler/Artifact/ColumnErrors.h"
#include "compiler/Artifact/QuantizeInt4.h"

#include "test/unit/Artifact/QuantizeFixture.h"

using namespace gemcut;
using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

/// Moments of inputs that lie near a few directions, columns of uneven size
/// among them.
template <typename Moments>
Moments correlatedMoments(int64_t columns, int64_t block) {
  constexpr int64_t kDirections = 12, kInputs = 300;
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> directions(size_t(kDirections * columns));
  for (float &value : directions)
    value = normal(generator);
  Moments moments(columns, block);
  std::vector<float> input(columns);
  for (int64_t n = 0; n < kInputs; ++n) {
    for (float &value : input)
      value = 0.3f * normal(generator);
    for (int64_t d = 0; d < kDirections; ++d) {
      float amount = normal(generator);
      for (int64_t c = 0; c < columns; ++c)
        input[size_t(c)] += amount * directions[size_t(d * columns + c)];
    }
    for (int64_t c = 0; c < columns; ++c)
      input[size_t(c)] *= 0.2f + float(c % 7);
    moments.add(input.data());
  }
  return moments;
}

/// e H e^T of one row, H in blocks.
double costOf(const InputMoments &moments, const float *values,
              const Int4Rows &packed, int64_t row) {
  std::vector<double> errors(moments.columns);
  for (int64_t c = 0; c < moments.columns; ++c)
    errors[size_t(c)] =
        values[c] -
        double(packed.levels[size_t(c * kRows + row)] - 8) *
            int4CodeValue(packed.codes[size_t(c / 32 * kRows + row)]) *
            packed.rowScales[row];
  double cost = 0;
  for (int64_t b = 0; b < moments.blocks(); ++b)
    for (int64_t i = 0; i < moments.width(b); ++i)
      for (int64_t j = 0; j < moments.width(b); ++j)
        cost += double(moments.at(b)[i * moments.width(b) + j]) *
                errors[size_t(b * moments.block + i)] *
                errors[size_t(b * moments.block + j)];
  return cost;
}

/// With U as its definition in the header says, U^T U H is the identity.
TEST(ColumnErrors, FactorsAreThoseOfTheInverse) {
  for (int64_t columns : {32, 96, 160}) {
    auto moments = correlatedMoments<InputMoments>(columns, 64);
    constexpr double kDamping = 0.05;
    ColumnErrors errors(moments, kDamping);
    double trace = 0;
    for (int64_t b = 0; b < moments.blocks(); ++b)
      for (int64_t i = 0; i < moments.width(b); ++i)
        trace += moments.at(b)[i * moments.width(b) + i];
    for (int64_t b = 0; b < moments.blocks(); ++b) {
      int64_t first = b * 64, n = moments.width(b);
      ASSERT_EQ(errors.getBlockEnd(first), first + n);
      std::vector<double> upper(size_t(n * n), 0.0);
      for (int64_t i = 0; i < n; ++i) {
        double diagonal = 1 / std::sqrt(double(errors.getCosts()[first + i]));
        upper[size_t(i * n + i)] = diagonal;
        for (int64_t j = i + 1; j < n; ++j)
          upper[size_t(i * n + j)] =
              diagonal * errors.getFeedback(first + i)[j - i - 1];
      }
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t k = 0; k < n; ++k) {
            double inverse = 0;
            for (int64_t l = 0; l < n; ++l)
              inverse += upper[size_t(l * n + i)] * upper[size_t(l * n + k)];
            sum +=
                inverse * (moments.at(b)[k * n + j] +
                           (k == j ? kDamping * trace / double(columns) : 0));
          }
          ASSERT_NEAR(sum, i == j, 2e-3) << i << ", " << j;
        }
    }
  }
}

/// Columns whose inputs are unrelated: no group of any row costs more than
/// with scales that ignore what columns cost, and all together cost less.
TEST(Rounding, CostsChooseScales) {
  constexpr int64_t kColumns = 224;
  InputMoments moments(kColumns, 32);
  for (int64_t b = 0; b < moments.blocks(); ++b)
    for (int64_t i = 0; i < 32; ++i)
      moments.at(b)[i * 33] = float(1 + (b * 32 + i) * 7 % 23);
  ColumnErrors errors(moments, /*damping=*/0);
  std::vector<float> values = gaussian(kRows * kColumns, 4);
  Int4Rows plain, weighted;
  quantizeInt4(values.data(), kRows, kColumns, nullptr, plain);
  quantizeInt4(values.data(), kRows, kColumns, &errors, weighted);
  double before = 0, after = 0;
  for (int64_t b = 0; b < moments.blocks(); ++b) {
    InputMoments only(kColumns, 32);
    std::copy_n(moments.at(b), 32 * 32, only.at(b));
    for (int64_t row = 0; row < kRows; ++row) {
      const float *x = &values[size_t(row * kColumns)];
      double old = costOf(only, x, plain, row);
      double now = costOf(only, x, weighted, row);
      ASSERT_LE(now, old * (1 + 1e-5)) << "row " << row << " group " << b;
      before += old;
      after += now;
    }
  }
  EXPECT_LT(after, 0.97 * before);
}

/// Related inputs: what is fed back costs less than nearest levels, in whole
/// and in cut blocks, wherever the last block ends.
TEST(Rounding, FeedbackLowersTheCost) {
  for (auto [columns, block] :
       {std::pair(256, 256), std::pair(256, 128), std::pair(224, 128)}) {
    auto moments = correlatedMoments<InputMoments>(columns, block);
    ColumnErrors errors(moments);
    std::vector<float> values = gaussian(kRows * columns, 5);
    Int4Rows plain, fedBack;
    quantizeInt4(values.data(), kRows, columns, nullptr, plain);
    quantizeInt4(values.data(), kRows, columns, &errors, fedBack);
    double before = 0, after = 0;
    for (int64_t row = 0; row < kRows; ++row) {
      const float *x = &values[size_t(row * columns)];
      before += costOf(moments, x, plain, row);
      after += costOf(moments, x, fedBack, row);
    }
    EXPECT_LT(after, 0.4 * before) << columns << " in blocks of " << block;
  }
}

/// Inputs that are all zero say nothing: the bytes are those without moments.
TEST(Rounding, NoInputsChangeNothing) {
  ColumnErrors errors(InputMoments(96, 64));
  std::vector<float> values = gaussian(kRows * 96, 6);
  Int4Rows plain, same;
  quantizeInt4(values.data(), kRows, 96, nullptr, plain);
  quantizeInt4(values.data(), kRows, 96, &errors, same);
  EXPECT_EQ(plain.codes, same.codes);
  EXPECT_EQ(plain.levels, same.levels);
}

/// Missing rows and rows of zeros stay zero.
TEST(Rounding, RowsOfZerosStayZero) {
  auto moments = correlatedMoments<InputMoments>(64, 64);
  ColumnErrors errors(moments);
  std::vector<float> values = gaussian(3 * 64, 7);
  std::fill_n(values.begin() + 64, 64, 0.0f);
  Int4Rows packed;
  quantizeInt4(values.data(), 3, 64, &errors, packed);
  for (int64_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(packed.rowScales[row] == 0, row != 0 && row != 2);
    if (packed.rowScales[row] == 0)
      for (int64_t c = 0; c < 64; ++c)
        EXPECT_EQ(packed.levels[size_t(c * kRows + row)], 8);
  }
}

/// What this machine's vector units give is what any machine gives.
TEST(Rounding, EveryMachineGivesTheSameBytes) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::vector<float> values = gaussian(kRows * 224, seed);
    ColumnErrors errors(correlatedMoments<InputMoments>(224, 128));
    artifact_baseline::ColumnErrors baselineErrors(
        correlatedMoments<artifact_baseline::InputMoments>(224, 128));
    Int4Rows fast;
    artifact_baseline::Int4Rows baseline;
    quantizeInt4(values.data(), kRows, 224, &errors, fast);
    artifact_baseline::quantizeInt4(values.data(), kRows, 224, &baselineErrors,
                                    baseline);
    ASSERT_EQ(
        std::memcmp(fast.rowScales, baseline.rowScales, sizeof(fast.rowScales)),
        0);
    ASSERT_EQ(fast.codes, baseline.codes);
    ASSERT_EQ(fast.levels, baseline.levels);
  }
}

} // namespace
