//===- RowBlocks.h - All rows of a product times a few tiles ----*- C++ -*-===//
//
// The inner part of every product stage: weight tiles that are next to each
// other, multiplied by all rows, a register block after the other, while the
// tiles are in cache.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_ROWBLOCKS_H
#define GEMCUT_TARGETS_COMMON_KERNELS_ROWBLOCKS_H

#include "targets/Common/Kernels/MicroKernel.h"

#include "llvm/Support/MathExtras.h"

namespace gemcut::targets {

/// Bytes of the results of one row and tile: 16 f32.
inline constexpr int64_t kResultBytes = 64;

/// Where the results of a block go: f32, 64-byte aligned.
struct BlockTarget {
  mlir::Value address; ///< of the block's first row and tile
  mlir::Value stride;  ///< bytes between rows (i64)
};

/// The register block of a product of many rows.
BlockShape getBlock(const IsaLevel &level, Format format);

/// The register block of a stream: up to so many rows of one tile, or so many
/// tiles of one row.
BlockShape getStreamBlock(const IsaLevel &level, Format format);

class RowBlocks {
public:
  /// For a stage that multiplies `weight` with rows `inputRowBytes` apart, in
  /// blocks of `block`, up to `unitTiles` tiles at a time, for `expectedRows`
  /// rows. `stream`: weights come from memory and are read once.
  RowBlocks(StageEmitter &e, kernel::WeightType weight, int64_t inputRowBytes,
            BlockShape block, int64_t unitTiles, int64_t expectedRows,
            bool stream);

  int64_t getTileBytes() const { return tileBytes; }

  /// Emits what a thread needs before its chunks, and after them.
  void begin();
  void end();

  /// Lets the products of the last row be in signed form where it is a block
  /// alone and the level gains by that, for rows 0 .. rows-1 (i64) at `input`
  /// of all units.
  void prepareLoneRow(mlir::Value input, mlir::Value rows);

  /// A stack buffer for the results of one block.
  BlockTarget makeScratch();

  /// Multiplies rows 0 .. rows-1 (i64) at `input` by `count` tiles at `tiles`.
  /// `getTarget` says where the block that begins with a row (i64) goes,
  /// `finish` follows with every row and the address of its results.
  void multiply(
      mlir::Value tiles, int64_t count, mlir::Value input, mlir::Value rows,
      llvm::function_ref<BlockTarget(mlir::Value row)> getTarget,
      llvm::function_ref<void(mlir::Value row, mlir::Value results)> finish);

private:
  StageEmitter &e;
  kernel::WeightType weight;
  int64_t inputRowBytes;
  BlockShape block;
  int64_t unitTiles, expectedRows;
  bool stream;
  int64_t tileBytes;
  const TileIsa *tileIsa = nullptr; ///< null: vectors alone
  /// Many rows are multiplied by panels: in pairs (PairKernel), or with sums in
  /// words (WordKernel).
  bool pairs = false, words = false;
  mlir::Value fetchAhead; ///< i1, of a stream
  mlir::Value panels;     ///< of the unit's tiles
  mlir::Value signedRow;  ///< the last row, if it is a block, of a stream

  bool rowScales() const { return hasRowScales(weight.getFormat()); }
  int64_t panelBytes() const;
  void unpack(mlir::Value tiles, int64_t count);
  using TargetFn = llvm::function_ref<BlockTarget(mlir::Value row)>;
  using FinishFn =
      llvm::function_ref<void(mlir::Value row, mlir::Value results)>;
  void multiplyRows(mlir::Value tiles, int64_t count, mlir::Value input,
                    mlir::Value rows, TargetFn getTarget, FinishFn finish);
  /// Rows of a block that is multiplied by panels; 0: there are none.
  int64_t panelRows() const;
  void multiplyPanels(int64_t count, mlir::Value input, mlir::Value rows,
                      TargetFn getTarget, FinishFn finish);
  void multiplyBlock(mlir::Value tiles, int64_t count, mlir::Value input,
                     mlir::Value row, int64_t rows, const BlockTarget &target);

  int64_t unitBytes() const { return unitTiles * tileBytes; }
  /// Kernel calls for a block of rows of a unit.
  int64_t callsPerBlock() const {
    return llvm::divideCeil(unitTiles, block.tiles);
  }
  /// Lines of the next unit's weights that a kernel fetches in each group, so
  /// that the blocks of rows of this unit fetch all of them. Without that the
  /// first block of every unit would wait for memory.
  int64_t nextLines() const;
  /// What the kernel of the tiles from `tiles` + `first` and the block of rows
  /// from `row` fetches: its part of the next unit, at most the last one.
  mlir::Value nextWeights(mlir::Value tiles, mlir::Value row, int64_t first,
                          const MicroKernelShape &shape);
};

/// gelu(even tile) * odd tile of a row's results, for `count` pairs, each value
/// times `scale` first.
llvm::SmallVector<mlir::Value> emitGated(Emitter &e, mlir::Value results,
                                         int64_t count, float scale = 1);

/// Stores finished tiles, the first of which is output tile `first` (i64), to
/// the row at `target`: as they are, or as one q8 group of two, where the last
/// group of a row zeroes the padding behind it.
void storeOutputTiles(Emitter &e, llvm::ArrayRef<mlir::Value> tiles,
                      mlir::Value target, mlir::Value first,
                      kernel::BufferType output);

/// i1: whether this step is to fetch weights ahead (gemcut_step).
mlir::Value isFetchAhead(StageEmitter &e);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_ROWBLOCKS_H
