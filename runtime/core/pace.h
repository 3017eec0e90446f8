//===- pace.h - When a thread offers its core to others ---------*- C++ -*-===//
//
// A thread that has used up its time is stopped wherever it is, and that is
// nearly always inside a chunk, for which the whole team then waits until the
// neighbour's time is up. A thread that offers its core between chunks is away
// as long, but holds nobody up. Without a neighbour an offer costs 0.5 us.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CORE_PACE_H
#define GEMCUT_RUNTIME_CORE_PACE_H

#include <cstdint>

namespace gemcut {

/// One thread's turns on its core.
class Pace {
public:
  /// Whether the thread has run for its turn. Costs a read of the cycle counter
  /// most times.
  bool isDue();
  /// Lets others run that wait for this core, and begins the next turn.
  void yield();

  /// Seconds that a thread runs after it was away for `away` seconds. Whoever
  /// stepped aside for a long turn is owed one: the scheduler will hardly stop
  /// it before that. Less than was owed leaves a margin.
  static double getTurn(double away);

private:
  uint64_t looked = 0; ///< cycle counter at the last look at the clock
  double began = 0, turn = 0;
};

/// Bounds of a turn in seconds: below what schedulers give at once (1.4 ms on
/// two CPUs, up to 2.8 on more: base_slice of Linux 6.6 and later), and a tick
/// of the most usual kernels.
constexpr double kShortestTurn = 0.5e-3, kLongestTurn = 4e-3;

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_PACE_H
