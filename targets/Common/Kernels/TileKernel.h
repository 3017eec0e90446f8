//===- TileKernel.h - Products on matrix registers --------------*- C++ -*-===//
//
// The counterpart of MicroKernel for levels with a TileIsa. A weight tile is
// unpacked once into a panel; blocks of rows then multiply from it.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_TILEKERNEL_H
#define GEMCUT_TARGETS_COMMON_KERNELS_TILEKERNEL_H

#include "targets/Common/Kernels/MicroKernel.h"
#include "targets/Common/TileIsa.h"

namespace gemcut::targets {

/// Rows of the block that fills the registers, and of the one for its tail.
inline constexpr int64_t kTileRows = 16, kTileTailRows = 8;

/// Bytes of the panel of one weight tile with `columns` columns. Per group of
/// 32 columns: int8 [8][16 lanes][4 columns], then f32 scale[16 lanes]; value =
/// q * scale.
int64_t tilePanelBytes(int64_t columns);

/// Configures the tile registers for getTileKernel's functions.
void configureTiles(Emitter &e, const TileIsa &tiles);

/// A private function of the module, made on first use:
///
///   void f(w, panel)
///
/// w: one weight tile (r16k4, int4 or int8); panel: 64-byte aligned.
mlir::func::FuncOp getTileUnpacker(StageEmitter &e, Format format,
                                   int64_t columns);

/// Like getMicroKernel with one tile and q8 rows, but with a panel in the
/// place of w. `shape.rows` is kTileRows or kTileTailRows.
mlir::func::FuncOp getTileKernel(StageEmitter &e,
                                 const MicroKernelShape &shape);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_TILEKERNEL_H
