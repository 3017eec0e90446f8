//===- PipelineTest.cpp - Passes keep the meaning of the model ------------===//
//
// The interpreter runs what the gemma pipeline makes of a model: entry points,
// fused ops and outlined layers. Fused ops are defined by the elementary ones,
// so without quantization not a bit may differ.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pipeline/GemmaPipeline.h"
#include "test/unit/Reference/GoldenCase.h"

#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <numeric>

using namespace gemcut;
using namespace gemcut::test;
using reference::Interpreter;
using reference::Tensor;

namespace {

class PipelineTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    golden = GoldenCase::load(GetParam());
    model = RunnableModel::fromCheckpoint(golden);
    ids = golden.ids("main");
    expected = model->forward(ids, 0);
  }

  /// Runs the pipeline on the model and makes an interpreter of the result.
  Interpreter compile(const char *quant) {
    GemmaPipelineOptions options;
    options.quant = std::string(quant);
    mlir::PassManager manager(&model->context);
    buildGemmaPipeline(manager, options);
    EXPECT_TRUE(mlir::succeeded(manager.run(*model->module)));
    return Interpreter(*model->module, *model->weights);
  }

  static Tensor run(Interpreter &interpreter, const char *entry,
                    llvm::ArrayRef<int32_t> ids, int64_t first) {
    std::vector<int64_t> positions(ids.size());
    std::iota(positions.begin(), positions.end(), first);
    auto results = interpreter.run(entry, ids, positions);
    EXPECT_TRUE(mlir::succeeded(results));
    return mlir::succeeded(results) ? results->front() : Tensor();
  }

  std::vector<float> expectedRow(int64_t row) {
    return expected.row(row).vec();
  }

  GoldenCase golden;
  std::unique_ptr<RunnableModel> model;
  std::vector<int32_t> ids;
  Tensor expected;
};

} // namespace

// All rows by score; a prompt by prefill, in one and in two calls; then decode.
TEST_P(PipelineTest, FusedEntryPointsGiveTheSameBits) {
  Interpreter interpreter = compile("f32");
  EXPECT_EQ(run(interpreter, "score", ids, 0).values, expected.values);

  int64_t prompt = ids.size() - 3;
  llvm::ArrayRef<int32_t> all = ids;
  for (int64_t split : {int64_t(0), prompt / 2}) {
    interpreter.resetState();
    if (split)
      run(interpreter, "prefill", all.take_front(split), 0);
    Tensor last =
        run(interpreter, "prefill", all.slice(split, prompt - split), split);
    EXPECT_EQ(last.values, expectedRow(prompt - 1));
    for (size_t at = prompt; at < ids.size(); ++at)
      EXPECT_EQ(run(interpreter, "decode", all.slice(at, 1), at).values,
                expectedRow(at));
  }
}

// Ops of outlined layers are observed under the name of the layer that calls.
TEST_P(PipelineTest, OutlinedLayersKeepTheirNames) {
  Observed before, after;
  model->interpreter->resetState();
  model->interpreter->setObserver(recordInto(before));
  model->forward(ids, 0);
  Interpreter interpreter = compile("f32");
  interpreter.setObserver(recordInto(after));
  run(interpreter, "score", ids, 0);
  for (int64_t layer = 0; layer < golden.config.numLayers(); ++layer) {
    std::string prefix = "layers." + std::to_string(layer) + ".";
    for (const char *op : {"self_attn.o_proj", "mlp.down_proj", "self_attn"}) {
      ASSERT_TRUE(after.count(prefix + op)) << prefix + op;
      EXPECT_EQ(after[prefix + op].values, before[prefix + op].values)
          << prefix + op;
    }
  }
}

// Quantized activations are simulated: results differ, but stay near.
TEST_P(PipelineTest, QuantizedActivationsAreSimulated) {
  Interpreter interpreter = compile("int8");
  Tensor found = run(interpreter, "score", ids, 0);
  ASSERT_EQ(found.values.size(), expected.values.size());
  double difference = 0, magnitude = 0;
  for (auto [a, b] : llvm::zip_equal(found.values, expected.values)) {
    difference += std::fabs(a - b);
    magnitude += std::fabs(b);
  }
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 0.1 * magnitude);
}

INSTANTIATE_TEST_SUITE_P(Cases, PipelineTest,
                         testing::Values("edge", "edge-mqa", "edge-bf16",
                                         "dense", "moe", "gemma3",
                                         "gemma3-scaled"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
