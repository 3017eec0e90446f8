//===- FetchAheadTest.cpp - Whether to prefetch weights -------------------===//

#include "runtime/session/fetch_ahead.h"

#include "gtest/gtest.h"

using namespace gemcut;

/// Runs `steps` steps that take `with` or `without` seconds; returns how many
/// fetched ahead.
static int runSteps(FetchAhead &choice, int steps, double with,
                    double without) {
  int fetched = 0;
  for (int i = 0; i < steps; ++i) {
    bool ahead = choice.next();
    fetched += ahead;
    choice.record(ahead ? with : without);
  }
  return fetched;
}

TEST(FetchAhead, TriesBothWaysEquallyOften) {
  FetchAhead choice;
  EXPECT_EQ(runSteps(choice, FetchAhead::kTrialSteps, 1, 2),
            FetchAhead::kTrialSteps / 2);
}

TEST(FetchAhead, KeepsTheFasterWay) {
  FetchAhead faster, slower;
  runSteps(faster, FetchAhead::kTrialSteps, 1, 2);
  EXPECT_EQ(runSteps(faster, 100, 1, 2), 100);
  runSteps(slower, FetchAhead::kTrialSteps, 2, 1);
  EXPECT_EQ(runSteps(slower, 100, 2, 1), 0);
}

TEST(FetchAhead, JudgesByTheFastestStep) {
  FetchAhead choice;
  // One disturbed step among those that fetch ahead.
  choice.record(2);
  choice.record(50);
  runSteps(choice, FetchAhead::kTrialSteps - 2, 1, 2);
  EXPECT_TRUE(choice.next());
}

TEST(FetchAhead, TriesAgainAndForgetsOldTimes) {
  FetchAhead choice;
  runSteps(choice, FetchAhead::kTrialSteps + FetchAhead::kStepsBetweenTrials, 1,
           2);
  EXPECT_EQ(runSteps(choice, FetchAhead::kTrialSteps, 4, 3),
            FetchAhead::kTrialSteps / 2);
  EXPECT_FALSE(choice.next());
}

TEST(FetchAheadByRows, ChoosesForEveryNumberOfRows) {
  FetchAheadByRows choices;
  runSteps(choices[1], FetchAhead::kTrialSteps, 2, 1);
  runSteps(choices[4], FetchAhead::kTrialSteps, 1, 2);
  runSteps(choices[FetchAheadByRows::kMostRows], FetchAhead::kTrialSteps, 1, 2);
  EXPECT_FALSE(choices[1].next());
  EXPECT_TRUE(choices[4].next());
  EXPECT_TRUE(choices[FetchAheadByRows::kMostRows + 5].next());
}
