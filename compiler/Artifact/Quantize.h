//===- Quantize.h - float32 weights to tiles and rows -----------*- C++ -*-===//
//
// Layouts: runtime/abi/packed_layout.h. No MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_QUANTIZE_H
#define GEMCUT_COMPILER_ARTIFACT_QUANTIZE_H

#include "runtime/abi/packed_layout.h"

#include <cstdint>

namespace gemcut::artifact {

class ColumnErrors;

/// Index of the first of `count` values that `format` cannot store, or -1: NaN,
/// infinities, and magnitudes above 3.39e38 (bf16), 65504 * 127 (int8), 65504 *
/// 8 (q4_0), whose f16 scale would not be finite, or 2^120 (int4 and the
/// formats with row scales).
int64_t findUnstorable(gemcut_format format, const float *values,
                       int64_t count);

/// True for what a group of q4_0 or int8 has as its scale: a finite f16.
bool isGroupScale(float scale);

/// What a checkpoint knows about rows that it stores quantized.
struct KnownScales {
  /// Scales that the values are whole multiples of; null: packing chooses them.
  /// One per group of 32 in rows of q4_0 and int8 (isGroupScale), in formats
  /// with row scales one per row of a tile, or per block of a table's row.
  const float *scales = nullptr;
  /// The scale that products round the rows' outputs under, in formats with row
  /// scales; 0: they do not.
  float outputScale = 0;
};

/// Packs up to 16 rows of `columns` float32 values (row-major, `rows` of them)
/// into one tile of `format` at `tile` (gemcut_tile_bytes of it); missing rows
/// and columns become zero. Values must be storable (findUnstorable); for int4,
/// q4_0 and int8 `columns` is a multiple of 32.
///
/// int4: as quantizeInt4 says; `errors`, which may be null, is for it alone.
/// q4_0, per group: first the rule of ggml (scale = the value of largest
/// magnitude / -8, in f16), then other scales; the one with the least squared
/// error is kept, the first among equals. So a group that ggml's Q4_0
/// represents exactly keeps every bit, and a group that any scale represents
/// exactly has no error. int8: scale = max / 127 in f16, quants -127 .. 127.
/// int2_row, int4_row: of a range of scales of both signs, the one with the
/// least squared error over the row; int8_row: scale = max / 127. The same
/// values give the same bytes on every machine.
void packTile(gemcut_format format, const float *values, int64_t rows,
              int64_t columns, uint8_t *tile, const KnownScales &known = {},
              const ColumnErrors *errors = nullptr);

/// The coarse form of a packed int8 tile, at `coarse`
/// (gemcut_coarse_tile_bytes).
void packCoarseTile(const uint8_t *tile, int64_t columns, uint8_t *coarse);

/// Packs one row of a table (not int4, q4_0) at `out`. `scales`: those of a
/// row, of formats with row scales.
void packTableRow(gemcut_format format, const float *values, int64_t columns,
                  uint8_t *out, int64_t scales = 1,
                  const KnownScales &known = {});

/// The value at (row, column) of a packed tile, and of a table row.
float unpackTileValue(gemcut_format format, const uint8_t *tile, int64_t row,
                      int64_t column, int64_t columns);
float unpackTableValue(gemcut_format format, const uint8_t *row, int64_t column,
                       int64_t columns, int64_t scales = 1);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_QUANTIZE_H
