//===- TeamTest.cpp - Barriers and claims of the thread team --------------===//

#include "runtime/core/team.h"
#include "runtime/core/cpu.h"
#include "runtime/core/error.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace gemcut;

namespace {

/// Stages that each read what the stage before wrote: no race, no lost chunk.
/// What threads need outside of chunks is in the step, of which they have a
/// copy: `rows` chunks, `first_position` stages, `arena` the job.
struct Job {
  std::vector<uint64_t> values;          // (chunks,), plain memory
  std::vector<uint64_t> next;            // (chunks,)
  std::vector<uint64_t> chunksOfThreads; // (threads,)

  gemcut_step makeStep(Team &team, int64_t chunks, int64_t stages) {
    values.assign(size_t(chunks), 0);
    next.assign(size_t(chunks), 0);
    chunksOfThreads.assign(size_t(team.threads()), 0);
    gemcut_step step = {};
    step.team = team.state();
    step.arena = reinterpret_cast<uint8_t *>(this);
    step.rows = chunks;
    step.first_position = stages;
    return step;
  }
};

void runStages(const gemcut_step *step, int64_t thread) {
  auto *job = reinterpret_cast<Job *>(step->arena);
  for (int64_t stage = 0; stage < step->first_position; ++stage) {
    int64_t chunk;
    while ((chunk = gemcut_team_claim(step->team, thread, step->rows)) >= 0) {
      auto &from = stage % 2 ? job->next : job->values;
      auto &to = stage % 2 ? job->values : job->next;
      // Reads what another thread may have written in the stage before.
      int64_t neighbour = (chunk + 1) % step->rows;
      to[size_t(chunk)] = from[size_t(chunk)] + 3 * from[size_t(neighbour)] + 1;
      ++job->chunksOfThreads[size_t(thread)];
    }
    gemcut_team_barrier(step->team, thread);
  }
}

class TeamTest : public testing::TestWithParam<std::pair<int, int>> {};

} // namespace

TEST_P(TeamTest, EveryChunkOfEveryStageRunsOnce) {
  auto [threads, cores] = GetParam();
  Team team;
  ASSERT_EQ(team.start(threads, cores), GEMCUT_OK);
  EXPECT_EQ(team.threads(), threads);
  const int64_t chunks = 13, stages = 24, runs = 40;
  Job job;
  gemcut_step step = job.makeStep(team, chunks, stages);
  std::vector<uint64_t> expected(chunks), after(chunks);
  for (size_t i = 0; i < size_t(chunks); ++i)
    expected[i] = job.values[i] = i;
  for (int64_t run = 0; run < runs; ++run) {
    team.run(runStages, &step);
    for (int64_t stage = 0; stage < stages; ++stage) {
      for (size_t i = 0; i < size_t(chunks); ++i)
        after[i] = expected[i] + 3 * expected[(i + 1) % size_t(chunks)] + 1;
      expected = after;
    }
    ASSERT_EQ(job.values, expected) << "after run " << run;
  }
  uint64_t total = 0;
  for (uint64_t claimed : job.chunksOfThreads)
    total += claimed;
  EXPECT_EQ(total, uint64_t(chunks * stages * runs));
}

// A stage that nobody works in ends all the same, for all threads.
TEST(Team, PassesStagesWithoutChunks) {
  Team team;
  ASSERT_EQ(team.start(3, 2), GEMCUT_OK);
  Job job;
  gemcut_step step = job.makeStep(team, /*chunks=*/0, /*stages=*/100);
  for (int run = 0; run < 20; ++run)
    team.run(runStages, &step);
  step.rows = 1;
  step.first_position = 1;
  job.values = {7};
  job.next = {0};
  team.run(runStages, &step);
  EXPECT_EQ(job.next[0], 4 * 7 + 1u);
}

// Nobody waits for a thread that never comes.
TEST(Team, RunsWithoutTheOthers) {
  TeamState state = {};
  state.threads = 3;
  Team team; // one thread, for the job's counters
  ASSERT_EQ(team.start(1, 1), GEMCUT_OK);
  Job job;
  gemcut_step step = job.makeStep(team, /*chunks=*/5, /*stages=*/4);
  step.team = &state;
  runStages(&step, /*thread=*/0);
  EXPECT_EQ(job.chunksOfThreads[0], 20u);
  // A thread that comes too late finds all of it done.
  runStages(&step, /*thread=*/2);
  EXPECT_EQ(state.members[2].stage, 4u);
  EXPECT_EQ(job.values[0], 85u); // 0 -> 1 -> 5 -> 21 -> 85
}

// Long enough for threads to offer their cores inside of stages.
TEST(Team, LosesNoChunkToYields) {
  Team team;
  ASSERT_EQ(team.start(4, 4), GEMCUT_OK);
  Job job;
  gemcut_step step = job.makeStep(team, /*chunks=*/200000, /*stages=*/2);
  for (int run = 0; run < 3; ++run)
    team.run(runStages, &step);
  uint64_t total = 0;
  for (uint64_t claimed : job.chunksOfThreads)
    total += claimed;
  EXPECT_EQ(total, 2u * 3 * 200000);
}

// Spinning, sleeping at once, and more threads than this machine has cores.
INSTANTIATE_TEST_SUITE_P(Sizes, TeamTest,
                         testing::Values(std::pair(1, 1), std::pair(2, 2),
                                         std::pair(2, 1), std::pair(3, 64),
                                         std::pair(5, 2), std::pair(16, 1),
                                         std::pair(64, 2)));

TEST(Team, CanBeStoppedAndStartedAgain) {
  Team team;
  for (int threads : {3, 1, 7}) {
    ASSERT_EQ(team.start(threads, 2), GEMCUT_OK);
    Job job;
    gemcut_step step = job.makeStep(team, /*chunks=*/1, /*stages=*/2);
    team.run(runStages, &step);
    EXPECT_EQ(job.values[0], 5u); // 4 * (4 * 0 + 1) + 1
  }
  team.stop();
  team.stop();
}

TEST(Team, TracesRunsAndStages) {
  for (int threads : {1, 2, 5}) {
    Team team;
    ASSERT_EQ(team.start(threads, 2), GEMCUT_OK);
    Job job;
    gemcut_step step = job.makeStep(team, /*chunks=*/3, /*stages=*/6);
    team.run(runStages, &step);
    std::vector<Trace::Run> runs(2, {-1, -1, -1});
    std::vector<int64_t> ends(12, -1);
    Trace trace;
    trace.runs = runs.data();
    trace.runCapacity = 2;
    trace.stageEnds = ends.data();
    trace.stageCapacity = 11;
    team.state()->trace = &trace;
    team.run(runStages, &step);
    team.run(runStages, &step);
    team.state()->trace = nullptr;
    team.run(runStages, &step); // not traced
    EXPECT_EQ(trace.runCount, 2);
    EXPECT_EQ(trace.stageCount, 12);
    EXPECT_EQ(ends[11], -1) << "written behind the capacity";
    for (size_t run = 0; run < 2; ++run) {
      EXPECT_EQ(runs[run].stages, 6);
      int64_t before = runs[run].begin;
      for (size_t stage = 6 * run; stage < std::min<size_t>(6 * run + 6, 11);
           ++stage) {
        EXPECT_GE(ends[stage], before);
        before = ends[stage];
      }
      EXPECT_GE(runs[run].end, before);
    }
    EXPECT_GE(runs[1].begin, runs[0].end);
  }
}

TEST(Team, SpinsOnlyIfEveryThreadHasACore) {
  Team team;
  ASSERT_EQ(team.start(2, 2), GEMCUT_OK);
  EXPECT_EQ(team.state()->spin, kSpinPauses);
  ASSERT_EQ(team.start(3, 2), GEMCUT_OK);
  EXPECT_EQ(team.state()->spin, 0);
}

TEST(Team, RejectsImpossibleSizes) {
  Team team;
  for (int threads : {0, -1, 65}) {
    EXPECT_EQ(team.start(threads, 2), GEMCUT_INVALID_ARGUMENT);
    EXPECT_NE(std::string(gemcut_last_error()).find(std::to_string(threads)),
              std::string::npos);
  }
}
