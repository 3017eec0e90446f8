//===- E2bLayerTest.cpp - The reference at the true widths of E2B ---------===//
//
// Slow tier: 600 tokens, four layers of E2B's widths, weights from their names.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Reference/GoldenCase.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::test;

/// Sum, sum of |x|, root of the sum of squares, and the sum of
/// x[i] * ((i mod 1009) / 1009 - 0.5): what golden.json records of a tensor.
static std::vector<double> checksums(llvm::ArrayRef<float> values) {
  double sum = 0, absolute = 0, squares = 0, weighted = 0;
  for (auto [i, x] : llvm::enumerate(values)) {
    sum += x;
    absolute += std::fabs(x);
    squares += double(x) * x;
    weighted += x * (double(i % 1009) / 1009 - 0.5);
  }
  return {sum, absolute, std::sqrt(squares), weighted};
}

/// The part of `rows` that the golden tensor "NAME.PART" holds.
static std::vector<float> selectPart(const reference::Tensor &rows,
                                     llvm::StringRef part) {
  if (part == "last_row" || part == "last_position" || part == "last")
    return rows.row(rows.rows - 1).vec();
  std::vector<float> selected;
  if (part == "first64_of_row_511_to_514")
    for (int64_t r = 511; r < 515; ++r)
      for (float value : rows.row(r).take_front(64))
        selected.push_back(value);
  if (part == "last4")
    selected.assign(rows.values.end() - 4 * rows.columns, rows.values.end());
  return selected;
}

TEST(E2bLayerTest, EveryStoredPartAndChecksumAgrees) {
  GoldenCase golden = GoldenCase::load("e2b-layer");
  auto model = RunnableModel::fromConfig(golden);
  std::vector<std::string> names;
  const llvm::json::Object &sums =
      *golden.run("main").getObject("checksums")->getObject("values");
  for (const auto &[name, unused] : sums)
    names.push_back(name.str());
  ASSERT_GE(names.size(), 20u);
  // Keeps only what is compared: all tensors would be a gigabyte.
  Observed observed;
  model->interpreter->setObserver(
      [&](const reference::Observation &observation) {
        for (const std::string &golden : names)
          if (observation.names.front() == gemma4::getOpNameOfGolden(golden))
            observed[golden] = observation.value;
        return reference::Next::Continue;
      });
  model->forward(golden.ids("main"), golden.firstPosition("main"));

  for (const std::string &name : names) {
    ASSERT_TRUE(observed.count(name)) << "nothing computes " << name;
    const reference::Tensor &tensor = observed[name];
    std::vector<double> found = checksums(tensor.values);
    const llvm::json::Array &expected = *sums.getArray(name);
    // Per element the case's tolerance, relative to the largest magnitude;
    // errors of `count` elements add up like a random walk at worst in the
    // mean.
    float largest = 0;
    for (float value : tensor.values)
      largest = std::max(largest, std::fabs(value));
    double allowed = double(golden.tensorsRel) * largest *
                     std::sqrt(double(tensor.values.size()));
    for (int i = 0; i < 4; ++i)
      EXPECT_NEAR(found[i], *expected[i].getAsNumber(), allowed)
          << name << ", checksum " << i;
  }
  for (const safetensors::TensorInfo &stored : golden.golden->tensors()) {
    llvm::StringRef name = llvm::StringRef(stored.name).split('.').second;
    llvm::StringRef part;
    if (name.starts_with("logits_") || name.starts_with("ple_"))
      std::tie(name, part) = name.split('_');
    else
      std::tie(name, part) = name.rsplit('.');
    std::vector<float> expected = golden.values(stored);
    EXPECT_LE(
        largestDifference(selectPart(observed.at(name.str()), part), expected),
        golden.tolerance(name, expected))
        << stored.name;
  }
}
