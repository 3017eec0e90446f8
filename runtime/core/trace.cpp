//===- trace.cpp - When the stages of a team ended ------------------------===//

#include "runtime/core/trace.h"

#include <time.h>

using namespace gemcut;

static int64_t getNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
}

void Trace::beginRun(uint32_t stage) {
  if (runCount == 0)
    firstStage = stage;
  runStage = stage;
  if (runCount < runCapacity)
    runs[runCount].begin = getNanoseconds();
}

void Trace::endRun(uint32_t stage) {
  if (runCount < runCapacity) {
    runs[runCount].end = getNanoseconds();
    runs[runCount].stages = uint32_t(stage - runStage);
  }
  ++runCount;
  stageCount = uint32_t(stage - firstStage);
}

void Trace::endStage(uint32_t stage) {
  uint32_t index = stage - firstStage; // numbers wrap around
  if (index < stageCapacity)
    stageEnds[index] = getNanoseconds();
}
