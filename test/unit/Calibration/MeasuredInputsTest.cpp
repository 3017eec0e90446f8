//===- MeasuredInputsTest.cpp - Second moments over a text ----------------===//

#include "compiler/Calibration/MeasuredInputs.h"

#include "test/unit/Reference/GoldenCase.h"

#include "gtest/gtest.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::test;
using namespace gemcut::calibration;

namespace {

using Sequences = std::vector<std::vector<int32_t>>;

TEST(CutSequences, BeginAtBosAndEndWhereTheyAreLong) {
  EXPECT_EQ(cutSequences({2, 5, 6, 2, 7, 8, 9, 4}, 2, 3, 100),
            (Sequences{{2, 5, 6}, {2, 7, 8}, {9, 4}}));
  EXPECT_EQ(cutSequences({2, 5, 6, 2, 7, 8, 9, 4}, 2, 100, 5),
            (Sequences{{2, 5, 6}, {2, 7}}));
}

TEST(CutSequences, SingleTokensAreDropped) {
  EXPECT_EQ(cutSequences({2, 2, 5, 2}, 2, 100, 100), (Sequences{{2, 5}}));
  EXPECT_EQ(cutSequences({}, 2, 100, 100), Sequences());
}

/// The moments are those of the values that the interpreter computes, over all
/// sequences, each from an empty cache.
TEST(MeasuredInputs, AreThoseOfObservedValues) {
  GoldenCase golden = GoldenCase::load("edge");
  auto model = RunnableModel::fromCheckpoint(golden);
  Sequences sequences{golden.ids("main"), {2, 9, 30, 4}};
  auto measured = MeasuredInputs::measure(*model->module, *model->weights,
                                          sequences, /*threads=*/1, nullptr);
  ASSERT_TRUE(succeeded(measured));
  int64_t columns = golden.config.hiddenSize;
  struct Case {
    const char *input, *matrix;
  };
  std::string prefix = "model.language_model.";
  if (!model->weights->find(prefix + "norm.weight"))
    prefix = "model.";
  for (Case test :
       {Case{"layers.0.input_layernorm", "layers.0.self_attn.q_proj.weight"},
        Case{"layers.1.pre_feedforward_layernorm",
             "layers.1.mlp.up_proj.weight"}}) {
    artifact::InputMoments moments(columns, columns);
    for (const std::vector<int32_t> &ids : sequences) {
      model->interpreter->resetState();
      model->interpreter->setObserver(
          [&](const reference::Observation &observation) {
            if (llvm::is_contained(observation.names, test.input))
              for (int64_t r = 0; r < observation.value.rows; ++r)
                moments.add(observation.value.row(r).data());
            return reference::Next::Continue;
          });
      model->forward(ids, 0);
    }
    artifact::ColumnErrors expected(moments, /*damping=*/0.02);
    auto errors = (*measured)->get(prefix + test.matrix);
    ASSERT_NE(errors, nullptr) << test.matrix;
    EXPECT_EQ(std::memcmp(errors->getCosts(), expected.getCosts(),
                          size_t(columns) * sizeof(float)),
              0)
        << test.matrix;
  }
  // Matrices of one input share its moments; the head has them too.
  EXPECT_EQ((*measured)->get(prefix + "layers.0.self_attn.q_proj.weight"),
            (*measured)->get(prefix + "layers.0.self_attn.v_proj.weight"));
  EXPECT_NE((*measured)->get(prefix + "embed_tokens.weight"), nullptr);
  EXPECT_EQ((*measured)->get("no.such.weight"), nullptr);
}

TEST(MeasuredInputs, ReportsAndStopsWithinASequence) {
  GoldenCase golden = GoldenCase::load("edge");
  auto model = RunnableModel::fromCheckpoint(golden);
  Sequences sequences{{2, 9, 30, 4}, {2, 7, 11}};
  std::vector<uint64_t> told;
  uint64_t stopAt = 7;
  auto measure = [&] {
    told.clear();
    return MeasuredInputs::measure(*model->module, *model->weights, sequences,
                                   /*threads=*/1,
                                   [&](uint64_t done, uint64_t total) {
                                     EXPECT_EQ(total, 7u);
                                     told.push_back(done);
                                     return done < stopAt || stopAt == 7;
                                   });
  };
  ASSERT_TRUE(succeeded(measure()));
  EXPECT_TRUE(llvm::is_sorted(told));
  EXPECT_EQ(told.back(), 7u);
  for (uint64_t done = 0; done <= 7; ++done)
    EXPECT_TRUE(llvm::is_contained(told, done)) << done;
  stopAt = 2;
  EXPECT_TRUE(failed(measure()));
  EXPECT_EQ(told.back(), 2u);
}

} // namespace
