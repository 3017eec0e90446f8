//===- clock.h - Monotonic time ---------------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_CLOCK_H
#define GEMCUT_RUNTIME_CORE_CLOCK_H

#include <time.h>

namespace gemcut {

/// Seconds of the monotonic clock.
inline double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_CLOCK_H
