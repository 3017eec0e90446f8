//===- RowScaleParts.h - What products under row scales share ---*- C++ -*-===//
//
// Where columns lie in a block of weights, and what becomes of the sums.
// Layouts: runtime/abi/packed_layout.h.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_ROWSCALEPARTS_H
#define GEMCUT_TARGETS_COMMON_KERNELS_ROWSCALEPARTS_H

#include "targets/Common/Kernels/MicroKernel.h"

#include "runtime/abi/packed_layout.h"

#include <cstddef>

namespace gemcut::targets {

inline constexpr int64_t kVectorBytes = 64;
/// Columns of the repeating block, and of the runs that sums are widened after.
inline constexpr int64_t kBlockColumns = 64, kRunColumns = 32;
inline constexpr int64_t kScales = offsetof(gemcut_row_tile_header, scales);
inline constexpr int64_t kCorrections =
    offsetof(gemcut_row_tile_header, corrections);
inline constexpr int64_t kOutputScales =
    offsetof(gemcut_row_tile_header, output_scales);
inline constexpr int64_t kHeaderBytes = sizeof(gemcut_row_tile_header);

inline int64_t blocksOf(int64_t columns) {
  return gemcut_round_up(columns, kBlockColumns) / kBlockColumns;
}

/// Where four columns of 16 rows lie in a block: field `field` of vector
/// `vector`; they are the columns from `column` on.
struct Field {
  int64_t vector, field, column;
};

/// The fields of run `run` (0, 1) of a block, vector by vector.
llvm::SmallVector<Field> fieldsOf(int64_t bits, int64_t run);

/// Bytes ahead (i64) to fetch the lines of a block of 64 columns. Several tiles
/// are a stream each: at their end that leads past the other tiles to the next
/// ones.
mlir::Value aheadOfBlock(Emitter &e, const VectorIsa &isa,
                         const MicroKernelShape &shape, mlir::Value block);

/// Fetches of several tiles at `tiles` what no block does: ahead of a tile's
/// first block, headers lie between that and what the tile before ended with.
void fetchBehindHeaders(Emitter &e, const VectorIsa &isa,
                        const MicroKernelShape &shape, mlir::Value tiles);

/// Turns int32 sums into results: scales, rounds, stores.
class RowScaleResults {
public:
  /// `headers`: the first tile's; `sumShift`: sums are 2^sumShift too large;
  /// `lanes`: of each sum, 16 or a part of them.
  RowScaleResults(Emitter &e, const MicroKernelShape &shape,
                  mlir::Value headers, int64_t tileBytes, int64_t sumShift,
                  int64_t lanes, mlir::Value x, mlir::Value y,
                  mlir::Value yStride)
      : e(e), shape(shape), headers(headers), tileBytes(tileBytes),
        sumShift(sumShift), lanes(lanes), x(x), y(y), yStride(yStride) {}

  /// `sums`: [rows][tiles][16 / lanes] vectors.
  void store(mlir::ValueRange sums);

private:
  Emitter &e;
  const MicroKernelShape &shape;
  mlir::Value headers;
  int64_t tileBytes, sumShift, lanes;
  mlir::Value x, y, yStride;

  /// `sums`: of the rows, for the lanes at `offset` of a tile's results.
  void storePart(llvm::ArrayRef<mlir::Value> sums, int64_t tile,
                 int64_t offset);
  void storeRows(llvm::ArrayRef<mlir::Value> results, int64_t offset);
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_ROWSCALEPARTS_H
