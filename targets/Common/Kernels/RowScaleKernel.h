//===- RowScaleKernel.h - Products under one scale per row ------*- C++ -*-===//
//
// The counterparts of MicroKernel and TileKernel for int2_row, int4_row and
// int8_row weights and u8 rows: int32 sums over all columns, one f32 product at
// their end.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_ROWSCALEKERNEL_H
#define GEMCUT_TARGETS_COMMON_KERNELS_ROWSCALEKERNEL_H

#include "targets/Common/Kernels/MicroKernel.h"
#include "targets/Common/TileIsa.h"

namespace gemcut::targets {

/// The body of getMicroKernel's function for a format with row scales:
///
///   y[m, r] = round(ws[r] * xs[m] * (sum_k q_w (q_x + 128) + correction[r]))
///
/// with round(v) = clamp(rint(v / s), -128, 127) * s for the output scale s of
/// the row, or v if that is 0.
void buildRowScaleKernel(Emitter &e, const VectorIsa &isa,
                         const MicroKernelShape &shape,
                         mlir::ValueRange arguments);

/// Rows of the blocks that fill matrix registers: as kTileRows and
/// kTileTailRows of TileKernel.h.
///
/// Bytes of the panel of one weight tile with `columns` columns: the tile's
/// header, then per 64 columns int8 [16][16 lanes][4 columns].
int64_t rowScalePanelBytes(int64_t columns);

/// Configures the tile registers for getRowScaleTileKernel's functions.
void configureRowScaleTiles(Emitter &e, const TileIsa &tiles);

/// Like getTileUnpacker and getTileKernel, for u8 rows and formats with row
/// scales.
mlir::func::FuncOp getRowScaleUnpacker(StageEmitter &e, Format format,
                                       int64_t columns);
mlir::func::FuncOp getRowScaleTileKernel(StageEmitter &e,
                                         const MicroKernelShape &shape);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_ROWSCALEKERNEL_H
