//===- trace.h - When the stages of a team ended ----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_TRACE_H
#define GEMCUT_RUNTIME_CORE_TRACE_H

#include <cstdint>

namespace gemcut {

/// Times of a team's runs and stages while TeamState.trace points here, in
/// nanoseconds of the monotonic clock. The caller owns the arrays, sets
/// runCount to 0, and reads between runs. What exceeds an array is counted, but
/// not stored.
struct Trace {
  struct Run {
    int64_t begin, end;
    int64_t stages; // how many ended in this run, in order
  };
  Run *runs = nullptr; // (runCapacity,)
  int64_t runCapacity = 0, runCount = 0;
  int64_t *stageEnds =
      nullptr; // (stageCapacity,) of the runs, one after another
  int64_t stageCapacity = 0, stageCount = 0;

  /// For the team: `stage` is the number of the stage that begins, or ended.
  void beginRun(uint32_t stage);
  void endRun(uint32_t stage);
  /// By the one thread that ends the stage, before the next one begins.
  void endStage(uint32_t stage);

private:
  uint32_t firstStage = 0, runStage = 0;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_TRACE_H
