//===- pace.cpp - When a thread offers its core to others -----------------===//

#include "runtime/core/pace.h"

#include "runtime/core/clock.h"

#include <algorithm>
#include <sched.h>

using namespace gemcut;

/// Something that counts fast and is read fast: in cycles or nanoseconds.
static uint64_t readCounter() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return uint64_t(seconds() * 1e9);
#endif
}

/// Counts between looks at the clock: 0.1 ms at most.
static constexpr uint64_t kCountsPerLook = 100000;

bool Pace::isDue() {
  uint64_t now = readCounter();
  if (now - looked < kCountsPerLook)
    return false;
  looked = now;
  return seconds() - began >= turn;
}

double Pace::getTurn(double away) {
  return std::clamp(0.9 * away, kShortestTurn, kLongestTurn);
}

void Pace::yield() {
  double left = seconds();
  sched_yield();
  began = seconds();
  turn = getTurn(began - left);
}
