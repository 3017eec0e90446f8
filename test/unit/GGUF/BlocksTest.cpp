//===- BlocksTest.cpp - Blocks against ggml's own values ------------------===//

#include "frontends/GGUF/Blocks.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <fstream>

using namespace gemcut;
using namespace gemcut::gguf;
using checkpoint::ElementType;

namespace {

struct TypeCase {
  ElementType type;
  int64_t elements, bytes; ///< of a block, as ggml-common.h has them
};
constexpr TypeCase kCases[] = {
    {ElementType::Q4_0, 32, 18},   {ElementType::Q4_1, 32, 20},
    {ElementType::Q5_0, 32, 22},   {ElementType::Q5_1, 32, 24},
    {ElementType::Q8_0, 32, 34},   {ElementType::Q2_K, 256, 84},
    {ElementType::Q3_K, 256, 110}, {ElementType::Q4_K, 256, 144},
    {ElementType::Q5_K, 256, 176}, {ElementType::Q6_K, 256, 210},
    {ElementType::IQ4_NL, 32, 18}, {ElementType::MXFP4, 32, 17},
};

class BlocksTest : public testing::TestWithParam<TypeCase> {
protected:
  std::string blocks, values;

  void SetUp() override {
    std::ifstream stream(GEMCUT_TEST_DATA "/gguf/blocks.json");
    nlohmann::json all = nlohmann::json::parse(stream);
    const nlohmann::json &entry =
        all.at(checkpoint::stringify(GetParam().type).str());
    blocks = llvm::fromHex(entry["blocks"].get<std::string>());
    values = llvm::fromHex(entry["values"].get<std::string>());
  }
  const uint8_t *source() const {
    return reinterpret_cast<const uint8_t *>(blocks.data());
  }
};

} // namespace

TEST_P(BlocksTest, DecodesToTheSameBits) {
  const TypeCase &test = GetParam();
  ASSERT_EQ(blockSize(test.type).elements, test.elements);
  ASSERT_EQ(blockSize(test.type).bytes, test.bytes);
  int64_t count = int64_t(blocks.size()) / test.bytes;
  ASSERT_GE(count, 3);
  std::vector<float> out(size_t(count * test.elements));
  ASSERT_EQ(values.size(), out.size() * 4);
  decodeBlocks(test.type, source(), count, out.data());
  for (size_t i = 0; i < out.size(); ++i) {
    uint32_t found, expected;
    std::memcpy(&found, &out[i], 4);
    std::memcpy(&expected, values.data() + 4 * i, 4);
    ASSERT_EQ(found, expected) << "element " << i << ": " << out[i];
  }
}

// Where a type has levels, they lie in the range that it states, and times
// their scale they are the values.
TEST_P(BlocksTest, LevelsTimesScalesAreTheValues) {
  const TypeCase &test = GetParam();
  std::optional<checkpoint::LevelForm> form = levelForm(test.type);
  if (!form) {
    EXPECT_TRUE(test.elements == 256 || test.type == ElementType::Q4_1 ||
                test.type == ElementType::Q5_1);
    return;
  }
  EXPECT_EQ(form->group, 32);
  int64_t count = int64_t(blocks.size()) / test.bytes;
  std::vector<float> expected(size_t(count * 32)), scales(count);
  std::vector<int8_t> levels(expected.size());
  decodeBlocks(test.type, source(), count, expected.data());
  decodeLevels(test.type, source(), count, levels.data(), scales.data());
  for (size_t i = 0; i < levels.size(); ++i) {
    EXPECT_EQ(float(levels[i]) * scales[i / 32], expected[i]);
    EXPECT_GE(levels[i], -(1 << (form->bits - 1)));
    EXPECT_LT(levels[i], 1 << (form->bits - 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, BlocksTest, testing::ValuesIn(kCases),
                         [](const auto &info) {
                           return checkpoint::stringify(info.param.type).str();
                         });

TEST(Blocks, EveryNumberHasAName) {
  EXPECT_EQ(typeOfNumber(14), ElementType::Q6_K);
  EXPECT_EQ(typeOfNumber(30), ElementType::BF16);
  EXPECT_EQ(typeOfNumber(16), std::nullopt);
  EXPECT_EQ(nameOfNumber(16), "IQ2_XXS");
  EXPECT_EQ(nameOfNumber(12), "Q4_K");
  EXPECT_EQ(nameOfNumber(4000), "unknown");
}
