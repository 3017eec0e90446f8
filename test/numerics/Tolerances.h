//===- Tolerances.h - How far stages may be from f64 ------------*- C++ -*-===//
//
// A result may differ from its f64 reference by abs + rel * |magnitude|, where
// the magnitude is the reference itself, or, where terms can cancel, the sum of
// the absolute terms. u = 2^-24 is the rounding of one f32 operation.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TEST_NUMERICS_TOLERANCES_H
#define GEMCUT_TEST_NUMERICS_TOLERANCES_H

#include <cmath>
#include <cstdint>

namespace gemcut::test {

struct Tolerance {
  double abs, rel;
  double bound(double magnitude) const {
    return abs + rel * std::fabs(magnitude);
  }
};

namespace tolerance {
inline constexpr double kU = 0x1p-24;

/// One multiplication by a rounded factor: gather.
inline constexpr Tolerance kScaled{0, 3 * kU};

/// x * (mean(x^2) + eps)^(-1/2) * w. Squares are summed in 64 parts of n / 64
/// positive terms, and the root halves the sum's error; eight more roundings.
inline Tolerance rmsNorm(int64_t n) { return {1e-30, (n / 128.0 + 8) * kU}; }

/// A norm, then two additions or multiplications of terms that can cancel.
inline Tolerance normThenSum(int64_t n) {
  return {1e-30, (n / 128.0 + 12) * kU};
}

/// Cosine and sine are rounded once from f64 (error 1e-11 there).
inline constexpr Tolerance kRopeTable{1.1e-11, kU};

/// e^x: 2e-7 is documented; below -87 the result is 0, so e^-87 is absolute.
inline constexpr Tolerance kExp{2e-38, 2e-7};
inline constexpr Tolerance kTanh{2e-7, 0};
/// x / (1 + e^z), z = 1.6 x + 0.071 x^3 of f32: the error of z, 4 u |z|, is the
/// relative error of e^z; where the result is not tiny, |z| < 20.
inline constexpr Tolerance kGelu{1e-12, 6e-6};
/// y + b (a x) of adapters: sums of `inputs` and `rank` terms in any order; the
/// magnitude is the sum of the terms' magnitudes.
inline Tolerance adapt(int64_t inputs, int64_t rank) {
  return {0, double(inputs + rank + 2) * kU};
}
inline constexpr Tolerance kSinCos{1e-11, 0};

/// Attention; the magnitude is sum_t p[t] |v[t]|. `products` is the largest
/// sum_d |q[d] k[d]| of a visible key: rounding errors of a score's D terms add
/// like a random walk (four deviations), and an error s of all scores is a
/// relative error 2 s of the result. Exponentials add 4e-7, sums over keys
/// another random walk.
inline Tolerance attention(int64_t headDim, int64_t keys, double products) {
  double score = 4 * std::sqrt(double(headDim)) * kU * products;
  return {1e-30, 2 * score + 4e-7 + 4 * std::sqrt(double(keys)) * kU};
}

/// What bf16 operands add to the relative error. Rounding to bf16 changes a
/// number by up to 2^-9 of it, uniformly distributed, so by 2^-9 / sqrt(3) root
/// mean square. Rounded query elements change a score by that times the root
/// sum of squares of its products (four deviations), all scores by s the result
/// by 2 s; rounded exponentials change it by 2^-9 at most.
inline double attentionInBf16(double rootSquares) {
  return 2 * 4 * 0x1p-9 / std::sqrt(3.0) * rootSquares + 0x1p-9;
}

/// What a query rounded to int8 adds to the relative error: half a step is
/// max |q| / 254, so max |q| / 127 / sqrt(12) root mean square of each element,
/// which the root sum of squares of a key multiplies (`roundedQuery` is max |q|
/// times that). Four deviations; an error s of all scores is 2 s of the result.
inline double attentionInInt8(double roundedQuery) {
  return 2 * 4 / 127.0 / std::sqrt(12.0) * roundedQuery;
}
} // namespace tolerance

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_TOLERANCES_H
