//===- RandomWeightsTest.cpp - The rule, bit for bit ----------------------===//

#include "frontends/Gemma4/RandomWeights.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "gtest/gtest.h"

using namespace gemcut;
using namespace gemcut::gemma4;

static llvm::StringMap<checkpoint::WeightInfo>
tableOf(const checkpoint::WeightSource &source) {
  llvm::StringMap<checkpoint::WeightInfo> table;
  for (const std::string &name : source.names())
    table[name] = *source.find(name);
  return table;
}

class StoredCheckpointTest : public testing::TestWithParam<const char *> {};

// Seed 0 reproduces stored checkpoints of every class, both prefixes and
// dtypes.
TEST_P(StoredCheckpointTest, IsReproduced) {
  auto checkpoint = llvm::cantFail(safetensors::Checkpoint::open(
      std::string(GEMCUT_TEST_DATA) + "/goldens/" + GetParam()));
  RandomWeights random(tableOf(*checkpoint));
  EXPECT_GT(checkpoint->tensors().size(), 80u);
  for (const std::string &name : checkpoint->names()) {
    std::vector<float> expected(checkpoint->find(name)->elements());
    std::vector<float> found(expected.size());
    llvm::cantFail(checkpoint->readF32(name, 0, expected));
    llvm::cantFail(random.readF32(name, 0, found));
    EXPECT_EQ(found, expected) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, StoredCheckpointTest,
                         testing::Values("edge", "edge-mqa", "edge-bf16",
                                         "dense", "moe"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

namespace {
class RandomWeightsTest : public testing::Test {
protected:
  static llvm::StringMap<checkpoint::WeightInfo> table() {
    llvm::StringMap<checkpoint::WeightInfo> table;
    table[kName] = {checkpoint::ElementType::F32, {8, 300}};
    table["model.embed_tokens.weight"] = {checkpoint::ElementType::F32, {4, 8}};
    table["model.layers.0.order"] = {checkpoint::ElementType::I64, {4}};
    return table;
  }
  static constexpr const char *kName = "model.layers.0.mlp.up_proj.weight";

  static std::vector<float> read(const checkpoint::WeightSource &source,
                                 int64_t first, int64_t count) {
    std::vector<float> values(count);
    llvm::cantFail(source.readF32(kName, first, values));
    return values;
  }
};
} // namespace

// The published check of the generator: hash of the canonical name and the
// first three draws.
TEST_F(RandomWeightsTest, FirstDrawsAreThePublishedOnes) {
  RandomWeights weights(table());
  std::vector<float> values(3);
  llvm::cantFail(weights.readF32("model.embed_tokens.weight", 0, values));
  EXPECT_EQ(values[0], 2 * 0.005157470703125f - 1);
  EXPECT_EQ(values[1], 2 * 0.9516143798828125f - 1);
  EXPECT_EQ(values[2], 2 * 0.5927886962890625f - 1);
}

// A range is the same whether read alone or with its surroundings.
TEST_F(RandomWeightsTest, RangesAgreeWithTheWhole) {
  RandomWeights weights(table());
  std::vector<float> whole = read(weights, 0, 2400);
  for (auto [first, count] : {std::pair(0, 1), {7, 300}, {2399, 1}, {2400, 0}})
    EXPECT_EQ(read(weights, first, count),
              std::vector<float>(whole.begin() + first,
                                 whole.begin() + first + count));
}

// Another seed gives other values of the same range.
TEST_F(RandomWeightsTest, SeedsDiffer) {
  std::vector<float> zero = read(RandomWeights(table()), 0, 2400);
  std::vector<float> one = read(RandomWeights(table(), /*seed=*/1), 0, 2400);
  std::vector<float> two = read(RandomWeights(table(), /*seed=*/2), 0, 2400);
  int equal = 0;
  for (size_t i = 0; i < zero.size(); ++i) {
    equal += one[i] == zero[i] || two[i] == zero[i] || one[i] == two[i];
    EXPECT_LE(std::abs(one[i]), 0.125f);
  }
  EXPECT_LT(equal, 10);
}

TEST_F(RandomWeightsTest, ErrorsNameTheTensor) {
  RandomWeights weights(table());
  auto message = [&](const char *name, int64_t first, int64_t count) {
    std::vector<float> values(count);
    return llvm::toString(weights.readF32(name, first, values));
  };
  EXPECT_EQ(message("nothing", 0, 1), "there is no tensor 'nothing'");
  EXPECT_EQ(message(kName, 2399, 2),
            std::string("elements 2399 to 2401 are outside tensor '") + kName +
                "' of 2400");
  EXPECT_EQ(message(kName, -1, 2),
            std::string("elements -1 to 1 are outside tensor '") + kName +
                "' of 2400");
  EXPECT_EQ(message("model.layers.0.order", 0, 1),
            "tensor 'model.layers.0.order' has dtype I64; supported are F32, "
            "BF16 and F16");
}
