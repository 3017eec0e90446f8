//===- ChunkPaceTest.cpp - How long a prompt holds up the others ----------===//

#include "runtime/session/chunk_pace.h"

#include "gtest/gtest.h"

#include <random>

using namespace gemcut;

namespace {

/// A machine that takes `weights` seconds to read the weights and `row` more
/// for each row of a prompt.
struct Machine {
  double weights, row;

  /// Runs a chunk and a decode step; returns what both took.
  double step(ChunkPace &pace, size_t &rows) const {
    rows = pace.chooseRows();
    double chunk = weights + row * double(rows);
    pace.recordChunk(rows, chunk);
    pace.recordDecode(weights);
    return chunk + weights;
  }
};

TEST(ChunkPaceTest, FillsTheBoundAndKeepsIt) {
  for (Machine machine : {Machine{0.04, 0.002}, Machine{0.001, 0.0001},
                          Machine{0.1, 0.002}, Machine{0.01, 0.01}}) {
    ChunkPace pace;
    pace.open(0.25, 256);
    size_t rows = 0;
    machine.step(pace, rows);
    EXPECT_EQ(rows, ChunkPace::kLeastRows); // nothing is known yet
    for (int i = 0; i < 30; ++i) {
      double took = machine.step(pace, rows);
      EXPECT_LE(took, 0.25) << rows;
      EXPECT_TRUE(i < 17 || rows == 256 ||
                  took > 0.8 * 0.25 - 17 * machine.row)
          << rows;
    }
  }
}

TEST(ChunkPaceTest, ChunksThatNobodyWaitedForSayHowLongOthersTake) {
  ChunkPace pace;
  pace.open(0.25, 256);
  pace.recordDecode(0.04);
  pace.recordChunk(256, 0.04 + 256 * 0.002); // while nobody generates
  size_t rows = pace.chooseRows();
  EXPECT_LE(0.04 + double(rows) * 0.002 + 0.04, 0.25);
  EXPECT_GE(rows, 48u);
}

TEST(ChunkPaceTest, TheEndOfAPromptLeavesTimeForItsLastRow) {
  ChunkPace pace;
  pace.open(0.25, 256);
  Machine machine = {0.03, 0.002};
  size_t rows = 0;
  for (int i = 0; i < 30; ++i)
    machine.step(pace, rows);
  EXPECT_EQ(pace.chooseRows(rows + 1), rows);
  for (size_t left = 1; left <= rows; ++left) {
    size_t ending = pace.chooseRows(left);
    ASSERT_GE(ending, std::min(left, ChunkPace::kLeastRows));
    ASSERT_LE(ending, left);
    if (ending == left) {
      double took = 4 * machine.weights + machine.row * double(left);
      EXPECT_LE(took, 0.25) << left;
    }
  }
  EXPECT_LT(pace.chooseRows(rows), rows);
}

TEST(ChunkPaceTest, ASlowerMachinePassesTheBoundOnce) {
  std::mt19937 random(3);
  ChunkPace pace;
  pace.open(0.25, 256);
  Machine quiet = {0.03, 0.0015};
  size_t rows = 0, passed = 0, changes = 0;
  double slowness = 1;
  for (int i = 0; i < 2000; ++i) {
    // Somebody takes the cores away, and gives them back much later.
    if (i % 50 == 0) {
      slowness = 1 + double(random() % 1000) / 1000;
      ++changes;
    }
    Machine machine = {quiet.weights * slowness, quiet.row * slowness};
    passed += machine.step(pace, rows) > 0.25;
  }
  EXPECT_GT(passed, 0u);
  EXPECT_LE(passed, changes);
}

TEST(ChunkPaceTest, FewStepsPassTheBoundWhereEachTakesAnotherTime) {
  std::mt19937 random(5);
  ChunkPace pace;
  pace.open(0.25, 256);
  size_t rows = 0, sum = 0, passed = 0;
  for (int i = 0; i < 1000; ++i) {
    double slowness = 1 + 0.5 * double(random() % 1000) / 1000;
    Machine machine = {0.03 * slowness, 0.0015 * slowness};
    passed += machine.step(pace, rows) > 0.25;
    sum += rows;
  }
  EXPECT_LE(passed, 10u);
  EXPECT_GE(sum, 1000u * 32); // not by waiting for nothing
}

TEST(ChunkPaceTest, LeastRowsRunWhateverTheyTake) {
  ChunkPace pace;
  pace.open(0.01, 256);
  Machine machine = {0.04, 0.002};
  size_t rows = 0;
  for (int i = 0; i < 5; ++i)
    machine.step(pace, rows);
  EXPECT_EQ(rows, ChunkPace::kLeastRows);
  pace.open(0.01, 7); // the largest chunk is smaller
  EXPECT_EQ(pace.chooseRows(), 7u);
}

} // namespace
