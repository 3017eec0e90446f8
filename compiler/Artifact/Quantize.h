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

/// Packs up to 16 rows of `columns` float32 values (row-major, `rows` of them)
/// into one tile of `format` at `tile` (gemcut_tile_bytes of it); missing rows
/// and columns become zero. int4: per group of 32 the Q4_0 rule (scale = the
/// value of largest magnitude / -8, in f16), then the scale nearby with the
/// least squared error; a group that Q4_0 represents exactly keeps every bit.
/// int8: scale = max / 127 in f16, quants in -127 .. 127.
void packTile(gemcut_format format, const float *values, int64_t rows,
              int64_t columns, uint8_t *tile);

/// Packs one row of a table (f32, bf16 or int8) at `out`.
void packTableRow(gemcut_format format, const float *values, int64_t columns,
                  uint8_t *out);

/// The value at (row, column) of a packed tile, and of a table row.
float unpackTileValue(gemcut_format format, const uint8_t *tile, int64_t row,
                      int64_t column, int64_t columns);
float unpackTableValue(gemcut_format format, const uint8_t *row, int64_t column,
                       int64_t columns);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_QUANTIZE_H
