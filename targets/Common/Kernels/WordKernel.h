//===- WordKernel.h - Products with sums in 16-bit words --------*- C++ -*-===//
//
// The counterpart of MicroKernel for products of many rows, on levels whose
// products of bytes are added in words (IsaLevel::wordRows). A weight tile is
// unpacked once into a panel, so that unpacking is no part of a block of rows;
// the f32 (int32) sums of a block are in memory, which is nearly free on these
// levels and leaves the registers to the sums in words.
// Results have the bits of MicroKernel's.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_WORDKERNEL_H
#define GEMCUT_TARGETS_COMMON_KERNELS_WORDKERNEL_H

#include "targets/Common/Kernels/MicroKernel.h"

namespace gemcut::targets {

/// From so many rows on a panel costs less than it saves.
inline constexpr int64_t kLeastWordRows = 8;

/// Whether the sums of `format` can be words.
bool hasWordKernel(const IsaLevel &level, Format format);

/// Bytes of the panel of one weight tile with `columns` columns:
///   int4, q4_0: f32 scale of the rows [16]; per group of 32 columns
///     uint8 [8 steps][16 rows][4 columns], the nibbles
///     int4: int16 [16 rows][2], scale code * 16 twice; q4_0: f32 bits of the
///     scale less those of 1.0 [16 rows]
///   int2_row, int4_row: rowScalePanelBytes, as getRowScaleUnpacker writes it
int64_t wordPanelBytes(Format format, int64_t columns);

/// A private function of the module, made on first use:
///
///   void f(w, panel)
///
/// w: one weight tile (r16k4); panel: 64-byte aligned.
mlir::func::FuncOp getWordUnpacker(StageEmitter &e, Format format,
                                   int64_t columns);

/// Like getMicroKernel with one tile, but with a panel in the place of w.
/// `shape.rows` is at most the level's wordRows.
mlir::func::FuncOp getWordKernel(StageEmitter &e,
                                 const MicroKernelShape &shape);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_WORDKERNEL_H
