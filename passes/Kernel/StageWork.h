//===- StageWork.h - What a stage moves and computes ------------*- C++ -*-===//
//
// Read off types and attributes alone: the numbers behind `gemcut explain`.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_PASSES_KERNEL_STAGEWORK_H
#define GEMCUT_PASSES_KERNEL_STAGEWORK_H

#include "dialects/Kernel/KernelOps.h"

namespace gemcut::kernel {

/// What a stage's inner loop multiplies.
enum class Arithmetic { None, Int8, Bf16, F32 };

/// Bytes and multiply-accumulates (MACs) of a stage that runs for R rows. A row
/// sees P positions of a cache. Every byte counts once, however often the stage
/// reads it: later reads come from a CPU cache.
struct StageWork {
  int64_t weightBytes = 0;       ///< packed tensors that are read as a whole
  int64_t expertBytes = 0;       ///< of one expert, of which ...
  int64_t experts = 0;           ///< ... there are so many ...
  int64_t expertsPerRow = 0;     ///< ... and a row reads so many
  int64_t tableBytesPerRow = 0;  ///< of tables of which single rows are read
  int64_t bufferBytesPerRow = 0; ///< activations, read and written
  int64_t cacheReadBytesPerPosition = 0; ///< K and V of all heads
  int64_t cacheWrittenBytesPerRow = 0;
  int64_t window = 0; ///< limit of P; 0: all positions so far
  int64_t macsPerRow = 0;
  int64_t macsPerRowPosition = 0; ///< times R and P
  Arithmetic arithmetic = Arithmetic::None;
  /// Chunks that threads can share: `chunks`, or if that is 0 `chunksPerBlock`
  /// of each block of up to `rowsPerBlock` rows. All 0 before partitioning.
  int64_t chunks = 0, chunksPerBlock = 0, rowsPerBlock = 0;
};

StageWork getStageWork(StageOpInterface stage);

/// One stage in the order an entry point runs them.
struct StageRun {
  StageOpInterface stage;
  int64_t layer; ///< of the kernel.count_rows in front of the call; -1: none
  int64_t rows;  ///< 0: the rows of the step
};

/// The stages of `entry`, called functions in place of their calls. `entry`'s
/// first argument is the rows of the step.
llvm::SmallVector<StageRun> getStageRuns(mlir::func::FuncOp entry);

} // namespace gemcut::kernel

#endif // GEMCUT_PASSES_KERNEL_STAGEWORK_H
