//===- RowBlocks.cpp - All rows of a product times a few tiles ------------===//

#include "targets/Common/Kernels/RowBlocks.h"

#include "targets/Common/Kernels/PairKernel.h"
#include "targets/Common/Kernels/RowScaleKernel.h"
#include "targets/Common/Kernels/SignedRow.h"
#include "targets/Common/Kernels/TileKernel.h"
#include "targets/Common/Kernels/WordKernel.h"

#include "runtime/abi/packed_layout.h"
#include "runtime/abi/step.h"

#include <cstddef>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

/// Panels of more bytes would not stay in a core's L2 nor fit on the stack.
static constexpr int64_t kMostPanelBytes = 512 << 10;
static constexpr int64_t kLineBytes = 64;
/// Inputs and weights of one pass that an L1 of 32 KiB keeps beside the rest.
static constexpr int64_t kKeptBytes = 24 << 10;
/// Of more rows so many lines are on their way that more do not help (Zen 4).
static constexpr int64_t kMostFetchedRows = 4;

BlockShape gemcut::targets::getBlock(const IsaLevel &level, Format format) {
  return hasRowScales(format)  ? level.rowScaleBlock
         : isQuantized(format) ? level.integerBlock
                               : level.floatBlock;
}

BlockShape gemcut::targets::getStreamBlock(const IsaLevel &level,
                                           Format format) {
  return {level.gemvRows, isQuantized(format) ? level.gemvTiles : 1};
}

RowBlocks::RowBlocks(StageEmitter &e, kernel::WeightType weight,
                     int64_t inputRowBytes, BlockShape block, int64_t unitTiles,
                     int64_t expectedRows, bool stream)
    : e(e), weight(weight), inputRowBytes(inputRowBytes), block(block),
      unitTiles(unitTiles), expectedRows(expectedRows), stream(stream),
      tileBytes(
          gemcut_tile_bytes(toAbi(weight.getFormat()), weight.getColumns())) {
  bool integer = isQuantized(weight.getFormat());
  const IsaLevel &level = e.getIsa().getLevel();
  pairs = level.hasPairProducts && !rowScales();
  words = hasWordKernel(level, weight.getFormat());
  if (integer && !stream && unitTiles * panelBytes() <= kMostPanelBytes)
    tileIsa = e.getIsa().getTiles();
  else
    pairs = words = false;
}

int64_t RowBlocks::panelBytes() const {
  return words         ? wordPanelBytes(weight.getFormat(), weight.getColumns())
         : rowScales() ? rowScalePanelBytes(weight.getColumns())
         : pairs       ? pairPanelBytes(weight.getColumns())
                       : tilePanelBytes(weight.getColumns());
}

int64_t RowBlocks::panelRows() const {
  return pairs ? kPairRows : words ? e.getIsa().getLevel().wordRows : 0;
}

void RowBlocks::prepareLoneRow(Value input, Value rows) {
  if (!stream || !hasSignedRow(e.getIsa(), weight.getFormat()))
    return;
  int64_t columns = weight.getColumns();
  signedRow = e.stack(signedRowBytes(columns));
  e.beginUse(signedRow);
  Value rest = e.rem(rows, block.rows);
  e.ifThen(e.equal(e.bitAnd(rest, e.i64(1)), e.i64(1)), [&] {
    Value last = e.at(input, e.mul(e.sub(rows, 1), inputRowBytes));
    emitSignedRow(e, e.getIsa(), columns, last, signedRow);
  });
}

void RowBlocks::begin() {
  if (stream)
    fetchAhead = isFetchAhead(e);
  if (tileIsa || panelRows()) {
    panels = e.stack(unitTiles * panelBytes());
    e.beginUse(panels);
  }
  if (tileIsa) {
    rowScales() ? configureRowScaleTiles(e, *tileIsa)
                : configureTiles(e, *tileIsa);
  }
}

void RowBlocks::end() {
  if (signedRow)
    e.endUse(signedRow);
  if (tileIsa)
    tileIsa->release(e);
  if (tileIsa || panelRows())
    e.endUse(panels);
}

BlockTarget RowBlocks::makeScratch() {
  int64_t rowBytes = unitTiles * kResultBytes;
  int64_t rows = std::max(block.rows, panelRows());
  return {e.stack(rows * rowBytes), e.i64(rowBytes)};
}

void RowBlocks::unpack(Value tiles, int64_t count) {
  auto get = words         ? getWordUnpacker
             : rowScales() ? getRowScaleUnpacker
             : pairs       ? getPairUnpacker
                           : getTileUnpacker;
  auto unpacker = get(e, weight.getFormat(), weight.getColumns());
  for (int64_t i = 0; i < count; ++i)
    e.call(unpacker,
           {e.at(tiles, i * tileBytes), e.at(panels, i * panelBytes())});
}

void RowBlocks::multiply(Value tiles, int64_t count, Value input, Value rows,
                         TargetFn getTarget, FinishFn finish) {
  if (!panelRows())
    return multiplyRows(tiles, count, input, rows, getTarget, finish);
  e.ifElse(
      e.lessEqual(e.i64(words ? kLeastWordRows : kLeastPairRows), rows),
      [&] {
        unpack(tiles, count);
        multiplyPanels(count, input, rows, getTarget, finish);
      },
      [&] { multiplyRows(tiles, count, input, rows, getTarget, finish); });
}

void RowBlocks::multiplyPanels(int64_t count, Value input, Value rows,
                               TargetFn getTarget, FinishFn finish) {
  int64_t most = panelRows();
  e.loop(e.i64(0), rows, most, [&](Value row) {
    Value size = e.min(e.sub(rows, row), e.i64(most));
    BlockTarget target = getTarget(row);
    auto multiplyFrom = [&](Value first, int64_t part) {
      MicroKernelShape shape;
      shape.format = weight.getFormat();
      shape.columns = weight.getColumns();
      shape.inputRowBytes = inputRowBytes;
      shape.rows = part;
      auto getKernel = words ? getWordKernel : getPairKernel;
      Value from = e.at(input, e.mul(e.add(row, first), inputRowBytes));
      Value to = e.at(target.address, e.mul(target.stride, first));
      for (int64_t tile = 0; tile < count; ++tile)
        e.call(getKernel(e, shape),
               {e.at(panels, tile * panelBytes()), from,
                e.at(to, tile * kResultBytes), target.stride});
    };
    e.ifElse(
        e.equal(size, e.i64(most)), [&] { multiplyFrom(e.i64(0), most); },
        [&] {
          // The binary digits of the remaining rows, largest first.
          for (int64_t part = 4; part >= 1; part /= 2)
            e.ifThen(e.equal(e.bitAnd(size, e.i64(part)), e.i64(part)), [&] {
              multiplyFrom(e.bitAnd(size, e.i64(~(2 * part - 1))), part);
            });
        });
    e.loop(e.i64(0), size, 1, [&](Value m) {
      finish(e.add(row, m), e.at(target.address, e.mul(target.stride, m)));
    });
  });
}

void RowBlocks::multiplyRows(Value tiles, int64_t count, Value input,
                             Value rows, TargetFn getTarget, FinishFn finish) {
  int64_t most = block.rows;
  if (tileIsa)
    e.ifThen(e.lessEqual(e.i64(kTileTailRows), rows),
             [&] { unpack(tiles, count); });
  auto emitBlock = [&](Value row, int64_t size) {
    BlockTarget target = getTarget(row);
    bool isLast = size == 1 && most > 1; // of an odd number
    multiplyBlock(tiles, count,
                  isLast && signedRow ? signedRow
                                      : e.at(input, e.mul(row, inputRowBytes)),
                  row, size, target);
    // Not unrolled: epilogues would be most of a program's code.
    e.loop(e.i64(0), e.i64(size), 1, [&](Value m) {
      finish(e.add(row, m), e.at(target.address, e.mul(target.stride, m)));
    });
  };
  Value full = e.mul(e.div(rows, most), most);
  e.loop(e.i64(0), full, most, [&](Value row) { emitBlock(row, most); });
  Value rest = e.sub(rows, full);
  for (int64_t size = 8; size >= 1; size /= 2) {
    if (size >= most)
      continue;
    // The tail is the binary digits of the remaining rows, largest first.
    Value present = e.bitAnd(rest, e.i64(size));
    Value before = e.bitAnd(rest, e.i64(~(2 * size - 1)));
    e.ifThen(e.equal(present, e.i64(size)),
             [&] { emitBlock(e.add(full, before), size); });
  }
}

int64_t RowBlocks::nextLines() const {
  if (stream || tileIsa || words || !isQuantized(weight.getFormat()))
    return 0;
  int64_t calls = expectedRows / block.rows * callsPerBlock();
  int64_t groups = weight.getColumns() / GEMCUT_GROUP;
  return calls ? llvm::divideCeil(unitBytes(), calls * groups * kLineBytes) : 0;
}

Value RowBlocks::nextWeights(Value tiles, Value row, int64_t first,
                             const MicroKernelShape &shape) {
  int64_t bytes = nextBytes(shape);
  Value call = e.add(e.mul(e.div(row, block.rows), callsPerBlock()),
                     first / block.tiles);
  Value offset = e.min(e.mul(call, bytes),
                       e.i64(std::max<int64_t>(0, unitBytes() - bytes)));
  return e.at(e.at(tiles, unitBytes()), offset);
}

void RowBlocks::multiplyBlock(Value tiles, int64_t count, Value input,
                              Value row, int64_t rows,
                              const BlockTarget &target) {
  int64_t mostTiles = stream && rows > 1 ? 1 : block.tiles;
  for (int64_t first = 0; first < count;) {
    int64_t width = std::min(mostTiles, count - first);
    MicroKernelShape shape;
    shape.format = weight.getFormat();
    shape.columns = weight.getColumns();
    shape.inputRowBytes = inputRowBytes;
    shape.rows = rows;
    shape.tiles = width;
    if (stream && rows <= kMostFetchedRows &&
        width * tileBytes + rows * inputRowBytes > kKeptBytes)
      shape.inputAhead = e.getIsa().getInputAhead();
    shape.signedRow = signedRow && input == signedRow;
    bool onTiles = tileIsa && rows >= kTileTailRows;
    Value weights = onTiles ? e.at(panels, first * panelBytes())
                            : e.at(tiles, first * tileBytes);
    Value results = e.at(target.address, first * kResultBytes);
    if (!onTiles && rows == block.rows)
      shape.nextLines = nextLines();
    // Where a vector of 16 lanes takes several registers, code is long: several
    // rows have one form, for which another instruction per line is little.
    shape.asksAhead = !onTiles && rows > 1 && !shape.nextLines &&
                      isQuantized(weight.getFormat()) &&
                      e.getIsa().getLevel().productLanes < kLanes;
    auto call = [&](bool ahead) {
      shape.fetchAhead = ahead;
      SmallVector<Value> arguments = {weights, input, results, target.stride};
      if (onTiles) {
        auto get = rowScales() ? getRowScaleTileKernel : getTileKernel;
        e.call(get(e, shape), arguments);
        return;
      }
      if (shape.nextLines)
        arguments.push_back(nextWeights(tiles, row, first, shape));
      if (shape.asksAhead)
        arguments.push_back(
            stream ? e.select(fetchAhead, e.i64(e.getIsa().getStreamAhead()),
                              e.i64(0))
                   : e.i64(0));
      e.call(getMicroKernel(e, shape), arguments);
    };
    if (stream && !shape.asksAhead)
      e.ifElse(fetchAhead, [&] { call(true); }, [&] { call(false); });
    else
      call(false);
    first += width;
  }
}

SmallVector<Value> gemcut::targets::emitGated(Emitter &e, Value results,
                                              int64_t count, float scale) {
  auto load = [&](int64_t tile) {
    Value value = e.loadVec(e.at(results, tile * kResultBytes), kLanes, 64);
    return scale == 1.0f ? value : e.mul(value, e.splat(scale));
  };
  SmallVector<Value> outputs;
  for (int64_t i = 0; i < count; ++i) {
    Value gate = load(2 * i), up = load(2 * i + 1);
    outputs.push_back(e.mul(e.gelu(gate), up));
  }
  return outputs;
}

void gemcut::targets::storeOutputTiles(Emitter &e, ArrayRef<Value> tiles,
                                       Value target, Value first,
                                       kernel::BufferType output) {
  if (output.getElement() != kernel::Element::Q8) {
    for (auto [i, tile] : llvm::enumerate(tiles))
      e.store(tile, e.at(target, e.mul(e.add(first, int64_t(i)), kResultBytes)),
              64);
    return;
  }
  int64_t columns = output.getColumns();
  emitQuantizeGroup(e, tiles[0], tiles[1], target, e.div(first, 2), columns);
  if (columns % GEMCUT_TILE_K_MULTIPLE)
    e.ifThen(e.equal(e.add(first, 2), e.i64(columns / GEMCUT_TILE_ROWS)),
             [&] { emitZeroPaddingGroup(e, target, columns); });
}

Value gemcut::targets::isFetchAhead(StageEmitter &e) {
  Value flag = e.load(
      e.i64Type(),
      e.at(e.getContext().step, int64_t(offsetof(gemcut_step, fetch_ahead))),
      8);
  return e.equal(flag, e.i64(1));
}
