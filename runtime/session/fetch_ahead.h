//===- fetch_ahead.h - Whether to prefetch weights --------------*- C++ -*-===//
//
// Prefetch instructions in the weight stream of a decoding step make one CPU
// faster and another slower, and the more rows a step has, the more they help
// (compiler/Docs/decisions, fetch-ahead). No feature bit tells, so the steps
// themselves are timed.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_FETCH_AHEAD_H
#define GEMCUT_RUNTIME_SESSION_FETCH_AHEAD_H

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace gemcut {

/// Chooses gemcut_step.fetch_ahead of decoding steps. A trial alternates the
/// two ways; the one with the fastest step then serves until the next trial, so
/// that a wrong choice, made while other programs disturbed, does not last.
class FetchAhead {
public:
  static constexpr int kTrialSteps = 8;
  /// A trial costs at most half its steps a fifth of their time: 0.2 %.
  static constexpr int kStepsBetweenTrials = 512;

  /// What the coming step should do.
  bool next() const { return step < kTrialSteps ? step % 2 != 0 : chosen; }

  /// The step that `next` was asked for took `seconds`.
  void record(double seconds);

private:
  int step = 0; // of the present trial and the steps behind it
  bool chosen = false;
  double fastest[2] = {0, 0}; // of this trial; 0: none yet
};

/// A choice for every number of rows of a step; many rows share one.
class FetchAheadByRows {
public:
  static constexpr size_t kMostRows = 8; ///< and more

  /// `rows`: at least 1.
  FetchAhead &operator[](size_t rows) {
    return choices[std::min(rows, kMostRows) - 1];
  }

private:
  FetchAhead choices[kMostRows];
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_FETCH_AHEAD_H
