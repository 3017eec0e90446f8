//===- GoldenTest.cpp - The reference against official results ------------===//
//
// Importer and interpreter together must reproduce the tensors that the
// official implementation computed in float32.
//
//===----------------------------------------------------------------------===//

#include "test/unit/Reference/GoldenCase.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace gemcut;
using namespace gemcut::test;

namespace {

class GoldenTest : public testing::TestWithParam<const char *> {
protected:
  GoldenCase golden = GoldenCase::load(GetParam());
};

/// Splits "main.layers.0.out" at the first dot.
std::pair<llvm::StringRef, llvm::StringRef> splitRun(llvm::StringRef name) {
  return name.split('.');
}

/// Index of the largest logit whose id is not in `banned`.
int32_t argmax(llvm::ArrayRef<float> logits, llvm::ArrayRef<int32_t> banned) {
  int32_t best = -1;
  for (int32_t id = 0; id < int32_t(logits.size()); ++id)
    if (!llvm::is_contained(banned, id) &&
        (best < 0 || logits[id] > logits[best]))
      best = id;
  return best;
}

} // namespace

// Every stored tensor of every float32 run, at the case's own tolerance.
TEST_P(GoldenTest, EveryStoredTensorAgrees) {
  std::unique_ptr<RunnableModel> model = RunnableModel::fromCheckpoint(golden);
  std::map<std::string, Observed> runs;
  for (const auto &[runName, unused] :
       *golden.description.getAsObject()->getObject("runs")) {
    std::string name = runName.str();
    if (name == "bf16_run") // HF in bfloat16: another computation
      continue;
    model->interpreter->resetState();
    model->interpreter->setObserver(recordInto(runs[name]));
    model->forward(golden.ids(name), golden.firstPosition(name));
  }
  int compared = 0;
  for (const safetensors::TensorInfo &tensor : golden.golden->tensors()) {
    auto [run, name] = splitRun(tensor.name);
    if (run == "bf16_run" || name.starts_with("greedy_no_repeat."))
      continue;
    const Observed &observed = runs.at(run.str());
    std::string opName = gemma4::getOpNameOfGolden(name);
    // Without a norm, values are what the projection gives.
    if (llvm::StringRef(opName).ends_with(".v") && !golden.config.valueNorm)
      opName.replace(opName.size() - 1, 1, "self_attn.v_proj");
    auto it = observed.find(opName);
    ASSERT_NE(it, observed.end()) << "nothing computes " << tensor.name;
    std::vector<float> expected = golden.values(tensor);
    bool isCache = name.ends_with(".k") || name.ends_with(".v");
    std::vector<float> found =
        isCache ? headsFirst(it->second, tensor.shape[0]) : it->second.values;
    EXPECT_LE(largestDifference(found, expected),
              golden.tolerance(name, expected))
        << tensor.name;
    ++compared;
  }
  // Fewer are stored of the text parts of multimodal checkpoints.
  EXPECT_GE(compared, golden.suppressed.empty() ? 25 : 20);
}

// Prompt, then one token at a time with the KV state of the steps before.
TEST_P(GoldenTest, CachedDecodingGivesTheSameIdsAndLogits) {
  std::unique_ptr<RunnableModel> model = RunnableModel::fromCheckpoint(golden);
  for (bool noRepeat : {false, true}) {
    const char *label = noRepeat ? "greedy_no_repeat" : "greedy";
    std::vector<int32_t> expected =
        toIds(*golden.run("main").getObject(label)->getArray("ids"));
    model->interpreter->resetState();
    std::vector<int32_t> sequence = golden.ids("main");
    size_t prompt = sequence.size();
    reference::Tensor logits = model->forward(sequence, 0);
    std::vector<float> stepLogits;
    for (size_t step = 0; step < expected.size(); ++step) {
      llvm::ArrayRef<float> last = logits.row(logits.rows - 1);
      stepLogits.insert(stepLogits.end(), last.begin(), last.end());
      std::vector<int32_t> banned = golden.suppressed;
      if (noRepeat)
        llvm::append_range(banned, sequence);
      sequence.push_back(argmax(last, banned));
      logits = model->forward(sequence.back(), sequence.size() - 1);
    }
    EXPECT_EQ(llvm::ArrayRef<int32_t>(sequence).drop_front(prompt).vec(),
              expected)
        << label;
    if (!noRepeat)
      continue;
    const safetensors::TensorInfo *stored =
        golden.golden->findTensor("main.greedy_no_repeat.step_logits");
    ASSERT_TRUE(stored);
    EXPECT_LE(largestDifference(stepLogits, golden.values(*stored)),
              golden.logitsAbs);
  }
}

// Sums run in the same order whatever the number of rows: not a bit differs.
TEST_P(GoldenTest, PrefillInChunksGivesTheSameLogits) {
  std::unique_ptr<RunnableModel> model = RunnableModel::fromCheckpoint(golden);
  std::vector<int32_t> ids = golden.ids("main");
  // Long enough for a window of 4 to move and for a second chunk of 32.
  while (ids.size() < 40)
    ids.push_back((ids.back() * 7 + 3) % golden.config.vocabSize);
  std::vector<float> whole = model->forward(ids, 0).values;
  for (size_t chunk : {1, 7, 32}) {
    model->interpreter->resetState();
    std::vector<float> pieces;
    for (size_t at = 0; at < ids.size(); at += chunk) {
      size_t count = std::min(chunk, ids.size() - at);
      reference::Tensor part =
          model->forward(llvm::ArrayRef<int32_t>(ids).slice(at, count), at);
      pieces.insert(pieces.end(), part.values.begin(), part.values.end());
    }
    EXPECT_EQ(pieces, whole) << "chunks of " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest,
                         testing::Values("edge", "edge-mqa", "edge-bf16",
                                         "dense", "moe", "gemma3",
                                         "gemma3-scaled", "unified",
                                         "vision-large", "vision-moe",
                                         "vision-audio"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The stored checkpoint carries the unused K and V of sharing layers; random
// weights have the same values for all other tensors and lack those.
TEST(GoldenEdgeTest, UnusedKeysAndValuesChangeNothing) {
  GoldenCase golden = GoldenCase::load("edge");
  auto with = RunnableModel::fromCheckpoint(golden);
  auto without = RunnableModel::fromConfig(golden);
  std::string dead = "model.language_model.layers.5.self_attn.k_proj.weight";
  ASSERT_TRUE(with->weights->find(dead));
  ASSERT_FALSE(without->weights->find(dead));
  std::vector<int32_t> ids = golden.ids("main");
  EXPECT_EQ(with->forward(ids, 0).values, without->forward(ids, 0).values);
}

// Values that were computed in float64 from the formulas alone, independently
// of the official implementation, for the same weights and ids.
TEST(GoldenEdgeTest, AgreesWithAnIndependentFloat64Evaluation) {
  GoldenCase golden = GoldenCase::load("edge");
  auto model = RunnableModel::fromConfig(golden);
  Observed observed;
  model->interpreter->setObserver(recordInto(observed));
  model->forward(golden.ids("main"), 0);
  auto expectLastRow = [&](const char *name, std::vector<float> expected,
                           int64_t offset = 0) {
    const reference::Tensor &tensor = observed.at(name);
    llvm::ArrayRef<float> row = tensor.row(tensor.rows - 1);
    for (auto [i, value] : llvm::enumerate(expected))
      EXPECT_NEAR(row[offset + i], value, 2e-4) << name << " " << i;
  };
  expectLastRow("embed", {1.110840f, -1.372070f, -0.926514f, 4.407959f});
  expectLastRow("ple", {0.515290f, 3.667289f, -3.635879f, -4.333228f});
  expectLastRow("ple", {-3.557473f, 4.434703f, -0.819841f, -3.268539f},
                /*offset=*/5 * golden.config.perLayerInput);
  expectLastRow("layers.0.out",
                {-0.546482f, -0.515394f, -1.310450f, 4.013796f});
  expectLastRow("layers.4.out", {-1.213284f, 0.365076f, -3.891894f, 0.589255f});
  expectLastRow("layers.3.k", {-0.309953f, -0.602516f, 0.919623f, 0.125772f});
  expectLastRow("layers.3.v", {0.657176f, 0.436117f, 0.724665f, -0.206404f});
  expectLastRow("layers.2.k", {-1.188233f, 1.061308f, 0.433444f, 1.293473f});
  expectLastRow("norm", {-0.072983f, 0.393829f, -1.108647f, -1.096864f});
  expectLastRow("logits", {3.40203f, 2.44344f, 4.81088f, -5.66616f, -2.65866f,
                           4.63422f, 7.21308f, -5.14870f});
}
