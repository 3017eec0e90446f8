//===- FoldedWeightsTest.cpp - Gemma 3 weights as multipliers -------------===//

#include "frontends/Gemma3/FoldedWeights.h"

#include "frontends/Gemma4/RandomWeights.h"
#include "frontends/Safetensors/Checkpoint.h"

#include "gtest/gtest.h"

using namespace gemcut;
using namespace gemcut::gemma3;
using checkpoint::ElementType;
using gemcut::checkpoint::WeightInfo;
using gemcut::gemma4::RandomWeights;

namespace {

constexpr const char *kNorm = "model.layers.1.input_layernorm.weight";
constexpr const char *kLastNorm = "model.norm.weight";
constexpr const char *kQueryNorm = "model.layers.1.self_attn.q_norm.weight";
constexpr const char *kKeyNorm = "model.layers.1.self_attn.k_norm.weight";
constexpr const char *kLinear = "model.layers.1.mlp.up_proj.weight";

std::unique_ptr<RandomWeights> stored() {
  llvm::StringMap<WeightInfo> tensors;
  for (const char *name : {kNorm, kLastNorm, kQueryNorm, kKeyNorm})
    tensors[name] = {ElementType::BF16, {16}};
  tensors[kLinear] = {ElementType::BF16, {4, 16}};
  return std::make_unique<RandomWeights>(std::move(tensors), /*seed=*/0,
                                         /*offsetNorms=*/true);
}

std::vector<float> read(const checkpoint::WeightSource &source,
                        const char *name, int64_t first = 0,
                        int64_t count = 16) {
  std::vector<float> values(count);
  llvm::cantFail(source.readF32(name, first, values));
  return values;
}

} // namespace

TEST(FoldedWeightsTest, NormsBecomeMultipliers) {
  auto source = stored();
  FoldedWeights folded(stored(), /*normOffset=*/1, /*queryScale=*/0.3f);
  for (const char *name : {kNorm, kLastNorm, kKeyNorm, kQueryNorm}) {
    EXPECT_EQ(folded.find(name)->type, ElementType::F32) << name;
    EXPECT_EQ(folded.find(name)->shape, source->find(name)->shape);
    std::vector<float> expected = read(*source, name);
    for (float &value : expected)
      value = (1 + value) * (name == kQueryNorm ? 0.3f : 1.0f);
    EXPECT_EQ(read(folded, name), expected) << name;
  }
}

// Where the file holds the sum, only the queries are scaled.
TEST(FoldedWeightsTest, SumsAreKept) {
  auto source = stored();
  FoldedWeights folded(stored(), /*normOffset=*/0, /*queryScale=*/0.25f);
  EXPECT_EQ(read(folded, kNorm), read(*source, kNorm));
  EXPECT_EQ(read(folded, kQueryNorm)[3], read(*source, kQueryNorm)[3] / 4);
}

TEST(FoldedWeightsTest, OtherTensorsAreAsStored) {
  auto source = stored();
  FoldedWeights folded(stored(), 1, 0.5f);
  EXPECT_EQ(folded.find(kLinear)->type, ElementType::BF16);
  EXPECT_EQ(read(folded, kLinear, 7, 40), read(*source, kLinear, 7, 40));
  EXPECT_FALSE(folded.find("model.layers.2.input_layernorm.weight"));
  std::vector<float> out(17);
  EXPECT_EQ(llvm::toString(folded.readF32(kNorm, 0, out)),
            "elements 0 to 17 are outside tensor "
            "'model.layers.1.input_layernorm.weight' of 16");
}

TEST(FoldedWeightsTest, NothingToFoldIsTheSourceItself) {
  config::ModelConfig config;
  auto source = stored();
  checkpoint::WeightSource *raw = source.get();
  EXPECT_EQ(foldWeights(config, std::move(source)).get(), raw);
  config.offsetNorms = true;
  auto folded = foldWeights(config, stored());
  EXPECT_EQ(read(*folded, kNorm)[0], 1 + read(*stored(), kNorm)[0]);
}

// Seed 0 of random weights reproduces the stored checkpoints of the family.
TEST(FoldedWeightsTest, RandomWeightsAreThoseOfTheGoldens) {
  for (const char *name : {"gemma3", "gemma3-scaled"}) {
    auto stored = llvm::cantFail(safetensors::Checkpoint::open(
        std::string(GEMCUT_TEST_DATA) + "/goldens/" + name));
    llvm::StringMap<WeightInfo> table;
    for (const std::string &tensor : stored->names())
      table[tensor] = *stored->find(tensor);
    RandomWeights random(table, /*seed=*/0, /*offsetNorms=*/true);
    for (const std::string &tensor : stored->names()) {
      int64_t count = table[tensor].elements();
      EXPECT_EQ(read(random, tensor.c_str(), 0, count),
                read(*stored, tensor.c_str(), 0, count))
          << tensor;
    }
  }
}
