//===- DotProdIsa.cpp - Dot products of four bytes ------------------------===//

#include "targets/AArch64/DotProdIsa.h"

#include "targets/AArch64/Registers.h"
#include "targets/Common/Intrinsics.h"

using namespace mlir;
using namespace gemcut::targets;

//===----------------------------------------------------------------------===//
// sdot
//===----------------------------------------------------------------------===//

static Value dotBytes(Emitter &e, Value acc, Value w, Value bytes) {
  return forRegisters(
      e, acc, w, lanesOf(acc) / kRegisterLanes, [&](Value sum, Value weights) {
        return callIntrinsic(e, "llvm.aarch64.neon.sdot.v4i32.v16i8",
                             sum.getType(), {sum, weights, bytes});
      });
}

Value DotProdIsa::dotSigned(Emitter &e, Value acc, Value w, Value x) const {
  return dotBytes(e, acc, w, broadcastBytes(e, x));
}

Value DotProdIsa::dotNibbles(Emitter &e, Value acc, Value w, Value x) const {
  return dotSigned(e, acc, w, x);
}

Value DotProdIsa::dotUnsigned(Emitter &e, Value acc, Value w, Value x) const {
  return dotSigned(e, acc, w, x);
}

Value DotProdIsa::dotInt8(Emitter &e, Value acc, Value w, Value x) const {
  return dotSigned(e, acc, lessBy128(e, w), x);
}

Value DotProdIsa::unpackField(Emitter &e, Value bytes, int64_t bits,
                              int64_t index) const {
  if (bits == 8)
    return bytes;
  Value moved = bytes;
  if (int64_t left = 8 - bits * (index + 1))
    moved = e.shiftLeft(bytes, left);
  if (index == 0)
    return moved;
  return e.bitAnd(moved,
                  e.splatByte(int8_t(0xFF << (8 - bits)), lanesOf(bytes)));
}

Value DotProdIsa::dotRun(Emitter &e, Value sum, Value w, Value x,
                         int64_t) const {
  return dotBytes(e, sum, w, lessBy128(e, broadcastBytes(e, x)));
}

Value DotProdIsa::dotBf16(Emitter &, Value, Value, Value) const {
  llvm_unreachable("dotprod has no bf16 dot product; check hasBf16Dot");
}

//===----------------------------------------------------------------------===//
// usdot, smmla, bfdot
//===----------------------------------------------------------------------===//

static Value dotMixed(Emitter &e, Value acc, Value u8, Value s8) {
  return callIntrinsic(e, "llvm.aarch64.neon.usdot.v4i32.v16i8", acc.getType(),
                       {acc, u8, s8});
}

Value I8mmIsa::dotUnsignedWeights(Emitter &e, Value acc, Value w,
                                  Value x) const {
  Value bytes = broadcastBytes(e, x);
  return forRegisters(e, acc, w, lanesOf(acc) / kRegisterLanes,
                      [&](Value sum, Value weights) {
                        return dotMixed(e, sum, weights, bytes);
                      });
}

Value I8mmIsa::dotUnsignedInputs(Emitter &e, Value acc, Value w,
                                 Value x) const {
  Value bytes = broadcastBytes(e, x);
  return forRegisters(e, acc, w, lanesOf(acc) / kRegisterLanes,
                      [&](Value sum, Value weights) {
                        return dotMixed(e, sum, bytes, weights);
                      });
}

Value I8mmIsa::dotInt8(Emitter &e, Value acc, Value w, Value x) const {
  return dotUnsignedWeights(e, acc, w, x);
}

Value I8mmIsa::dotRun(Emitter &e, Value sum, Value w, Value x, int64_t) const {
  return dotUnsignedInputs(e, sum, w, x);
}

Value I8mmIsa::dotBf16(Emitter &e, Value acc, Value w, Value x) const {
  Type pairs = e.vecType(e.getBuilder().getBF16Type(), 2 * kRegisterLanes);
  Value input = e.bitcast(e.broadcast(x, kRegisterLanes), pairs);
  return forRegisters(
      e, acc, w, lanesOf(acc) / kRegisterLanes, [&](Value sum, Value weights) {
        return callIntrinsic(e, "llvm.aarch64.neon.bfdot.v4f32.v8bf16",
                             sum.getType(),
                             {sum, e.bitcast(weights, pairs), input});
      });
}

Value I8mmIsa::dotPairs(Emitter &e, Value acc, Value x, Value w) const {
  return callIntrinsic(e, "llvm.aarch64.neon.smmla.v4i32.v16i8", acc.getType(),
                       {acc, e.bitcast(x, w.getType()), w});
}
