//===- MemoryPlanTest.cpp - Sizes as text, limits -------------------------===//

#include "compiler/Driver/MemoryPlan.h"

#include <gtest/gtest.h>

using namespace gemcut::driver;

namespace {

uint64_t parsed(llvm::StringRef text) {
  auto bytes = parseBytes(text);
  if (!bytes) {
    ADD_FAILURE() << llvm::toString(bytes.takeError());
    return 0;
  }
  return *bytes;
}

TEST(MemoryPlan, ParsesSizes) {
  EXPECT_EQ(parsed("123456"), 123456u);
  EXPECT_EQ(parsed("1"), 1u);
  EXPECT_EQ(parsed("4K"), 4096u);
  EXPECT_EQ(parsed("4kB"), 4096u);
  EXPECT_EQ(parsed("512M"), uint64_t(512) << 20);
  EXPECT_EQ(parsed("1.5GiB"), uint64_t(3) << 29);
  EXPECT_EQ(parsed("2 GB"), uint64_t(2) << 30);
  EXPECT_EQ(parsed("1T"), uint64_t(1) << 40);
  EXPECT_EQ(parsed("8388607T"), uint64_t(8388607) << 40);
}

TEST(MemoryPlan, RefusesOtherSizes) {
  for (const char *text :
       {"", "G", "-1G", "4X", "1e3", "0x10", "1..5G", "4G4", "99999999999999G",
        "8388608T", "9223372036854775808", "nan", "inf", "0", "0G"}) {
    auto bytes = parseBytes(text);
    ASSERT_FALSE(bool(bytes)) << text;
    EXPECT_NE(llvm::toString(bytes.takeError()).find(text), std::string::npos);
  }
}

TEST(MemoryPlan, FormatsSizes) {
  EXPECT_EQ(formatBytes(0), "0 B");
  EXPECT_EQ(formatBytes(1023), "1023 B");
  EXPECT_EQ(formatBytes(1024), "1.0 KiB");
  EXPECT_EQ(formatBytes(uint64_t(3) << 29), "1.5 GiB");
  EXPECT_EQ(formatBytes(uint64_t(5000) << 40), "5000.0 TiB");
}

MemoryPlan somePlan() {
  MemoryPlan plan;
  plan.weightBytes = 1000;
  plan.arenaBytes = 100;
  plan.kvSlotBytes = 50;
  plan.otherBytes = 30;
  plan.tableBytes = 700;
  plan.tableBound = 200;
  plan.slots = 3;
  return plan;
}

TEST(MemoryPlan, AddsUp) {
  EXPECT_EQ(somePlan().privateBytes(), 280u);
  EXPECT_EQ(somePlan().residentWeightBytes(), 500u);
  EXPECT_EQ(somePlan().totalBytes(), 780u);
  MemoryPlan small = somePlan();
  small.tableBound = 1000; // more than there is
  EXPECT_EQ(small.totalBytes(), 1280u);
}

TEST(MemoryPlan, LimitIsInclusive) {
  EXPECT_FALSE(bool(checkLimit(somePlan(), 0)));
  EXPECT_FALSE(bool(checkLimit(somePlan(), 780)));
  llvm::Error error = checkLimit(somePlan(), 779);
  ASSERT_TRUE(bool(error));
  std::string message = llvm::toString(std::move(error));
  for (const char *part :
       {"780 B", "weights 300 B", "tables 200 B of 700 B", "KV 150 B",
        "arena 100 B", "other 30 B", "--max-ram", "--context"})
    EXPECT_NE(message.find(part), std::string::npos) << part << message;
}

} // namespace
