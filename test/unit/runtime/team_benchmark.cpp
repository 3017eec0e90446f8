//===- team_benchmark.cpp - What stages cost, alone and beside others -----===//
//
// team_benchmark [THREADS]: nanoseconds per stage without work, then how much
// of a team's speed is left while other processes take CPU time. The steps look
// like a model's: hundreds of stages of a few chunks of some microseconds.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/clock.h"
#include "runtime/core/cores.h"
#include "runtime/core/team.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace gemcut;

/// `rows` chunks per stage, `first_position` stages; each chunk multiplies
/// `layer_rows` (a number here) times.
static void runStages(const gemcut_step *step, int64_t thread) {
  int64_t turns = reinterpret_cast<intptr_t>(step->layer_rows);
  for (int64_t stage = 0; stage < step->first_position; ++stage) {
    while (gemcut_team_claim(step->team, thread, step->rows) >= 0)
      for (uint64_t i = 0, x = 1; i < uint64_t(turns); ++i)
        asm volatile("imul %0, %0" : "+r"(x));
    gemcut_team_barrier(step->team, thread);
  }
}

/// Seconds of one run, the least (or the mean) of several.
static double time(Team &team, int64_t chunks, int64_t stages, int64_t turns,
                   int runs, bool isMean) {
  gemcut_step step = {};
  step.team = team.state();
  step.rows = chunks;
  step.first_position = stages;
  step.layer_rows = reinterpret_cast<uint64_t *>(turns);
  double best = 1e9, sum = 0;
  for (int i = 0; i < runs; ++i) {
    double start = seconds();
    team.run(runStages, &step);
    double elapsed = seconds() - start;
    best = std::min(best, elapsed);
    sum += elapsed;
  }
  return isMean ? sum / runs : best;
}

/// Starts a process that never rests, on `cpu` or anywhere (-1).
static pid_t startNeighbour(int cpu) {
  pid_t child = fork();
  if (child != 0)
    return child;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(size_t(std::max(cpu, 0)), &mask);
  if (cpu >= 0 && sched_setaffinity(0, sizeof(mask), &mask) != 0)
    _exit(1);
  while (true)
    asm volatile("");
}

int main(int argc, char **argv) {
  UsableCores cores = detectUsableCores();
  int threads = argc > 1 ? atoi(argv[1]) : cores.getThreads();
  printf("| threads | chunks | ns per stage |\n|--:|--:|--:|\n");
  for (int count = 1; count <= threads; count *= 2)
    for (int64_t chunks : {1, 8}) {
      Team team;
      if (team.start(count, cores.getParallel()))
        return 1;
      double best = time(team, chunks, 10000, /*turns=*/0, 9, false);
      printf("| %d | %lld | %.0f |\n", count, (long long)chunks, best * 1e5);
    }

  const std::vector<std::vector<int>> neighbours = {{0}, {1}, {-1}, {-1, -1}};
  printf("\n| us per chunk | alone, ms | 1 thread | beside CPU 0 | CPU 1 | "
         "anywhere | two |\n|--:|--:|--:|--:|--:|--:|--:|\n");
  for (int64_t turns : {300, 10000, 300000}) {
    // About 20 ms of 8 chunks per stage on two cores.
    int64_t stages = 4000000 / turns;
    int runs = 30;
    Team team, single;
    if (team.start(threads, cores.getParallel()) ||
        single.start(1, cores.getParallel()))
      return 1;
    double alone = time(team, 8, stages, turns, runs, false);
    double one = time(single, 8, stages, turns, 5, false);
    printf("| %.1f | %.1f | %.0f %% |", one / double(8 * stages) * 1e6,
           alone * 1e3, 100 * alone / one);
    for (const std::vector<int> &cpus : neighbours) {
      std::vector<pid_t> children;
      for (int cpu : cpus)
        children.push_back(startNeighbour(cpu));
      time(team, 8, stages, turns, 5, true);
      double beside = time(team, 8, stages, turns, runs, true);
      printf(" %.0f %% |", 100 * alone / beside);
      fflush(stdout);
      for (pid_t child : children) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
      }
    }
    printf("\n");
  }
}
