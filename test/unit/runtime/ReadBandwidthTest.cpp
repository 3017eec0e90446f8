//===- ReadBandwidthTest.cpp - Reads of memory, timed ---------------------===//

#include "runtime/cli/read_bandwidth.h"

#include "gtest/gtest.h"

#include <vector>

using namespace gemcut;
using namespace gemcut::cli;

TEST(ReadBandwidth, ReadsWithAnyTeam) {
  std::vector<uint8_t> bytes(3 << 20, 1);
  uint8_t *aligned = bytes.data() + (64 - uintptr_t(bytes.data()) % 64) % 64;
  for (int threads : {1, 3}) {
    Team team;
    ASSERT_EQ(team.start(threads, 2), GEMCUT_OK);
    for (size_t size : {size_t(64), size_t(4096), size_t(2 << 20)})
      EXPECT_GT(timeRead(team, aligned, size), 0);
  }
}
