//===- TraceTest.cpp - What an executable measured about its steps --------===//

#include "compiler/Explain/Trace.h"

#include "gtest/gtest.h"

using namespace gemcut::explain;

namespace {

constexpr char kText[] = R"({
  "level": "avx2", "threads": 2, "repetitions": 3,
  "read_gbps": {"one_thread": 40, "all_threads": 80},
  "int8_gmacs": {"one_thread": 400, "all_threads": 800.5},
  "bf16_gmacs": {"one_thread": 0, "all_threads": 0},
  "f32_gmacs": {"one_thread": 100, "all_threads": 200},
  "barrier_us": 0.25,
  "runs": [{"name": "decode",
            "steps": [{"entry": "decode", "position": 5, "rows": 2}],
            "touched_weight_bytes": 4096,
            "total_us": [3, 4, 5], "best_us": [1, 2], "median_us": [1.5, 2.5]}]
})";

std::string messageOf(std::string text, const std::string &from,
                      const std::string &to) {
  text.replace(text.find(from), from.size(), to);
  auto trace = readTrace(text);
  return trace ? "" : llvm::toString(trace.takeError());
}

TEST(Trace, IsReadFromJson) {
  auto trace = readTrace(kText);
  ASSERT_TRUE(bool(trace)) << llvm::toString(trace.takeError());
  EXPECT_EQ(trace->level, "avx2");
  EXPECT_EQ(trace->limits.threads, 2);
  EXPECT_EQ(trace->limits.int8Gmacs.all, 800.5);
  EXPECT_EQ(trace->limits.readGbps.one, 40);
  ASSERT_EQ(trace->runs.size(), 1u);
  const TracedRun &run = trace->runs[0];
  EXPECT_EQ(run.steps[0].position, 5);
  EXPECT_EQ(run.touchedWeightBytes, 4096);
  EXPECT_EQ(run.median, (std::vector<double>{1.5, 2.5}));
}

TEST(Trace, SaysWhatIsWrong) {
  EXPECT_EQ(messageOf(kText, "{", ""), "the trace is not JSON");
  EXPECT_EQ(messageOf(kText, "\"level\": \"avx2\"", "\"level\": 2"),
            "the trace is damaged: 'level' is missing or not text");
  EXPECT_NE(messageOf(kText, "[1, 2]", "[1]").find("not as many"),
            std::string::npos);
  EXPECT_NE(messageOf(kText, "[1, 2]", "[1, null]").find("no number"),
            std::string::npos);
}

} // namespace
