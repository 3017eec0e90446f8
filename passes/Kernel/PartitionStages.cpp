//===- PartitionStages.cpp - What one chunk of a stage is -----------------===//

#include "passes/Kernel/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

#define DEBUG_TYPE "kernel-partition-stages"

namespace gemcut::kernel {
#define GEN_PASS_DEF_PARTITIONSTAGESPASS
#include "passes/Kernel/Passes.h.inc"
} // namespace gemcut::kernel

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

namespace {

/// Rows of a gemv register block: up to 4 rows the weights still come from
/// memory as fast as for one (Zen 5, November 2026).
constexpr int64_t kGemvRows = 4;
/// Chunks that a stage should at least have, so that the last ones even out
/// threads. Fewer and longer streams read faster: whole decoding steps at E2B
/// shapes on two Zen 5 cores (November 2026) reach 68 % of a plain read with 16
/// chunks of up to 8 tiles, 76 % with 8 of up to 32, 67 % with 2 of up to 128.
constexpr int64_t kWantedChunks = 8;
/// 512 outputs: 440 KiB of int4 weights at 1536 inputs, 11 us at 40 GB/s.
constexpr int64_t kLargestChunk = 32;
/// Query vectors (rows times heads) that one pass over K and V serves: 64 of
/// 512 dimensions and their sums fill a quarter of a 1 MiB cache.
constexpr int64_t kAttentionQueries = 64;
constexpr int64_t kAttentionRows = 16;
/// Rows whose keys share cache lines, and how many rows a stage needs until
/// chunks of so many still even out threads.
constexpr int64_t kLineRows = 16;
constexpr int64_t kManyRows = 8 * kLineRows;
/// Tiles that hold one q8 group of 32 outputs.
constexpr int64_t kGroupTiles = GEMCUT_GROUP / GEMCUT_TILE_ROWS;

/// Sizes of a product in output tiles, which are pairs of an interleaved
/// weight.
struct OutputTiles {
  int64_t count;    ///< of the product
  int64_t matrices; ///< weight tiles per output tile: 1, or 2 if interleaved
  int64_t bytes;    ///< of weights behind one output tile

  /// Of one expert, if there are several.
  explicit OutputTiles(WeightType weight, int64_t experts = 1) {
    matrices = weight.getLayout() == Layout::Interleaved ? 2 : 1;
    count = gemcut_round_up(weight.getRows() / matrices / experts,
                            GEMCUT_TILE_ROWS) /
            GEMCUT_TILE_ROWS;
    bytes = matrices *
            gemcut_tile_bytes(toAbi(weight.getFormat()), weight.getColumns());
  }

  /// Of the sizes that leave enough chunks, in whole q8 groups and at least
  /// half of the largest: the one after which 2, 4 and 8 threads wait least for
  /// the last chunk. Of several the largest.
  int64_t getEvenChunk() const {
    int64_t most = std::min(kLargestChunk, count / kWantedChunks);
    int64_t best = kGroupTiles, least = INT64_MAX;
    for (int64_t size = gemcut_round_up(most / 2 + 1, kGroupTiles);
         size <= most; size += kGroupTiles)
      if (int64_t all = threadTiles(size); all <= least) {
        best = size;
        least = all;
      }
    return best;
  }

private:
  /// Tiles that 2, 4 and 8 threads could have multiplied in all until the last
  /// chunk of `size` is done.
  int64_t threadTiles(int64_t size) const {
    int64_t chunks = count / size, rest = count % size, sum = 0;
    for (int64_t threads : {2, 4, 8}) {
      int64_t longest =
          chunks / threads * size + (chunks % threads ? size : rest);
      sum += longest * threads;
    }
    return sum;
  }
};

struct PartitionStages
    : kernel::impl::PartitionStagesPassBase<PartitionStages> {
  using PartitionStagesPassBase::PartitionStagesPassBase;

  void runOnOperation() override {
    if (l2Bytes <= 0 || gemmRows <= 0 || gemmTiles <= 0) {
      getOperation().emitError()
          << "l2-bytes, gemm-rows and gemm-tiles must be positive, found "
          << int64_t(l2Bytes) << ", " << int64_t(gemmRows) << " and "
          << int64_t(gemmTiles);
      return signalPassFailure();
    }
    getOperation().walk([&](StageOpInterface stage) {
      ++numStages;
      TypeSwitch<Operation *>(stage)
          .Case([&](GemvOp op) { partitionGemv(op); })
          .Case([&](GemmOp op) { partitionGemm(op); })
          .Case([&](UpperBoundsOp op) {
            OutputTiles tiles(op.getWeight().getType());
            set(op, PartitionDim::Tiles, tiles.getEvenChunk());
          })
          .Case([&](AttentionOp op) { partitionAttention(op); })
          .Case([&](ExpertGatedOp op) { partitionExpertGated(op); })
          .Case([&](ExpertSumOp op) {
            OutputTiles tiles(op.getWeight().getType(), op.getExperts());
            set(op, PartitionDim::Tiles, tiles.getEvenChunk());
          })
          .Case<PrepareQkvOp, PrepareKvOp>([&](StageOpInterface op) {
            // Rows of one chunk often share cache lines of K and V.
            auto rows = cast<BufferType>(op->getOperand(1).getType()).getRows();
            set(op, PartitionDim::Rows, rows < kManyRows ? 1 : kLineRows);
          })
          .Default([&](Operation *) { set(stage, PartitionDim::Rows, 1); });
    });
  }

  void set(StageOpInterface stage, PartitionDim dim, int64_t size) {
    stage.setStagePartition(PartitionAttr::get(&getContext(), dim, size));
  }

  void partitionAttention(AttentionOp op) {
    if (!AttentionOp::hasWholeHeads(op.getOutput().getType(),
                                    op.getCache().getType()))
      return set(op, PartitionDim::Rows, 1);
    int64_t heads = int64_t(op.getHeads()) / op.getCache().getType().getHeads();
    int64_t rows =
        std::clamp<int64_t>(kAttentionQueries / heads, 1, kAttentionRows);
    set(op, op.getPartials() ? PartitionDim::Keys : PartitionDim::Heads,
        std::min(rows, op.getQuery().getType().getRows()));
  }

  void partitionExpertGated(ExpertGatedOp op) {
    // The experts of one row make chunks enough: each is shared out evenly in
    // as few as the largest chunk allows, in whole q8 groups.
    OutputTiles tiles(op.getWeight().getType(), op.getExperts());
    int64_t chunks = llvm::divideCeil(tiles.count, kLargestChunk);
    int64_t size = llvm::divideCeil(tiles.count, chunks);
    set(op, PartitionDim::Tiles, gemcut_round_up(size, kGroupTiles));
  }

  void partitionGemv(GemvOp op) {
    OutputTiles tiles(op.getWeight().getType());
    set(op, PartitionDim::Tiles, tiles.getEvenChunk());
    int64_t rows = std::min(op.getInput().getType().getRows(), kGemvRows);
    op.setTileAttr(TileAttr::get(&getContext(), rows, 1));
  }

  void partitionGemm(GemmOp op) {
    OutputTiles tiles(op.getWeight().getType());
    int64_t blockRows =
        std::min<int64_t>(gemmRows, op.getInput().getType().getRows());
    int64_t blockTiles =
        std::min<int64_t>(gemmTiles, tiles.count * tiles.matrices);
    // Output tiles of one register block, and whole q8 groups.
    int64_t unit = std::max<int64_t>(blockTiles / tiles.matrices, 1);
    if (op.getOutput().getType().getElement() == Element::Q8)
      unit = std::lcm(unit, kGroupTiles);
    int64_t fitting = l2Bytes / 2 / tiles.bytes;
    int64_t chunk = std::min(tiles.getEvenChunk(), fitting) / unit * unit;
    set(op, PartitionDim::Tiles, std::max(chunk, unit));
    op.setTileAttr(TileAttr::get(&getContext(), blockRows, blockTiles));
  }
};

} // namespace
