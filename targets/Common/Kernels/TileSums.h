//===- TileSums.h - The f32 sums of a register block ------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_TILESUMS_H
#define GEMCUT_TARGETS_COMMON_KERNELS_TILESUMS_H

#include "targets/Common/Kernels/MicroKernel.h"

namespace gemcut::targets {

/// The sums of a kernel with `shape`: one per input row, tile and part.
struct TileSums {
  Emitter &e;
  const MicroKernelShape &shape;
  /// Steps work on `lanes` of the 16 rows of a tile, one of its `parts`.
  int64_t lanes, parts;

  TileSums(Emitter &e, const VectorIsa &isa, const MicroKernelShape &shape)
      : e(e), shape(shape), lanes(isa.getLevel().productLanes),
        parts(kLanes / lanes) {}

  int64_t index(int64_t row, int64_t tile, int64_t part) const {
    return (row * shape.tiles + tile) * parts + part;
  }
  int64_t count() const { return shape.rows * shape.tiles * parts; }

  Emitter::Values zeros(int64_t copies = 1) const {
    return Emitter::Values(count() * copies, e.splat(0.0f, lanes));
  }

  /// Offset of a part of 16 elements of `elementBytes`.
  int64_t partOffset(int64_t part, int64_t elementBytes) const {
    return part * lanes * elementBytes;
  }

  /// To the rows at `y`, `yStride` bytes apart (i64).
  void store(mlir::ValueRange sums, mlir::Value y, mlir::Value yStride) const {
    for (int64_t m = 0; m < shape.rows; ++m) {
      mlir::Value row = e.at(y, e.mul(yStride, m));
      for (int64_t t = 0; t < shape.tiles; ++t)
        for (int64_t p = 0; p < parts; ++p)
          e.store(sums[index(m, t, p)],
                  e.at(row, t * 4 * kLanes + partOffset(p, 4)), 4 * lanes);
    }
  }
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_TILESUMS_H
