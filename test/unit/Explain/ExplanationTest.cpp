//===- ExplanationTest.cpp - Where the time of a step goes ----------------===//

#include "compiler/Explain/Explanation.h"

#include "gtest/gtest.h"

using namespace gemcut::explain;

namespace {

StageKind makeKind(const char *name, int64_t barriers = 1) {
  StageKind kind;
  kind.name = name;
  kind.kernel = "gemv";
  kind.arithmetic = "int8";
  kind.barriers = barriers;
  kind.weightBytes = 1000;
  kind.macsPerRow = 2000;
  kind.chunks = 8;
  return kind;
}

TEST(StageLoad, GrowsWithRows) {
  StageKind kind = makeKind("product");
  kind.tableBytesPerRow = 10;
  kind.bufferBytesPerRow = 7;
  kind.cacheWrittenBytesPerRow = 3;
  StageLoad load = getLoad(kind, {0, -1, 0}, {"decode", 5, 4});
  EXPECT_EQ(load.weightBytes, 1040);
  EXPECT_EQ(load.bufferBytes, 40);
  EXPECT_EQ(load.int8Macs, 8000);
  EXPECT_EQ(load.cacheBytes, 0);
  EXPECT_EQ(getLoad(kind, {0, -1, 1}, {"prefill", 5, 4}).int8Macs, 2000);
}

TEST(StageLoad, SeesWhatTheWindowLeaves) {
  StageKind kind;
  kind.arithmetic = "bf16";
  kind.cacheReadBytesPerPosition = 100;
  kind.macsPerRowPosition = 10;
  kind.chunksPerBlock = 2;
  kind.rowsPerBlock = 1;
  // Positions 3, 4 and 5 see 4, 5 and 6.
  StageLoad load = getLoad(kind, {0, -1, 0}, {"prefill", 3, 3});
  EXPECT_EQ(load.cacheBytes, 600);
  EXPECT_EQ(load.bf16Macs, 150);
  EXPECT_EQ(load.chunks, 6);
  // The last row alone.
  load = getLoad(kind, {0, -1, 1}, {"prefill", 3, 3});
  EXPECT_EQ(load.cacheBytes, 600);
  EXPECT_EQ(load.bf16Macs, 60);
  // A window of 4: positions 0..5 are read, 4 by each.
  kind.window = 4;
  load = getLoad(kind, {0, -1, 0}, {"prefill", 3, 3});
  EXPECT_EQ(load.cacheBytes, 600);
  EXPECT_EQ(load.bf16Macs, 120);
  load = getLoad(kind, {0, -1, 0}, {"decode", 100, 1});
  EXPECT_EQ(load.cacheBytes, 400);
  EXPECT_EQ(load.bf16Macs, 40);
}

TEST(Prediction, IsTheLongestOfTheLimits) {
  Limits limits;
  limits.threads = 2;
  limits.readGbps = {1, 2};
  limits.int8Gmacs = {10, 20};
  limits.f32Gmacs = {4, 8};
  limits.barrierMicroseconds = 0.5;
  StageLoad load;
  load.chunks = 2;
  load.weightBytes = 4000;
  Prediction prediction = predict(load, 1, limits);
  EXPECT_DOUBLE_EQ(prediction.microseconds, 2.5);
  EXPECT_EQ(prediction.bound, Bound::Memory);
  load.int8Macs = 100000;
  prediction = predict(load, 1, limits);
  EXPECT_DOUBLE_EQ(prediction.microseconds, 5.5);
  EXPECT_EQ(prediction.bound, Bound::Int8);
  // One chunk occupies one thread.
  load.chunks = 1;
  EXPECT_DOUBLE_EQ(predict(load, 2, limits).microseconds, 11);
  // Without bf16 instructions its products are made in f32.
  load = {};
  load.chunks = 9;
  load.bf16Macs = 8000;
  prediction = predict(load, 0, limits);
  EXPECT_DOUBLE_EQ(prediction.microseconds, 1);
  EXPECT_EQ(prediction.bound, Bound::F32);
  EXPECT_EQ(predict({}, 1, limits).bound, Bound::Barrier);
  EXPECT_EQ(predict(load, 0, Limits()).bound, Bound::Unknown);
}

/// Two steps of an entry point with stages of 1, 0 + 1 and 2 barriers.
class Explain : public testing::Test {
protected:
  Explain() {
    report.kinds = {makeKind("a"), makeKind("b", 0), makeKind("c"),
                    makeKind("d", 2)};
    report.entries["decode"] = {
        4, {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {3, 1, 0}, {0, 1, 0}}};
    run.name = "two";
    run.steps = {{"decode", 0, 1}, {"decode", 1, 1}};
    for (int step = 0; step < 2; ++step) {
      if (step)
        run.best.push_back(1000); // between steps
      for (double time : {1, 2, 3, 4, 5, 100})
        run.best.push_back(time * (step + 1));
    }
    run.median = run.best;
    run.totals = {3000, 2000, 2500};
  }

  StageReport report;
  TracedRun run;
};

TEST_F(Explain, GivesEachStageTheTimeOfItsBarriers) {
  auto explanation = explain(report, run, /*isMeasured=*/true, nullptr);
  ASSERT_TRUE(bool(explanation)) << llvm::toString(explanation.takeError());
  std::vector<std::pair<std::string, double>> times,
      expected = {{"a", 1}, {"b + c", 2}, {"d", 7},  {"a", 5},
                  {"a", 2}, {"b + c", 4}, {"d", 14}, {"a", 10}};
  for (const StageTime &stage : explanation->stages)
    times.emplace_back(stage.name, stage.measured);
  EXPECT_EQ(times, expected);
  EXPECT_EQ(explanation->stages[1].load.weightBytes, 2000);
  EXPECT_EQ(explanation->total.measured, 45);
  EXPECT_EQ(explanation->total.count, 8);
  EXPECT_EQ(explanation->outside, 1300);
  EXPECT_EQ(explanation->stepBest, 2000);
  EXPECT_EQ(explanation->stepMedian, 2500);
}

TEST_F(Explain, GroupsEqualStagesByTime) {
  auto explanation = explain(report, run, /*isMeasured=*/true, nullptr);
  ASSERT_TRUE(bool(explanation)) << llvm::toString(explanation.takeError());
  std::vector<StageTime> groups = groupStages(*explanation);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].name, "d");
  EXPECT_EQ(groups[0].layer, 1);
  EXPECT_EQ(groups[1].name, "a");
  EXPECT_EQ(groups[1].layer, -1); // of both layers
  EXPECT_EQ(groups[1].count, 4);
  EXPECT_EQ(groups[1].measured, 18);
  EXPECT_EQ(groups[1].load.weightBytes, 4000);
  EXPECT_EQ(groups[2].name, "b + c");
}

TEST_F(Explain, DoesWithoutTimes) {
  auto explanation = explain(report, run, /*isMeasured=*/false, nullptr);
  ASSERT_TRUE(bool(explanation)) << llvm::toString(explanation.takeError());
  EXPECT_EQ(explanation->total.measured, 0);
  EXPECT_EQ(explanation->total.load.weightBytes, 10000);
}

TEST_F(Explain, RefusesWhatDoesNotFitTogether) {
  auto messageOf = [&](bool isMeasured) {
    auto explanation = explain(report, run, isMeasured, nullptr);
    return explanation ? "" : llvm::toString(explanation.takeError());
  };
  run.best.pop_back();
  EXPECT_NE(messageOf(true).find("passed 13 barriers, but the report describes "
                                 "14"),
            std::string::npos)
      << messageOf(true);
  EXPECT_EQ(messageOf(false), "");
  run.steps[1].rows = 5;
  EXPECT_EQ(messageOf(false),
            "a step of 'decode' has 5 rows, but 1 to 4 are possible");
  run.steps[1].entry = "sing";
  EXPECT_EQ(messageOf(false), "the report has no entry point 'sing'");
}

} // namespace
