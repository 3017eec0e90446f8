//===- Product.cpp - gemv and gemm stages ---------------------------------===//
//
// A chunk of weight tiles is walked once; for every block of tiles all rows are
// multiplied while the tiles are in cache. What follows a product (GELU, cap,
// quantization) runs on the block's results in L1. gemv and gemm differ in the
// block and in whether the weight stream is fetched ahead.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/RowBlocks.h"

#include "runtime/abi/packed_layout.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

template <typename ProductOp> class Product {
public:
  Product(StageEmitter &e, ProductOp op, BlockShape block, bool stream)
      : e(e), op(op), weight(op.getWeight().getType()),
        output(op.getOutput().getType()),
        gated(op.getEpilogue() == kernel::Epilogue::GeluGate),
        quantized(output.getElement() == kernel::Element::Q8),
        unitTiles(getUnitTiles(block)),
        blocks(e, weight, op.getInput().getType().getRowBytes(), block,
               unitTiles, op.getInput().getType().getRows(), stream) {
    int64_t matrices = gated ? 2 : 1;
    int64_t perMatrix =
        gemcut_round_up(weight.getRows() / matrices, GEMCUT_TILE_ROWS) /
        GEMCUT_TILE_ROWS;
    tiles = perMatrix * matrices;
  }

  void build() {
    // Partition sizes count output tiles: pairs of an interleaved weight.
    int64_t chunkTiles = op.getPartition()->getSize() * (gated ? 2 : 1);
    chunkTiles = gemcut_round_up(chunkTiles, unitTiles);
    int64_t chunks = (tiles + chunkTiles - 1) / chunkTiles;
    if (gated || quantized)
      scratch = blocks.makeScratch();
    blocks.prepareLoneRow(e.get(op.getInput()), e.get(op.getRows()));
    blocks.begin();
    e.forChunks(e.i64(chunks), [&](Value chunk) {
      Value begin = e.mul(chunk, chunkTiles);
      Value end = e.add(begin, chunkTiles);
      int64_t wholeTiles = tiles / unitTiles * unitTiles;
      if (tiles % chunkTiles)
        end = e.min(end, e.i64(wholeTiles));
      e.loop(begin, end, unitTiles,
             [&](Value tile) { buildUnit(tile, unitTiles); });
      if (int64_t rest = tiles - wholeTiles)
        e.ifThen(e.equal(chunk, e.i64(chunks - 1)),
                 [&] { buildUnit(e.i64(wholeTiles), rest); });
    });
    blocks.end();
  }

private:
  StageEmitter &e;
  ProductOp op;
  kernel::WeightType weight;
  kernel::BufferType output;
  bool gated, quantized;
  int64_t unitTiles, tiles;
  RowBlocks blocks;
  BlockTarget scratch; ///< null: results go to the output

  /// Weight tiles that are multiplied together: those of whole q8 groups, which
  /// are the results of two output tiles, or of one register block.
  int64_t getUnitTiles(BlockShape block) const {
    if (!gated && !quantized)
      return block.tiles;
    return (gated ? 2 : 1) * (quantized ? 2 : 1);
  }

  /// All rows times the tiles tile .. tile + count - 1.
  void buildUnit(Value tile, int64_t count) {
    Value weights =
        e.at(e.get(op.getWeight()), e.mul(tile, blocks.getTileBytes()));
    blocks.multiply(
        weights, count, e.get(op.getInput()), e.get(op.getRows()),
        [&](Value row) -> BlockTarget {
          if (scratch.address)
            return scratch;
          return {e.at(e.rowAddress(op.getOutput(), row),
                       e.mul(tile, kResultBytes)),
                  e.i64(output.getRowBytes())};
        },
        [&](Value row, Value results) {
          finishRow(tile, count, row, results);
        });
  }

  Value scaled(Value value) {
    float scale = op.getScale().convertToFloat();
    return scale == 1.0f ? value : e.mul(value, e.splat(scale));
  }

  /// Output tile `index` of the block's results of one row, after the epilogue.
  Value outputTile(Value results, int64_t index, Value outputTileIndex,
                   Value row) {
    Value y =
        scaled(e.loadVec(e.at(results, index * kResultBytes), kLanes, 64));
    switch (op.getEpilogue()) {
    case kernel::Epilogue::GeluMul: {
      Value modulator = e.at(e.rowAddress(op.getModulator(), row),
                             e.mul(outputTileIndex, kResultBytes));
      return e.mul(e.gelu(y), e.loadVec(modulator));
    }
    case kernel::Epilogue::Softcap: {
      float cap = op.getCap()->convertToFloat();
      return e.mul(e.tanh(e.mul(y, e.splat(1.0f / cap))), e.splat(cap));
    }
    default:
      return y;
    }
  }

  /// The epilogue of one row: from the block's results to the output.
  void finishRow(Value tile, int64_t count, Value row, Value results) {
    bool plain = op.getEpilogue() == kernel::Epilogue::None &&
                 op.getScale().convertToFloat() == 1.0f;
    if (plain && !quantized)
      return;
    Value first = gated ? e.div(tile, 2) : tile;
    SmallVector<Value> finished;
    if (gated)
      finished =
          emitGated(e, results, count / 2, op.getScale().convertToFloat());
    else
      for (int64_t i = 0; i < count; ++i)
        finished.push_back(outputTile(results, i, e.add(first, i), row));
    storeOutputTiles(e, finished, e.rowAddress(op.getOutput(), row), first,
                     output);
  }
};

} // namespace

void gemcut::targets::buildGemv(StageEmitter &e, kernel::GemvOp op) {
  Format format = op.getWeight().getType().getFormat();
  Product<kernel::GemvOp>(e, op, getStreamBlock(e.getIsa().getLevel(), format),
                          /*stream=*/true)
      .build();
}

void gemcut::targets::buildGemm(StageEmitter &e, kernel::GemmOp op) {
  Format format = op.getWeight().getType().getFormat();
  Product<kernel::GemmOp>(e, op, getBlock(e.getIsa().getLevel(), format),
                          /*stream=*/false)
      .build();
}
