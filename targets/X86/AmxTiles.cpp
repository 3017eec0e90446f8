//===- AmxTiles.cpp - AMX tile registers ----------------------------------===//

#include "targets/X86/AmxTiles.h"

#include "targets/Common/Intrinsics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gemcut::targets;

/// Layout of LDTILECFG's operand.
static constexpr int64_t kConfigBytes = 64, kPaletteByte = 0,
                         kRowBytesStart = 16, kRowsStart = 48, kRegisters = 8;

/// Numbers of registers are immediates.
static Value number(Emitter &e, int64_t tile) {
  return arith::ConstantOp::create(e.getBuilder(), e.getLoc(),
                                   e.getBuilder().getI8IntegerAttr(tile));
}

void AmxTiles::configure(Emitter &e, ArrayRef<TileShape> shapes) const {
  assert(shapes.size() <= kRegisters && "palette 1 has 8 registers");
  SmallVector<int8_t> bytes(kConfigBytes, 0);
  bytes[kPaletteByte] = 1;
  for (auto [tile, shape] : llvm::enumerate(shapes)) {
    bytes[kRowBytesStart + 2 * tile] = int8_t(shape.rowBytes);
    bytes[kRowsStart + tile] = int8_t(shape.rows);
  }
  VectorType type = e.vecType(e.getBuilder().getI8Type(), kConfigBytes);
  Value memory = e.stack(kConfigBytes);
  e.store(arith::ConstantOp::create(
              e.getBuilder(), e.getLoc(),
              DenseElementsAttr::get(type, llvm::ArrayRef<int8_t>(bytes))),
          memory, 64);
  callIntrinsic(e, "llvm.x86.ldtilecfg", {memory});
}

void AmxTiles::release(Emitter &e) const {
  callIntrinsic(e, "llvm.x86.tilerelease", {});
}

void AmxTiles::zero(Emitter &e, int64_t tile) const {
  callIntrinsic(e, "llvm.x86.tilezero", {number(e, tile)});
}

void AmxTiles::load(Emitter &e, int64_t tile, Value address,
                    int64_t stride) const {
  callIntrinsic(e, "llvm.x86.tileloadd64",
                {number(e, tile), address, e.i64(stride)});
}

void AmxTiles::store(Emitter &e, int64_t tile, Value address,
                     int64_t stride) const {
  callIntrinsic(e, "llvm.x86.tilestored64",
                {number(e, tile), address, e.i64(stride)});
}

void AmxTiles::dotInt8(Emitter &e, int64_t c, int64_t a, int64_t b) const {
  callIntrinsic(e, "llvm.x86.tdpbssd",
                {number(e, c), number(e, a), number(e, b)});
}

void AmxTiles::dotUint8(Emitter &e, int64_t c, int64_t a, int64_t b) const {
  callIntrinsic(e, "llvm.x86.tdpbusd",
                {number(e, c), number(e, a), number(e, b)});
}
