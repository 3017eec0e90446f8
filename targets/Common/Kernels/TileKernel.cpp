//===- TileKernel.cpp - Products on matrix registers ----------------------===//
//
// One product of tiles covers a group of 32 columns: its int32 sums are stored
// to L1, from where they are scaled and added to f32 sums in vectors, as in
// MicroKernel. Two groups are in flight, with registers of their own.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/TileKernel.h"

#include "runtime/abi/packed_layout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kVectorBytes = 64;
constexpr int64_t kPairColumns = 2 * GEMCUT_GROUP;
/// Vectors of 16 lanes x 4 columns in a group.
constexpr int64_t kGroupVectors = GEMCUT_GROUP / 4;
constexpr int64_t kScales = kGroupVectors * kVectorBytes;
constexpr int64_t kGroupBytes = kScales + kVectorBytes;

/// Registers by use and group of a pair. Weights have the same shape for both
/// numbers of rows; sums and inputs of the tail use registers for one group.
constexpr int64_t kSums[2] = {0, 1}, kInputs[2] = {2, 3}, kWeights[2] = {4, 5};
constexpr int64_t kTailSums = 6, kTailInputs = 7;

int64_t pairsOf(int64_t columns) {
  return gemcut_round_up(columns, kPairColumns) / kPairColumns;
}

//===----------------------------------------------------------------------===//
// Packed weights -> panel
//===----------------------------------------------------------------------===//

/// int8 vector `v` of a group, from q + 128.
void unpackInt8(Emitter &e, Value group, int64_t v, Value panel) {
  Type bytes = e.vecType(e.getBuilder().getI8Type(), 64);
  Value stored = e.load(bytes, e.at(group, v * kVectorBytes), 64);
  e.store(e.bitXor(stored, e.splatByte(-128)), e.at(panel, v * kVectorBytes),
          64);
}

/// int8 vectors `v` and v + 4 of a group, from q + 8 in low and high nibbles.
void unpackNibbles(Emitter &e, Value group, int64_t v, Value panel) {
  Type bytes = e.vecType(e.getBuilder().getI8Type(), 64);
  Type words = e.vecType(e.getBuilder().getI16Type(), 32);
  Value stored = e.load(bytes, e.at(group, v * kVectorBytes), 64);
  Value mask = e.splatByte(0x0F), zeroPoint = e.splatByte(8);
  Value shifted = e.bitcast(e.shiftRight(e.bitcast(stored, words), 4), bytes);
  Value low = e.sub(e.bitAnd(stored, mask), zeroPoint);
  Value high = e.sub(e.bitAnd(shifted, mask), zeroPoint);
  e.store(low, e.at(panel, v * kVectorBytes), 64);
  e.store(high, e.at(panel, (v + kGroupVectors / 2) * kVectorBytes), 64);
}

/// The f32 scales of a group, whose packed ones are at `scales`.
Value unpackScales(Emitter &e, Format format, Value w, Value scales) {
  if (format != Format::Int4)
    return e.toF32(e.load(e.vecType(e.getBuilder().getF16Type()), scales, 32));
  Value codes = e.load(e.vecType(e.getBuilder().getI8Type()), scales, 16);
  Value bits = e.add(emitScaleCodeBits(e, codes), e.splatI32(127 << 23));
  return e.mul(e.bitcast(bits, e.vecType(e.f32Type())),
               e.loadVec(w, kLanes, 64));
}

void unpackTile(Emitter &e, Format format, int64_t columns, Value w,
                Value panel) {
  gemcut_block layout = gemcut_block_of(toAbi(format));
  int64_t groups = 2 * pairsOf(columns);
  auto unpackBlock = [&](Value block, int64_t count) {
    Value packed = e.at(e.at(w, layout.header_bytes),
                        e.mul(block, gemcut_block_bytes(layout)));
    Value target = e.at(panel, e.mul(block, layout.groups * kGroupBytes));
    for (int64_t group = 0; group < count; ++group) {
      Value weights =
          e.at(packed, GEMCUT_BLOCK_SCALE_BYTES + group * layout.quant_bytes);
      Value unpacked = e.at(target, group * kGroupBytes);
      for (int64_t v = 0; v < layout.quant_bytes / kVectorBytes; ++v)
        isNibbles(format) ? unpackNibbles(e, weights, v, unpacked)
                          : unpackInt8(e, weights, v, unpacked);
      Value scales = e.at(packed, group * layout.scale_bytes);
      e.store(unpackScales(e, format, w, scales), e.at(unpacked, kScales), 64);
    }
  };
  int64_t blocks = groups / layout.groups;
  e.loop(e.i64(0), e.i64(blocks), 1,
         [&](Value block) { unpackBlock(block, layout.groups); });
  if (int64_t rest = groups % layout.groups)
    unpackBlock(e.i64(blocks), rest);
}

//===----------------------------------------------------------------------===//
// Panel x rows
//===----------------------------------------------------------------------===//

class TileKernel {
public:
  TileKernel(Emitter &e, const TileIsa &tiles, const MicroKernelShape &shape,
             ValueRange arguments)
      : e(e), tiles(tiles), shape(shape), panel(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]) {}

  void build() {
    dots = e.stack(2 * shape.rows * kVectorBytes);
    Emitter::Values sums(shape.rows, e.splat(0.0f));
    sums = e.loop(e.i64(0), e.i64(pairsOf(shape.columns)), 1, sums,
                  [&](Value pair, ValueRange carried) {
                    Emitter::Values sums(carried);
                    addPair(pair, sums);
                    return sums;
                  });
    for (int64_t m = 0; m < shape.rows; ++m)
      e.store(sums[m], e.at(y, e.mul(yStride, m)), 64);
  }

private:
  Emitter &e;
  const TileIsa &tiles;
  const MicroKernelShape &shape;
  Value panel, x, y, yStride;
  Value dots; ///< int32 [2 groups][rows][16 lanes] on the stack

  bool tail() const { return shape.rows == kTileTailRows; }
  int64_t dotsOffset(int64_t group, int64_t m) const {
    return (group * shape.rows + m) * kVectorBytes;
  }

  void addPair(Value pair, Emitter::Values &sums) {
    Value weights = e.at(panel, e.mul(pair, 2 * kGroupBytes));
    Value quants = e.at(x, e.mul(pair, kPairColumns));
    Value perGroup = e.at(x, e.mul(pair, 8));
    for (int64_t group = 0; group < 2; ++group)
      dotGroup(weights, quants, group);
    for (int64_t group = 0; group < 2; ++group)
      addGroup(sums, weights, perGroup, group);
  }

  void dotGroup(Value weights, Value quants, int64_t group) {
    int64_t c = tail() ? kTailSums : kSums[group];
    int64_t a = tail() ? kTailInputs : kInputs[group];
    int64_t b = kWeights[group];
    tiles.zero(e, c);
    tiles.load(e, b, e.at(weights, group * kGroupBytes), kVectorBytes);
    tiles.load(e, a, e.at(quants, group * GEMCUT_GROUP), shape.inputRowBytes);
    tiles.dotInt8(e, c, a, b);
    tiles.store(e, c, e.at(dots, dotsOffset(group, 0)), kVectorBytes);
  }

  void addGroup(Emitter::Values &sums, Value weights, Value perGroup,
                int64_t group) {
    Value scales =
        e.loadVec(e.at(weights, group * kGroupBytes + kScales), kLanes, 64);
    int64_t offset = gemcut_q8_scales_offset(shape.columns) + 4 * group;
    for (int64_t m = 0; m < shape.rows; ++m) {
      Value dot =
          e.load(e.vecType(e.i32Type()), e.at(dots, dotsOffset(group, m)), 64);
      Value inputScale = e.broadcast(
          e.loadF32(e.at(perGroup, m * shape.inputRowBytes + offset)));
      sums[m] = e.fma(e.toF32(dot), e.mul(scales, inputScale), sums[m]);
    }
  }
};

} // namespace

int64_t gemcut::targets::tilePanelBytes(int64_t columns) {
  return pairsOf(columns) * 2 * kGroupBytes;
}

void gemcut::targets::configureTiles(Emitter &e, const TileIsa &tiles) {
  TileShape shapes[8];
  for (int64_t group = 0; group < 2; ++group) {
    shapes[kSums[group]] = {kTileRows, kVectorBytes};
    shapes[kInputs[group]] = {kTileRows, GEMCUT_GROUP};
    shapes[kWeights[group]] = {kGroupVectors, kVectorBytes};
  }
  shapes[kTailSums] = {kTileTailRows, kVectorBytes};
  shapes[kTailInputs] = {kTileTailRows, GEMCUT_GROUP};
  tiles.configure(e, shapes);
}

func::FuncOp gemcut::targets::getTileUnpacker(StageEmitter &e, Format format,
                                              int64_t columns) {
  std::string name =
      ("gemcut_unpack_" + stringifyFormat(format) + "_k" + llvm::Twine(columns))
          .str();
  FunctionType type =
      e.getBuilder().getFunctionType({e.ptrType(), e.ptrType()}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        unpackTile(body, format, columns, arguments[0], arguments[1]);
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  forbidInlining(function);
  return function;
}

func::FuncOp gemcut::targets::getTileKernel(StageEmitter &e,
                                            const MicroKernelShape &shape) {
  // Depends on the panel, not on the format behind it.
  std::string name = ("gemcut_tile_dot_k" + llvm::Twine(shape.columns) + "_m" +
                      llvm::Twine(shape.rows))
                         .str();
  FunctionType type = e.getBuilder().getFunctionType(
      {e.ptrType(), e.ptrType(), e.ptrType(), e.i64Type()}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        TileKernel(body, *e.getIsa().getTiles(), shape, arguments).build();
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  // Shared by every stage of this shape; inlined copies would fill the cache.
  forbidInlining(function);
  return function;
}
