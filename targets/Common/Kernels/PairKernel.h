//===- PairKernel.h - Products of pairs of rows -----------------*- C++ -*-===//
//
// The counterpart of MicroKernel for products of many rows, on levels whose
// instructions multiply two rows of inputs by two of weights
// (IsaLevel::hasPairProducts). A weight tile is unpacked once into a panel, in
// which these lie next to each other; blocks of rows then multiply from it.
// Results have the bits of MicroKernel's.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_PAIRKERNEL_H
#define GEMCUT_TARGETS_COMMON_KERNELS_PAIRKERNEL_H

#include "targets/Common/Kernels/MicroKernel.h"

namespace gemcut::targets {

/// Rows of a block: their sums and those of a group take 24 of 32 registers.
inline constexpr int64_t kPairRows = 6;
/// From so many rows on a panel costs less than it saves.
inline constexpr int64_t kLeastPairRows = 8;

/// Bytes of the panel of one weight tile with `columns` columns (a multiple of
/// 32). With the 8 pairs of a tile's outputs (w0, w1):
///   f32 scale of the rows [8 pairs][w0 w1 w0 w1], 1 where there are none
///   per group of 32 columns
///     int8 [4 steps][8 pairs][2 outputs][8 columns]
///     f32 bits of the scale less those of 1.0 [8 pairs][w0 w1 w0 w1]
int64_t pairPanelBytes(int64_t columns);

/// A private function of the module, made on first use:
///
///   void f(w, panel)
///
/// w: one weight tile (r16k4; int4, q4_0 or int8); panel: 64-byte aligned.
mlir::func::FuncOp getPairUnpacker(StageEmitter &e, Format format,
                                   int64_t columns);

/// Like getMicroKernel with one tile and q8 rows, but with a panel in the place
/// of w. `shape.rows` is at most kPairRows.
mlir::func::FuncOp getPairKernel(StageEmitter &e,
                                 const MicroKernelShape &shape);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_PAIRKERNEL_H
