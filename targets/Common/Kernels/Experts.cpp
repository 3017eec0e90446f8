//===- Experts.cpp - Products of grouped rows with their experts ----------===//
//
// Which experts are read follows from the groups that kernel.route made; the
// rows of a group follow each other, so that a group is a product like any
// other. Up to a few rows (a decoding step) weights are a stream, as in gemv.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/ExpertGroups.h"
#include "targets/Common/Kernels/RowBlocks.h"
#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/packed_layout.h"

#include <numeric>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

/// Rows of the largest step whose weights are a stream.
constexpr int64_t kMostStreamRows = 8;

/// What both products share.
template <typename ExpertOp> struct ExpertProduct {
  StageEmitter &e;
  ExpertOp op;
  kernel::WeightType weight;
  ExpertGroups groups;
  int64_t tiles; ///< of weights of one expert
  bool stream;

  ExpertProduct(StageEmitter &e, ExpertOp op, int64_t stepRows)
      : e(e), op(op), weight(op.getWeight().getType()),
        groups(e, e.get(op.getGroups()), int64_t(op.getExperts())),
        tiles(weight.getRows() / int64_t(op.getExperts()) / GEMCUT_TILE_ROWS),
        stream(stepRows <= kMostStreamRows) {}

  BlockShape getBlock() const {
    const IsaLevel &level = e.getIsa().getLevel();
    return stream ? getStreamBlock(level, weight.getFormat())
                  : targets::getBlock(level, weight.getFormat());
  }

  RowBlocks makeBlocks(int64_t unitTiles) {
    kernel::BufferType input = op.getInput().getType();
    return RowBlocks(e, weight, input.getRowBytes(), getBlock(), unitTiles,
                     input.getRows() / int64_t(op.getExperts()), stream);
  }

  Value getTile(const ExpertGroup &group, Value tile, const RowBlocks &blocks) {
    Value index = e.add(e.mul(group.expert, tiles), tile);
    return e.at(e.get(op.getWeight()), e.mul(index, blocks.getTileBytes()));
  }

  Value getInput(const ExpertGroup &group) {
    return e.rowAddress(op.getInput(), group.start);
  }
};

} // namespace

void gemcut::targets::buildExpertGated(StageEmitter &e,
                                       kernel::ExpertGatedOp op) {
  kernel::BufferType output = op.getOutput().getType();
  int64_t stepRows =
      op.getInput().getType().getRows() / int64_t(op.getChosen());
  ExpertProduct<kernel::ExpertGatedOp> product(e, op, stepRows);
  int64_t unit = output.getElement() == kernel::Element::Q8 ? 4 : 2;
  int64_t chunkTiles = gemcut_round_up(2 * op.getPartition()->getSize(), unit);
  int64_t chunks = gemcut_round_up(product.tiles, chunkTiles) / chunkTiles;
  RowBlocks blocks = product.makeBlocks(unit);
  BlockTarget scratch = blocks.makeScratch();
  blocks.begin();
  e.forChunks(e.mul(product.groups.getCount(), chunks), [&](Value chunk) {
    ExpertGroup group = product.groups.get(e.div(chunk, chunks));
    Value begin = e.mul(e.rem(chunk, chunks), chunkTiles);
    Value end = e.min(e.add(begin, chunkTiles), e.i64(product.tiles));
    e.loop(begin, end, unit, [&](Value tile) {
      blocks.multiply(
          product.getTile(group, tile, blocks), unit, product.getInput(group),
          group.rows, [&](Value) { return scratch; },
          [&](Value row, Value results) {
            Value target =
                e.rowAddress(op.getOutput(), e.add(group.start, row));
            storeOutputTiles(e, emitGated(e, results, unit / 2), target,
                             e.div(tile, 2), output);
          });
    });
  });
  blocks.end();
}

void gemcut::targets::buildExpertSum(StageEmitter &e, kernel::ExpertSumOp op) {
  kernel::BufferType weightsType = op.getWeights().getType();
  int64_t chosen = weightsType.getColumns();
  ExpertProduct<kernel::ExpertSumOp> product(e, op, weightsType.getRows());
  // Tiles of a register block that divides an expert's.
  int64_t unit = std::gcd(product.tiles, product.getBlock().tiles);
  int64_t chunkTiles = gemcut_round_up(op.getPartition()->getSize(), unit);
  int64_t chunks = gemcut_round_up(product.tiles, chunkTiles) / chunkTiles;
  RowBlocks blocks = product.makeBlocks(unit);
  BlockTarget scratch = blocks.makeScratch();
  auto outputTile = [&](Value row, Value tile) {
    return e.at(e.rowAddress(op.getOutput(), row), e.mul(tile, kResultBytes));
  };
  blocks.begin();
  e.forChunks(e.i64(chunks), [&](Value chunk) {
    Value begin = e.mul(chunk, chunkTiles);
    Value end = e.min(e.add(begin, chunkTiles), e.i64(product.tiles));
    e.loop(e.i64(0), e.get(op.getRows()), 1, [&](Value row) {
      e.loop(begin, end, 1, [&](Value tile) {
        e.store(e.splat(0.0f), outputTile(row, tile), 64);
      });
    });
    e.loop(e.i64(0), product.groups.getCount(), 1, [&](Value index) {
      ExpertGroup group = product.groups.get(index);
      e.loop(begin, end, unit, [&](Value tile) {
        blocks.multiply(
            product.getTile(group, tile, blocks), unit, product.getInput(group),
            group.rows, [&](Value) { return scratch; },
            [&](Value row, Value results) {
              Value pair = product.groups.getPair(e.add(group.start, row));
              Value user = e.div(pair, chosen);
              Value weight = e.loadF32(e.at(e.rowAddress(op.getWeights(), user),
                                            e.mul(e.rem(pair, chosen), 4)));
              for (int64_t i = 0; i < unit; ++i) {
                Value target = outputTile(user, e.add(tile, i));
                Value y =
                    e.loadVec(e.at(results, i * kResultBytes), kLanes, 64);
                e.store(e.fma(e.broadcast(weight), y,
                              e.loadVec(target, kLanes, 64)),
                        target, 64);
              }
            });
      });
    });
  });
  blocks.end();
}
