//===- MachineTest.cpp - What is said of the machine and this process -----===//

#include "runtime/cli/machine.h"

#include "runtime/core/memory.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::cli;

TEST(Machine, DescribesThisProcess) {
  Machine machine = describeMachine();
  EXPECT_FALSE(machine.cpu.empty());
  EXPECT_GE(machine.cores, 1);
  EXPECT_EQ(machine.time.size(), 20u) << machine.time;
}

TEST(Machine, CountsTouchedMemory) {
  constexpr size_t kBytes = 64 << 20, kTouched = 40 << 20;
  Memory memory;
  EXPECT_EQ(memory.countResident(), 0u);
  ASSERT_EQ(memory.allocate(kBytes, "test"), GEMCUT_OK);
  EXPECT_EQ(memory.countResident(), 0u);
  uint64_t before = readProcessMemory().privateBytes;
  std::fill_n(memory.data(), kTouched, 1);
  // Where huge pages are the default, the last one is resident as a whole.
  EXPECT_GE(memory.countResident(), kTouched);
  EXPECT_LE(memory.countResident(), kTouched + (4 << 20));
  ProcessMemory after = readProcessMemory();
  EXPECT_NEAR(double(after.privateBytes - before), double(kTouched), 5e6);
  EXPECT_GE(after.peakBytes, kTouched);
}
