//===- WeightSourceTest.cpp - What may be read of a tensor ----------------===//

#include "frontends/Checkpoint/WeightSource.h"

#include "gtest/gtest.h"

using namespace gemcut::checkpoint;

// Two rows of 8 elements, four to a scale.
static WeightInfo levelled() {
  WeightInfo info{ElementType::U8, {2, 8}};
  info.levels = LevelForm{/*bits=*/4, /*group=*/4};
  return info;
}

TEST(WeightSource, TypesThatDecodeAreReadable) {
  EXPECT_TRUE((WeightInfo{ElementType::F16, {2}}).isReadable());
  EXPECT_TRUE((WeightInfo{ElementType::Q6_K, {256}}).isReadable());
  EXPECT_TRUE(levelled().isReadable());
  EXPECT_FALSE((WeightInfo{ElementType::U8, {2}}).isReadable());
}

TEST(WeightSource, RowsAreTheLastDimension) {
  EXPECT_EQ((WeightInfo{ElementType::F32, {3, 5, 7}}).columns(), 7);
  EXPECT_EQ((WeightInfo{ElementType::F32, {3, 5, 7}}).elements(), 105);
  EXPECT_EQ((WeightInfo{ElementType::F32, {}}).columns(), 1);
}

TEST(WeightSource, ChecksLevels) {
  auto message = [](const std::optional<WeightInfo> &info, int64_t row,
                    size_t levels, size_t scales) {
    return llvm::toString(checkLevels("w", info, row, levels, scales));
  };
  EXPECT_EQ(message(levelled(), 0, 16, 4), "");
  EXPECT_EQ(message(levelled(), 1, 8, 2), "");
  EXPECT_EQ(message(levelled(), 2, 0, 0), "");
  EXPECT_EQ(message(levelled(), 1, 16, 4),
            "rows 1 to 3 are outside tensor 'w' of 2");
  EXPECT_EQ(message(levelled(), -1, 8, 2),
            "rows -1 to 0 are outside tensor 'w' of 2");
  EXPECT_EQ(message(levelled(), 0, 8, 3),
            "tensor 'w' has rows of 8 levels in groups of 4, but 8 levels and "
            "3 scales are asked for");
  EXPECT_EQ(message(levelled(), 0, 4, 1),
            "tensor 'w' has rows of 8 levels in groups of 4, but 4 levels and "
            "1 scales are asked for");
  EXPECT_EQ(message(WeightInfo{ElementType::BF16, {2, 8}}, 0, 8, 2),
            "tensor 'w' has dtype BF16, which is not stored as levels");
  EXPECT_EQ(message(std::nullopt, 0, 8, 2), "there is no tensor 'w'");
}
