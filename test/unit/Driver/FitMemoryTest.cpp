//===- FitMemoryTest.cpp - What a memory limit leaves ---------------------===//

#include "compiler/Driver/FitMemory.h"

#include <gtest/gtest.h>

using namespace gemcut;
using namespace gemcut::driver;

namespace {

Reporter silent;

constexpr uint64_t kMiB = uint64_t(1) << 20;

/// The true shapes of E2B: 1.2 GiB that every token reads, and 2.3 GiB of
/// tables.
class FitMemory : public testing::Test {
protected:
  void SetUp() override {
    WeightOptions weights;
    weights.randomSeed = 1;
    auto loaded =
        loadModel(GEMCUT_TEST_DATA "/configs/e2b/config.json", weights);
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    model = std::move(*loaded);
    given.quant = "int4";
  }

  /// The options chosen for `limit`, whose plan is held to it.
  PlanOptions fit(uint64_t limit) {
    auto fitted = fitMemory(model, given, limit, 1 << 20, silent);
    EXPECT_TRUE(bool(fitted)) << llvm::toString(fitted.takeError());
    if (!fitted)
      return {};
    auto plan = planMemory(model, *fitted, 1 << 20, silent);
    EXPECT_TRUE(bool(plan));
    EXPECT_LE(plan->totalBytes(), limit);
    total = plan->totalBytes();
    return *fitted;
  }

  /// Of the shortest context with all measures.
  uint64_t leastBytes(PlanOptions options) {
    options.context = kLeastContext;
    options.kv = "int8";
    options.prefillChunk = 32;
    options.scoreChunk = 8;
    options.tableBound = 4 * kMiB;
    auto plan = planMemory(model, options, 1 << 20, silent);
    EXPECT_TRUE(bool(plan));
    return plan->totalBytes();
  }

  LoadedModel model;
  PlanOptions given;
  uint64_t total = 0;
};

TEST_F(FitMemory, MuchMemoryGivesAllPositionsTheModelWasMadeFor) {
  PlanOptions options = fit(8192 * kMiB);
  EXPECT_EQ(options.context, model.config.maxPositions);
  EXPECT_EQ(options.slots, kUsefulSlots);
  EXPECT_EQ(options.kv, "bf16");
  EXPECT_EQ(options.prefillChunk, 0);
  EXPECT_EQ(options.tableBound, 64 * kMiB);
}

TEST_F(FitMemory, TheContextIsAsLongAsFits) {
  uint64_t limit = 1536 * kMiB;
  PlanOptions options = fit(limit);
  EXPECT_EQ(options.kv, "bf16");
  EXPECT_GT(options.context, kComfortableContext);
  EXPECT_LT(options.context, model.config.maxPositions);
  // Another step of 256 positions, with 3 layers of 2 x 512 x 2 bytes, would
  // not.
  EXPECT_GT(total + 256 * 3 * 2 * 512 * 2 + 256 * 4 + 8 * kMiB, limit);
}

TEST_F(FitMemory, LittleMemoryCostsTablesChunksAndThenBitsOfTheCache) {
  auto least = fitMemory(model, given, kMiB, 1 << 20, silent);
  ASSERT_FALSE(bool(least));
  std::string message = llvm::toString(least.takeError());
  for (const char *part :
       {"at least 1.", " GiB with 256 positions and KV in int8 (weights 1.",
        "tables 4.0 MiB of 2.", "KV ", "arena ", "other ",
        "--max-ram is 1.0 MiB"})
    EXPECT_NE(message.find(part), std::string::npos) << part << "\n" << message;
  PlanOptions middle = fit(1246 * kMiB);
  EXPECT_EQ(middle.kv, "int8");
  EXPECT_EQ(middle.tableBound, 16 * kMiB);
  EXPECT_EQ(middle.scoreChunk, 8);
  EXPECT_EQ(middle.prefillChunk, 64);
  PlanOptions low = fit(uint64_t(1.01 * double(leastBytes(given))));
  EXPECT_EQ(low.kv, "int8");
  EXPECT_EQ(low.tableBound, 4 * kMiB);
  EXPECT_EQ(low.prefillChunk, 32);
  EXPECT_LT(low.context, kComfortableContext);
}

TEST_F(FitMemory, SlotsComeBehindAUsefulContext) {
  PlanOptions one = given;
  one.context = kUsefulContext;
  auto plan = planMemory(model, one, 1 << 20, silent);
  ASSERT_TRUE(bool(plan));
  // Room for another slot and a half; a slot of E2B has 215 MiB.
  uint64_t limit = plan->totalBytes() + plan->kvSlotBytes * 3 / 2;
  PlanOptions two = fit(limit);
  EXPECT_GE(two.context, kUsefulContext);
  EXPECT_EQ(two.slots, 2);
  // Not enough for a useful context: one slot.
  PlanOptions less = fit(plan->totalBytes() - kMiB);
  EXPECT_LT(less.context, kUsefulContext);
  EXPECT_EQ(less.slots, 1);
  // A context that was given leaves the rest to slots.
  given.context = 8192;
  EXPECT_EQ(fit(limit).slots, kUsefulSlots);
  given.context = 0;
  given.slots = 1;
  given.isSlotsGiven = true;
  PlanOptions single = fit(limit);
  EXPECT_EQ(single.slots, 1);
  EXPECT_GT(single.context, kUsefulContext);
}

TEST_F(FitMemory, WhatIsGivenStays) {
  given.context = 2048;
  given.kv = "bf16";
  given.isKvGiven = true;
  given.prefillChunk = 128;
  PlanOptions options = fit(1400 * kMiB);
  EXPECT_EQ(options.context, 2048);
  EXPECT_EQ(options.kv, "bf16");
  EXPECT_EQ(options.prefillChunk, 128);
  given.context = 131072;
  auto refused = fitMemory(model, given, 1400 * kMiB, 1 << 20, silent);
  ASSERT_FALSE(bool(refused));
  EXPECT_NE(llvm::toString(refused.takeError())
                .find("with 131072 positions and KV in bf16"),
            std::string::npos);
}

} // namespace
