//===- Product.cpp - gemv and gemm stages ---------------------------------===//
//
// A chunk of weight tiles is walked once; for every block of tiles all rows are
// multiplied while the tiles are in cache. What follows a product (GELU, cap,
// quantization) runs on the block's results in L1. gemv and gemm differ in the
// block and in whether the weight stream is fetched ahead.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/MicroKernel.h"
#include "targets/Common/Kernels/RowScaleKernel.h"
#include "targets/Common/Kernels/TileKernel.h"

#include "runtime/abi/packed_layout.h"
#include "runtime/abi/step.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstddef>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kTileBytesF32 = 64;
constexpr int64_t kLineBytes = 64;
/// Where it pays (gemcut_step.fetch_ahead), a tile is fetched this far ahead of
/// its use: the distance that was best in whole decoding steps on Zen 5.
constexpr int64_t kStreamAhead = 4608;
/// Panels of more bytes would not stay in a core's L2 nor fit on the stack.
constexpr int64_t kMostPanelBytes = 512 << 10;

template <typename ProductOp> class Product {
public:
  Product(StageEmitter &e, ProductOp op, BlockShape block, bool stream)
      : e(e), op(op), weight(op.getWeight().getType()),
        output(op.getOutput().getType()), block(block), stream(stream),
        gated(op.getEpilogue() == kernel::Epilogue::GeluGate),
        quantized(output.getElement() == kernel::Element::Q8),
        tileBytes(
            gemcut_tile_bytes(toAbi(weight.getFormat()), weight.getColumns())) {
    int64_t matrices = gated ? 2 : 1;
    int64_t perMatrix =
        gemcut_round_up(weight.getRows() / matrices, GEMCUT_TILE_ROWS) /
        GEMCUT_TILE_ROWS;
    tiles = perMatrix * matrices;
    // A q8 group is the result of two output tiles.
    unitTiles = matrices * (quantized ? 2 : 1);
    if (!gated && !quantized)
      unitTiles = block.tiles;
    bool integer = isQuantized(weight.getFormat());
    if (integer && !stream && unitTiles * panelBytes() <= kMostPanelBytes)
      tileIsa = e.getIsa().getTiles();
  }

  void build() {
    // Partition sizes count output tiles: pairs of an interleaved weight.
    int64_t chunkTiles = op.getPartition()->getSize() * (gated ? 2 : 1);
    chunkTiles = gemcut_round_up(chunkTiles, unitTiles);
    int64_t chunks = (tiles + chunkTiles - 1) / chunkTiles;
    rows = e.get(op.getRows());
    if (needsScratch())
      scratch = e.stack(block.rows * scratchRowBytes());
    if (stream)
      fetchAhead =
          e.equal(e.load(e.i64Type(),
                         e.at(e.getContext().step,
                              int64_t(offsetof(gemcut_step, fetch_ahead))),
                         8),
                  e.i64(1));
    if (tileIsa) {
      panels = e.stack(unitTiles * panelBytes());
      e.beginUse(panels);
      rowScales() ? configureRowScaleTiles(e, *tileIsa)
                  : configureTiles(e, *tileIsa);
    }
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
    if (tileIsa) {
      tileIsa->release(e);
      e.endUse(panels);
    }
  }

private:
  StageEmitter &e;
  ProductOp op;
  kernel::WeightType weight;
  kernel::BufferType output;
  BlockShape block;
  bool stream, gated, quantized;
  int64_t tileBytes, tiles, unitTiles;
  const TileIsa *tileIsa = nullptr; ///< null: vectors alone
  Value rows, scratch;
  Value fetchAhead; ///< i1, of a stream
  Value panels;     ///< of the unit's tiles

  bool needsScratch() const { return gated || quantized; }
  int64_t scratchRowBytes() const { return unitTiles * kTileBytesF32; }

  bool rowScales() const { return hasRowScales(weight.getFormat()); }
  int64_t panelBytes() const {
    return rowScales() ? rowScalePanelBytes(weight.getColumns())
                       : tilePanelBytes(weight.getColumns());
  }
  Value tileAddress(Value tile, int64_t index) {
    return e.at(e.get(op.getWeight()), e.mul(e.add(tile, index), tileBytes));
  }
  Value panelAddress(int64_t index) {
    return e.at(panels, index * panelBytes());
  }

  void unpackUnit(Value tile, int64_t count) {
    auto get = rowScales() ? getRowScaleUnpacker : getTileUnpacker;
    auto unpacker = get(e, weight.getFormat(), weight.getColumns());
    for (int64_t i = 0; i < count; ++i)
      e.call(unpacker, {tileAddress(tile, i), panelAddress(i)});
  }

  int64_t unitBytes() const { return unitTiles * tileBytes; }
  /// Kernel calls for a block of rows of a unit.
  int64_t callsPerBlock() const {
    return llvm::divideCeil(unitTiles, block.tiles);
  }

  /// Lines of the next unit's weights that a kernel fetches in each group, so
  /// that the blocks of rows of this unit fetch all of them. Without that the
  /// first block of every unit would wait for memory.
  int64_t nextLines() {
    if (stream || tileIsa || !isQuantized(weight.getFormat()))
      return 0;
    int64_t calls =
        op.getInput().getType().getRows() / block.rows * callsPerBlock();
    int64_t groups = weight.getColumns() / GEMCUT_GROUP;
    return calls ? llvm::divideCeil(unitBytes(), calls * groups * kLineBytes)
                 : 0;
  }

  /// What the kernel of the tiles from `tile` + `first` and the block of rows
  /// from `row` fetches: its part of the next unit, at most the last one.
  Value nextWeights(Value tile, Value row, int64_t first,
                    const MicroKernelShape &shape) {
    int64_t bytes = nextBytes(shape);
    Value call = e.add(e.mul(e.div(row, block.rows), callsPerBlock()),
                       first / block.tiles);
    Value offset = e.min(e.mul(call, bytes),
                         e.i64(std::max<int64_t>(0, unitBytes() - bytes)));
    return e.at(tileAddress(tile, unitTiles), offset);
  }

  /// All rows times the tiles tile .. tile + count - 1.
  void buildUnit(Value tile, int64_t count) {
    int64_t most = block.rows;
    if (tileIsa)
      e.ifThen(e.lessEqual(e.i64(kTileTailRows), rows),
               [&] { unpackUnit(tile, count); });
    Value full = e.mul(e.div(rows, most), most);
    e.loop(e.i64(0), full, most,
           [&](Value row) { buildBlock(tile, count, row, most); });
    Value rest = e.sub(rows, full);
    for (int64_t size = 8; size >= 1; size /= 2) {
      if (size >= most)
        continue;
      // The tail is the binary digits of the remaining rows, largest first.
      Value present = e.bitAnd(rest, e.i64(size));
      Value before = e.bitAnd(rest, e.i64(~(2 * size - 1)));
      e.ifThen(e.equal(present, e.i64(size)),
               [&] { buildBlock(tile, count, e.add(full, before), size); });
    }
  }

  /// `size` rows from `row` times `count` tiles from `tile`.
  void buildBlock(Value tile, int64_t count, Value row, int64_t size) {
    Value target, stride;
    if (needsScratch()) {
      target = scratch;
      stride = e.i64(scratchRowBytes());
    } else {
      Value column = gated ? e.div(tile, 2) : tile;
      target =
          e.at(e.rowAddress(op.getOutput(), row), e.mul(column, kTileBytesF32));
      stride = e.i64(output.getRowBytes());
    }
    Value input = e.rowAddress(op.getInput(), row);
    for (int64_t first = 0; first < count;) {
      int64_t width = std::min(block.tiles, count - first);
      MicroKernelShape shape;
      shape.format = weight.getFormat();
      shape.columns = weight.getColumns();
      shape.inputRowBytes = op.getInput().getType().getRowBytes();
      shape.rows = size;
      shape.tiles = width;
      bool onTiles = tileIsa && size >= kTileTailRows;
      Value tiles = onTiles ? panelAddress(first) : tileAddress(tile, first);
      Value results = e.at(target, first * kTileBytesF32);
      auto multiply = [&](int64_t prefetchBytes) {
        shape.prefetchBytes = prefetchBytes;
        SmallVector<Value> arguments = {tiles, input, results, stride};
        if (onTiles) {
          auto get = rowScales() ? getRowScaleTileKernel : getTileKernel;
          e.call(get(e, shape), arguments);
          return;
        }
        shape.nextLines = size == block.rows ? nextLines() : 0;
        if (shape.nextLines)
          arguments.push_back(nextWeights(tile, row, first, shape));
        e.call(getMicroKernel(e, shape), arguments);
      };
      if (stream)
        e.ifElse(
            fetchAhead, [&] { multiply(kStreamAhead); }, [&] { multiply(0); });
      else
        multiply(0);
      first += width;
    }
    for (int64_t m = 0; m < size; ++m)
      finishRow(tile, count, e.add(row, m), e.at(target, e.mul(stride, m)));
  }

  Value scaled(Value value) {
    float scale = op.getScale().convertToFloat();
    return scale == 1.0f ? value : e.mul(value, e.splat(scale));
  }

  /// Output tile `index` of the block's results of one row, after the epilogue.
  Value outputTile(Value results, int64_t index, Value outputTileIndex,
                   Value row) {
    if (gated) {
      Value pair = e.at(results, 2 * index * kTileBytesF32);
      Value gate = scaled(e.loadVec(pair, kLanes, 64));
      Value up = scaled(e.loadVec(e.at(pair, kTileBytesF32), kLanes, 64));
      return e.mul(e.gelu(gate), up);
    }
    Value y =
        scaled(e.loadVec(e.at(results, index * kTileBytesF32), kLanes, 64));
    switch (op.getEpilogue()) {
    case kernel::Epilogue::GeluMul: {
      Value modulator = e.at(e.rowAddress(op.getModulator(), row),
                             e.mul(outputTileIndex, kTileBytesF32));
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
    int64_t outputs = gated ? count / 2 : count;
    Value first = gated ? e.div(tile, 2) : tile;
    SmallVector<Value> finished;
    for (int64_t i = 0; i < outputs; ++i)
      finished.push_back(outputTile(results, i, e.add(first, i), row));
    Value target = e.rowAddress(op.getOutput(), row);
    if (!quantized) {
      for (int64_t i = 0; i < outputs; ++i)
        e.store(finished[i],
                e.at(target, e.mul(e.add(first, i), kTileBytesF32)), 64);
      return;
    }
    int64_t columns = output.getColumns();
    emitQuantizeGroup(e, finished[0], finished[1], target, e.div(first, 2),
                      columns);
    if (columns % GEMCUT_TILE_K_MULTIPLE)
      e.ifThen(e.equal(e.add(first, 2), e.i64(columns / GEMCUT_TILE_ROWS)),
               [&] { emitZeroPaddingGroup(e, target, columns); });
  }
};

} // namespace

void gemcut::targets::buildGemv(StageEmitter &e, kernel::GemvOp op) {
  // One tile at a time is one sequential stream; see kStreamAhead.
  Product<kernel::GemvOp>(e, op, {e.getIsa().getLevel().gemvRows, 1},
                          /*stream=*/true)
      .build();
}

void gemcut::targets::buildGemm(StageEmitter &e, kernel::GemmOp op) {
  const IsaLevel &level = e.getIsa().getLevel();
  Format format = op.getWeight().getType().getFormat();
  BlockShape block = hasRowScales(format)  ? level.rowScaleBlock
                     : isQuantized(format) ? level.integerBlock
                                           : level.floatBlock;
  Product<kernel::GemmOp>(e, op, block, /*stream=*/false).build();
}
