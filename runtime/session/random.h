//===- random.h - The generator behind sampling -----------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SESSION_RANDOM_H
#define GEMCUT_RUNTIME_SESSION_RANDOM_H

#include <cstdint>

namespace gemcut {

/// PCG32 (XSH-RR 64/32), M. O'Neill, "PCG: A Family of Simple Fast
/// Space-Efficient Statistically Good Algorithms for Random Number Generation",
/// as in pcg_basic.c: equal seeds give equal numbers on every machine.
class Pcg32 {
public:
  /// pcg32_srandom(seed, sequence).
  explicit Pcg32(uint64_t seed, uint64_t sequence = 54)
      : increment(sequence << 1 | 1) {
    next();
    state += seed;
    next();
  }

  uint32_t next() {
    uint64_t old = state;
    state = old * 6364136223846793005u + increment;
    uint32_t shifted = uint32_t((old >> 18 ^ old) >> 27);
    uint32_t rotation = uint32_t(old >> 59);
    return shifted >> rotation | shifted << (-rotation & 31);
  }

  /// In [0, 1), a multiple of 2^-53: the upper 27 bits of one number, then the
  /// upper 26 of the next.
  double uniform() {
    uint64_t high = next() >> 5, low = next() >> 6;
    return double(high << 26 | low) * 0x1p-53;
  }

private:
  uint64_t state = 0;
  uint64_t increment;
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_RANDOM_H
