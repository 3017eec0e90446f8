//===- QuantizeInt4.cpp - Scales and levels of int4 -----------------------===//
//
// Sixteen rows at a time, a lane each: (columns, 16) arrays.
//
//===----------------------------------------------------------------------===//

#include "compiler/Artifact/QuantizeInt4.h"

#include "compiler/Artifact/ColumnErrors.h"
#include "compiler/Artifact/VectorCode.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

using namespace gemcut::artifact;

namespace {

constexpr int kGroup = GEMCUT_GROUP;
constexpr int kRows = GEMCUT_TILE_ROWS;

constexpr int kCodeSign = 0x80;
constexpr int kCodes = 0x80; ///< of one sign, in order of magnitude
/// Units of a row's scale in its largest magnitude: 8 levels times a code,
/// which leaves codes above it for scales that clip less.
constexpr float kRowUnits = 8 * 128;
/// A row whose values are all smaller is stored as zeros: its scale would lose
/// bits as a subnormal number.
constexpr float kLeastMagnitude = 0x1p-100f;

/// Signed scales that are tried for a group, in eighths of the group's largest
/// magnitude: those of one sign make it level -8, or clip it by up to five
/// levels, those of the other level 7. Others do not win.
constexpr float kLeastAsLow = 0.60f, kMostAsLow = 1.20f;
constexpr float kLeastAsHigh = 0.60f, kMostAsHigh = 1.40f;

/// The nearest of the 16 levels, -8 .. 7.
GEMCUT_INLINE float nearestLevel(float value) {
  return std::min(std::max(std::nearbyint(value), -8.0f), 7.0f);
}

GEMCUT_INLINE float codeValue(int code) {
  uint32_t bits = uint32_t(code & kCodeSign) << 24 |
                  uint32_t((code & ~kCodeSign) + (127 << 4)) << 19;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

/// The last positive code up to `value`, or 0.
GEMCUT_INLINE int lastCodeUpTo(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  int code = int(bits >> 19) - (127 << 4);
  return std::min(std::max(code, 0), kCodes - 1);
}

/// Values of one column, a lane for each row, wherever they lie.
typedef float RowVector
    __attribute__((vector_size(kRows * sizeof(float)), aligned(4), may_alias));

/// One value for each row.
struct Lanes {
  alignas(64) float at[kRows];
};
struct CodeLanes {
  alignas(64) int32_t at[kRows];
};

/// Tries a range of codes of one sign for a group, (32, 16) values; keeps the
/// best in `best` and `least`.
GEMCUT_INLINE void tryCodes(const float *group, const float *costs,
                            const Lanes &rowScales, const CodeLanes &signs,
                            const CodeLanes &first, const CodeLanes &last,
                            CodeLanes &best, Lanes &least) {
  int32_t steps = 0;
  for (int r = 0; r < kRows; ++r)
    steps = std::max(steps, last.at[r] - first.at[r]);
  for (int32_t step = 0; step <= steps; ++step) {
    CodeLanes codes;
    Lanes scales, inverses, sums;
    for (int r = 0; r < kRows; ++r) {
      codes.at[r] = std::min(first.at[r] + step, last.at[r]) | signs.at[r];
      scales.at[r] = codeValue(codes.at[r]) * rowScales.at[r];
      inverses.at[r] = 1 / scales.at[r];
      sums.at[r] = 0;
    }
    for (int k = 0; k < kGroup; ++k)
      for (int r = 0; r < kRows; ++r) {
        float value = group[k * kRows + r];
        float difference =
            value - nearestLevel(value * inverses.at[r]) * scales.at[r];
        sums.at[r] += difference * difference * costs[k];
      }
    for (int r = 0; r < kRows; ++r) {
      bool isLess = sums.at[r] < least.at[r];
      least.at[r] = isLess ? sums.at[r] : least.at[r];
      best.at[r] = isLess ? codes.at[r] : best.at[r];
    }
  }
}

/// The code of each row for a group; 0 where all values are zero.
GEMCUT_INLINE void chooseCodes(const float *group, const float *costs,
                               const Lanes &rowScales, CodeLanes &best) {
  Lanes least, units;
  CodeLanes lowSigns, highSigns, first, last;
  for (int r = 0; r < kRows; ++r) {
    float most = 0;
    for (int k = 0; k < kGroup; ++k) {
      float value = group[k * kRows + r];
      most = std::fabs(value) > std::fabs(most) ? value : most;
    }
    units.at[r] = std::fabs(most) / 8 / rowScales.at[r];
    lowSigns.at[r] = most < 0 ? 0 : kCodeSign;
    highSigns.at[r] = lowSigns.at[r] ^ kCodeSign;
    least.at[r] = most == 0 ? 0 : std::numeric_limits<float>::infinity();
    best.at[r] = 0;
  }
  for (int r = 0; r < kRows; ++r) {
    first.at[r] = lastCodeUpTo(kLeastAsLow * units.at[r]);
    last.at[r] = lastCodeUpTo(kMostAsLow * units.at[r]);
  }
  tryCodes(group, costs, rowScales, lowSigns, first, last, best, least);
  for (int r = 0; r < kRows; ++r) {
    first.at[r] = lastCodeUpTo(kLeastAsHigh * units.at[r]);
    last.at[r] = lastCodeUpTo(kMostAsHigh * units.at[r]);
  }
  tryCodes(group, costs, rowScales, highSigns, first, last, best, least);
}

/// Rounds column `column` of `values` (columns, 16) to levels, and feeds the
/// errors back.
GEMCUT_INLINE void roundColumn(float *values, int64_t column,
                               const Lanes &scales, const Lanes &inverses,
                               const ColumnErrors *errors, uint8_t *levels) {
  float *own = values + column * kRows;
  Lanes difference;
  for (int r = 0; r < kRows; ++r) {
    float level = nearestLevel(own[r] * inverses.at[r]);
    levels[column * kRows + r] = uint8_t(level + 8);
    difference.at[r] = own[r] - level * scales.at[r];
  }
  if (!errors)
    return;
  const float *feedback = errors->getFeedback(column);
  int64_t end = errors->getBlockEnd(column);
  // The compiler makes scalar code of these two lines as a loop over rows.
  RowVector taken = *reinterpret_cast<const RowVector *>(difference.at);
  for (int64_t j = column + 1; j < end; ++j)
    *reinterpret_cast<RowVector *>(values + j * kRows) -=
        taken * feedback[j - column - 1];
}

/// The same for all groups. `values` (columns, 16) are overwritten.
GEMCUT_MULTIVERSION
void quantizeLanes(float *values, int64_t columns, const Lanes &rowScales,
                   const ColumnErrors *errors, uint8_t *codes,
                   uint8_t *levels) {
  float alike[kGroup];
  std::fill_n(alike, kGroup, 1.0f);
  for (int64_t from = 0; from < columns; from += kGroup) {
    CodeLanes best;
    chooseCodes(values + from * kRows,
                errors ? errors->getCosts() + from : alike, rowScales, best);
    Lanes scales, inverses;
    for (int r = 0; r < kRows; ++r) {
      codes[from / kGroup * kRows + r] = uint8_t(best.at[r]);
      scales.at[r] = codeValue(best.at[r]) * rowScales.at[r];
      inverses.at[r] = 1 / scales.at[r];
    }
    for (int64_t c = from; c < from + kGroup; ++c)
      roundColumn(values, c, scales, inverses, errors, levels);
  }
}

} // namespace

float gemcut::artifact::int4CodeValue(uint8_t code) { return codeValue(code); }

void gemcut::artifact::quantizeInt4(const float *values, int64_t rows,
                                    int64_t columns, const ColumnErrors *errors,
                                    Int4Rows &out) {
  assert(columns % kGroup == 0 && "groups of 32 must fill the columns");
  assert((!errors || errors->getColumns() == columns) && "errors of another");
  std::vector<float> lanes(size_t(columns * kRows));
  Lanes scales;
  for (int r = 0; r < kRows; ++r) {
    float largest = 0;
    for (int64_t c = 0; r < rows && c < columns; ++c)
      largest = std::max(largest, std::fabs(values[r * columns + c]));
    bool isZero = largest < kLeastMagnitude;
    out.rowScales[r] = isZero ? 0 : largest / kRowUnits;
    // Zeros have no error under any scale.
    scales.at[r] = isZero ? 1 : out.rowScales[r];
    for (int64_t c = 0; !isZero && c < columns; ++c)
      lanes[size_t(c * kRows + r)] = values[r * columns + c];
  }
  out.codes.resize(size_t(columns / kGroup * kRows));
  out.levels.resize(size_t(columns * kRows));
  quantizeLanes(lanes.data(), columns, scales, errors, out.codes.data(),
                out.levels.data());
}
