//===- QuantizeRows.h - Scales and levels of rows ---------------*- C++ -*-===//
//
// All formats but int4 (QuantizeInt4.h). The same values give the same bits on
// every machine.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_QUANTIZEROWS_H
#define GEMCUT_COMPILER_ARTIFACT_QUANTIZEROWS_H

#include <cstdint>

namespace gemcut::artifact {

/// Chooses the f16 scales of `groups` groups of 32 values, of several units the
/// one with the least squared error, and puts the nearest levels of q4_0 as
/// stored, 0 .. 15.
void quantizeQ4_0(const float *x, int64_t groups, float *scales,
                  uint8_t *quants);

/// Sets the f16 scales of `groups` groups of 32 values to magnitude / 127, and
/// the nearest levels, -127 .. 127.
void quantizeInt8(const float *x, int64_t groups, float *scales,
                  int8_t *quants);

/// The levels low .. high of groups of 32 under scales that their values are
/// multiples of.
void quantizeKnown(const float *x, int64_t groups, const float *scales,
                   float low, float high, int8_t *levels);

/// The scale of a row of `count` values under 2, 4 or 8 bits each: of a range
/// of scales of both signs, the one with the least squared error; with 8 bits,
/// magnitude / 127. 0 for a row whose magnitude is below 2^-100. `count` is a
/// multiple of 16.
float chooseRowScale(const float *x, int64_t count, int64_t bits);

/// The nearest levels of `count` values under `scale`; zeros under 0.
void putRowLevels(const float *x, int64_t count, float scale, int64_t bits,
                  int8_t *quants);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_QUANTIZEROWS_H
