//===- TeamTest.cpp - Barriers and claims of the thread team --------------===//

#include "runtime/core/team.h"
#include "runtime/core/cpu.h"
#include "runtime/core/error.h"

#include "gtest/gtest.h"

#include <cstddef>
#include <vector>

using namespace gemcut;

namespace {

/// Stages that each read what the stage before wrote: no race, no lost chunk.
struct Job {
  gemcut_step step = {}; // first: what threads are called with
  int64_t chunks = 0, stages = 0;
  std::vector<uint64_t> values;          // (chunks,), plain memory
  std::vector<uint64_t> next;            // (chunks,)
  std::vector<int64_t> calls;            // (threads,) entry calls
  std::vector<uint64_t> chunksOfThreads; // (threads,)
};

void runStages(const gemcut_step *step, int64_t thread) {
  auto *job = reinterpret_cast<Job *>(const_cast<gemcut_step *>(step));
  ++job->calls[size_t(thread)];
  for (int64_t stage = 0; stage < job->stages; ++stage) {
    auto &from = stage % 2 ? job->next : job->values;
    auto &to = stage % 2 ? job->values : job->next;
    while (true) {
      int64_t chunk =
          __atomic_fetch_add(&step->team->next_chunk, 1, __ATOMIC_RELAXED);
      if (chunk >= job->chunks)
        break;
      // Reads what another thread may have written in the stage before.
      int64_t neighbour = (chunk + 1) % job->chunks;
      to[size_t(chunk)] = from[size_t(chunk)] + 3 * from[size_t(neighbour)] + 1;
      ++job->chunksOfThreads[size_t(thread)];
    }
    gemcut_team_barrier(step->team);
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
  job.step.team = team.state();
  job.chunks = chunks;
  job.stages = stages;
  job.values.resize(chunks);
  job.next.resize(chunks);
  job.calls.resize(size_t(threads));
  job.chunksOfThreads.resize(size_t(threads));
  std::vector<uint64_t> expected(chunks), after(chunks);
  for (size_t i = 0; i < size_t(chunks); ++i)
    expected[i] = job.values[i] = i;
  for (int64_t run = 0; run < runs; ++run) {
    team.run(runStages, &job.step);
    for (int64_t stage = 0; stage < stages; ++stage) {
      for (size_t i = 0; i < size_t(chunks); ++i)
        after[i] = expected[i] + 3 * expected[(i + 1) % size_t(chunks)] + 1;
      expected = after;
    }
    ASSERT_EQ(job.values, expected) << "after run " << run;
  }
  uint64_t total = 0;
  for (int64_t calls : job.calls)
    EXPECT_EQ(calls, runs);
  for (uint64_t claimed : job.chunksOfThreads)
    total += claimed;
  EXPECT_EQ(total, uint64_t(chunks * stages * runs));
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
    job.step.team = team.state();
    job.chunks = 1;
    job.stages = 2;
    job.values = job.next = {0};
    job.calls.resize(size_t(threads));
    job.chunksOfThreads.resize(size_t(threads));
    team.run(runStages, &job.step);
    EXPECT_EQ(job.calls, std::vector<int64_t>(size_t(threads), 1));
  }
  team.stop();
  team.stop();
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
