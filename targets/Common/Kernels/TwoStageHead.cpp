//===- TwoStageHead.cpp - Upper bounds and single tiles of a product ------===//
//
// The coarse stream holds 6 of 8 bits, so a pass over it reads 3/4 of the head.
// Rescored tiles go through gemv's micro-kernel, which gives gemv's bits.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/RowBlocks.h"

#include "runtime/abi/packed_layout.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kVectorBytes = 64;
/// Above the error of cap * tanh(y / cap), relative to the cap, on both sides.
constexpr float kCapError = 1e-6f;

Value softcap(Emitter &e, Value y, float cap) {
  return e.mul(e.tanh(e.mul(y, e.splat(1.0f / cap))), e.splat(cap));
}

class UpperBounds {
public:
  UpperBounds(StageEmitter &e, kernel::UpperBoundsOp op)
      : e(e), op(op), columns(op.getWeight().getType().getColumns()),
        groups(columns / GEMCUT_GROUP),
        tileBytes(gemcut_coarse_tile_bytes(columns)),
        i8(e.getBuilder().getI8Type()), i16(e.getBuilder().getI16Type()) {}

  void build() {
    int64_t tiles = op.getWeight().getType().getRows() / GEMCUT_TILE_ROWS;
    int64_t chunkTiles = op.getPartition()->getSize();
    input = e.get(op.getInput());
    // Every thread needs the row's corrections: few operations, no barrier.
    corrections = e.stack(4 * groups);
    e.loop(e.i64(0), e.i64(groups), 1,
           [&](Value group) { storeCorrection(group); });
    fetchAhead = isFetchAhead(e);
    e.forChunks(e.i64((tiles + chunkTiles - 1) / chunkTiles), [&](Value chunk) {
      Value begin = e.mul(chunk, chunkTiles);
      Value end = e.min(e.add(begin, chunkTiles), e.i64(tiles));
      e.loop(begin, end, 1, [&](Value tile) { buildTile(tile); });
    });
  }

private:
  StageEmitter &e;
  kernel::UpperBoundsOp op;
  int64_t columns, groups, tileBytes;
  Type i8, i16;
  Value input, corrections, fetchAhead;

  /// sum(-128 qx + 3 max(qx, 0)) + m of one group, see kernel.upper_bounds.
  void storeCorrection(Value group) {
    Value positive = e.i32(0);
    Value quants = e.at(input, e.mul(group, GEMCUT_GROUP));
    for (int64_t half = 0; half < 2; ++half) {
      Value x =
          e.toI32(e.load(e.vecType(i8), e.at(quants, half * kLanes), kLanes));
      positive = e.add(positive, e.reduceAdd(e.max(x, e.splatI32(0))));
    }
    Value stored =
        e.loadI32(e.at(e.at(input, gemcut_q8_corrections_offset(columns)),
                       e.mul(group, 4))); // -8 sum(qx)
    Value sum =
        arith::DivSIOp::create(e.getBuilder(), e.getLoc(), stored, e.i32(-8));
    Value magnitude = e.sub(e.add(positive, positive), sum);
    Value roundings =
        e.add(e.shiftRight(e.mul(magnitude, e.i32(int32_t(groups + 2))), 15),
              e.i32(1));
    Value correction = e.add(e.add(e.shiftLeft(stored, 4), roundings),
                             e.mul(positive, e.i32(3)));
    e.store(correction, e.at(corrections, e.mul(group, 4)), 4);
  }

  void buildTile(Value tile) {
    Value sums = e.at(e.get(op.getOutput()), e.mul(tile, kVectorBytes));
    Value weights = e.at(e.get(op.getWeight()), e.mul(tile, tileBytes));
    e.ifElse(
        fetchAhead, [&] { storeSums(weights, sums, /*ahead=*/true); },
        [&] { storeSums(weights, sums, /*ahead=*/false); });
  }

  void storeSums(Value weights, Value target, bool ahead) {
    int64_t pairs = groups / 2;
    Value sum = e.loop(e.i64(0), e.i64(pairs), 1, {e.splat(0.0f)},
                       [&](Value pair, ValueRange carried) {
                         Value result = carried[0];
                         for (int64_t group = 0; group < 2; ++group)
                           result =
                               addGroup(result, weights, pair, group, ahead);
                         return Emitter::Values{result};
                       })[0];
    if (groups % 2)
      sum = addGroup(sum, weights, e.i64(pairs), 0, ahead);
    if (op.getCap()) {
      float cap = op.getCap()->convertToFloat();
      sum = e.add(softcap(e, sum, cap), e.splat(cap * kCapError));
    }
    e.store(sum, target, 64);
  }

  /// Bytes shifted as words, left by `bits` or right by -`bits`, and masked.
  Value shifted(Value bytes, int64_t bits, int8_t mask) {
    Value words = e.bitcast(bytes, e.vecType(i16, 32));
    if (bits > 0)
      words = e.shiftLeft(words, bits);
    if (bits < 0)
      words = e.shiftRight(words, -bits);
    return e.bitAnd(e.bitcast(words, bytes.getType()), e.splatByte(mask));
  }

  Value addGroup(Value sum, Value weights, Value pair, int64_t group,
                 bool ahead) {
    Value block = e.at(weights, e.mul(pair, GEMCUT_COARSE_PAIR_BYTES));
    Value quants = e.at(input, e.mul(pair, 2 * GEMCUT_GROUP));
    Value perGroup = e.mul(pair, 8);
    int64_t from = 64 + 384 * group;
    if (group == 0 && ahead)
      for (int64_t line = 0; line < GEMCUT_COARSE_PAIR_BYTES; line += 64)
        e.prefetchStream(e.at(block, line), e.getIsa().getStreamAhead());
    Value dots[2] = {e.splatI32(0), e.splatI32(0)}, upper;
    for (int64_t v = 0; v < 4; ++v) {
      auto load = [&](int64_t offset) {
        return e.load(e.vecType(i8, 64), e.at(block, from + offset), 64);
      };
      Value nibbles = load(kVectorBytes * v);
      if (v % 2 == 0)
        upper = load(256 + kVectorBytes * (v / 2));
      for (int64_t half = 0; half < 2; ++half) {
        Value low = shifted(nibbles, -4 * half, 0x0F);
        Value high = shifted(upper, 4 - 4 * (v % 2) - 2 * half, 0x30);
        int64_t column = GEMCUT_GROUP * group + 16 * half + 4 * v;
        dots[half] = e.getIsa().dotUnsigned(e, dots[half], e.bitOr(low, high),
                                            e.loadI32(e.at(quants, column)));
      }
    }
    Value correction = e.loadI32(e.at(e.at(corrections, perGroup), 4 * group));
    Value dot =
        e.add(e.shiftLeft(e.add(dots[0], dots[1]), 2), e.broadcast(correction));
    Type f16 = e.vecType(e.getBuilder().getF16Type());
    Value weightScale = e.toF32(e.load(f16, e.at(block, 32 * group), 32));
    Value inputScale = e.broadcast(e.loadF32(e.at(
        e.at(input, perGroup), gemcut_q8_scales_offset(columns) + 4 * group)));
    return e.fma(e.toF32(dot), e.mul(weightScale, inputScale), sum);
  }
};

} // namespace

void gemcut::targets::buildUpperBounds(StageEmitter &e,
                                       kernel::UpperBoundsOp op) {
  UpperBounds(e, op).build();
}

void gemcut::targets::buildRescore(StageEmitter &e, kernel::RescoreOp op) {
  kernel::WeightType weight = op.getWeight().getType();
  MicroKernelShape shape;
  shape.format = weight.getFormat();
  shape.columns = weight.getColumns();
  shape.inputRowBytes = op.getInput().getType().getRowBytes();
  int64_t tileBytes =
      gemcut_tile_bytes(toAbi(weight.getFormat()), weight.getColumns());
  e.forChunks(e.get(op.getRows()), [&](Value chunk) {
    Value tile =
        e.toI64(e.loadI32(e.at(e.get(op.getTiles()), e.mul(chunk, 4))));
    Value output = e.at(e.get(op.getOutput()), e.mul(tile, kVectorBytes));
    e.call(getMicroKernel(e, shape),
           {e.at(e.get(op.getWeight()), e.mul(tile, tileBytes)),
            e.get(op.getInput()), output, e.i64(kVectorBytes)});
    if (op.getCap())
      e.store(softcap(e, e.loadVec(output, kLanes, 64),
                      op.getCap()->convertToFloat()),
              output, 64);
  });
}
