//===- PlanProgramTest.cpp - What the driver chooses for a program --------===//

#include "compiler/Driver/PlanProgram.h"

#include <gtest/gtest.h>

using namespace gemcut::driver;

TEST(PlanProgram, PrefillChunkFillsHalfOfTheCache) {
  constexpr int64_t kMiB = 1 << 20;
  // 1920 bytes a row: 491520 of 524288.
  EXPECT_EQ(choosePrefillChunk(1536, kMiB), 256);
  EXPECT_EQ(choosePrefillChunk(2560, kMiB), 128);
  EXPECT_EQ(choosePrefillChunk(1536, kMiB / 4), 64);
  EXPECT_EQ(choosePrefillChunk(64, kMiB), 256);
  EXPECT_EQ(choosePrefillChunk(1 << 20, kMiB), 32);
}
