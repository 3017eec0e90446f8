//===- QuantizeInt4.h - Scales and levels of int4 ---------------*- C++ -*-===//
//
// Layout: runtime/abi/packed_layout.h. Why 8-bit scales, and how they are
// chosen: compiler/Docs/decisions/20261125-int4-scales.md,
// 20261125-rounding.md.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_QUANTIZEINT4_H
#define GEMCUT_COMPILER_ARTIFACT_QUANTIZEINT4_H

#include "runtime/abi/packed_layout.h"

#include <cstdint>
#include <vector>

namespace gemcut::artifact {

class ColumnErrors;

/// Up to 16 rows in int4. A row's value in column c is
/// (levels[c][row] - 8) * int4CodeValue(codes[c / 32][row]) * rowScales[row].
struct Int4Rows {
  float rowScales[GEMCUT_TILE_ROWS] = {};
  std::vector<uint8_t> codes;  ///< (columns / 32, 16)
  std::vector<uint8_t> levels; ///< (columns, 16), 0 .. 15
};

/// What the code of a group's scale stands for: +-2^E (1 + M / 16).
float int4CodeValue(uint8_t code);

/// Chooses scales and levels of `rows` (up to 16) rows of `columns` float32
/// values, row-major, a multiple of 32. A row's scale covers its largest value;
/// per group of 32, of all codes near the one that spans the group, the one
/// whose nearest levels have the least squared error, the first among equals. A
/// row below 2^-100 becomes zero, as do missing rows.
///
/// With `errors`, squared errors count by its costs, and the error of every
/// column is fed back into those behind it in its block. The same values give
/// the same bits on every machine.
void quantizeInt4(const float *values, int64_t rows, int64_t columns,
                  const ColumnErrors *errors, Int4Rows &out);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_QUANTIZEINT4_H
