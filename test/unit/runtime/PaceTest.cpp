//===- PaceTest.cpp - When a thread offers its core -----------------------===//

#include "runtime/core/pace.h"
#include "runtime/core/clock.h"

#include "gtest/gtest.h"

using namespace gemcut;

TEST(Pace, TurnFollowsTheTimeAway) {
  EXPECT_EQ(Pace::getTurn(0), kShortestTurn);
  EXPECT_EQ(Pace::getTurn(1e-6), kShortestTurn); // nobody was there
  EXPECT_DOUBLE_EQ(Pace::getTurn(2e-3), 1.8e-3);
  EXPECT_EQ(Pace::getTurn(1), kLongestTurn);
}

TEST(Pace, IsDueAfterATurnAndNotBefore) {
  Pace pace;
  EXPECT_TRUE(pace.isDue()); // its first turn began long ago
  double start = seconds();
  pace.yield();
  while (!pace.isDue())
    ASSERT_LT(seconds() - start, 60);
  EXPECT_GE(seconds() - start, kShortestTurn);
}
