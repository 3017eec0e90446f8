//===- fetch_ahead.cpp - Whether to prefetch weights ----------------------===//

#include "runtime/session/fetch_ahead.h"

using namespace gemcut;

void FetchAhead::record(double seconds) {
  if (step < kTrialSteps) {
    double &best = fastest[next()];
    if (best == 0 || seconds < best)
      best = seconds;
  }
  ++step;
  if (step == kTrialSteps)
    chosen = fastest[1] < fastest[0];
  if (step == kTrialSteps + kStepsBetweenTrials) {
    step = 0;
    fastest[0] = fastest[1] = 0;
  }
}
