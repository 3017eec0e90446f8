//===- MicroKernel.h - Register blocks of a product -------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_MICROKERNEL_H
#define GEMCUT_TARGETS_COMMON_KERNELS_MICROKERNEL_H

#include "targets/Common/StageEmitter.h"

namespace gemcut::targets {

/// What one micro-kernel computes: `rows` input rows times `tiles` consecutive
/// weight tiles of 16 outputs, over all columns.
struct MicroKernelShape {
  Format format = Format::F32;
  int64_t columns = 0;       ///< K
  int64_t inputRowBytes = 0; ///< distance between input rows
  int64_t rows = 1, tiles = 1;
  /// Weights are a stream from memory that is fetched ahead.
  bool fetchAhead = false;
  /// Instead, the caller says how far ahead, or 0; only of integer formats.
  bool asksAhead = false;
  /// Bytes ahead to fetch each input row; 0 for rows that stay in L1. Only of
  /// integer formats.
  int64_t inputAhead = 0;
  /// Lines of other weights to fetch in every group of 32 columns, while these
  /// are multiplied; only of integer formats.
  int64_t nextLines = 0;
  /// The input is one row in the form of emitSignedRow (SignedRow.h).
  bool signedRow = false;
};

/// Bytes of other weights that one call of a kernel fetches.
int64_t nextBytes(const MicroKernelShape &shape);

/// The scales that codes of int4 stand for (i8, a scalar or 16 lanes), without
/// those of rows, as f32 bits less the bits of 1.0f.
mlir::Value emitScaleCodeBits(Emitter &e, mlir::Value codes);

/// The scales of one group at `scales` (int4's codes, else f16) for `lanes`
/// rows as f32 bits less those of 1.0f.
mlir::Value emitScaleBits(Emitter &e, Format format, mlir::Value scales,
                          int64_t lanes);

/// A private function of the module, made on first use:
///
///   void f(w, x, y, yStride[, next][, ahead])
///   y[m * yStride + 64 t + 4 r] = sum_k W[16 t + r, k] * x[m, k]   (f32)
///
/// w: first of the tiles (r16k4); x: first of the rows, q8 for int4, q4_0
/// and int8 weights, u8 for those with row scales (buildRowScaleKernel), f32
/// otherwise; y: f32, 64-byte aligned, yStride in bytes; next, with nextLines:
/// nextBytes(shape) are fetched from there; ahead, with asksAhead: bytes (i64).
/// int4, q4_0 and int8: int32 sums inside a group of 32, f32 across groups:
///   sum_g ws[g, r] * xs[g] * (sum_k q_w q_x + correction).
mlir::func::FuncOp getMicroKernel(StageEmitter &e,
                                  const MicroKernelShape &shape);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_MICROKERNEL_H
