//===- X86Isa.cpp - Dot products of x86 levels ----------------------------===//

#include "targets/X86/X86Isa.h"

#include "targets/Common/Intrinsics.h"
#include "targets/Common/VectorParts.h"
#include "targets/X86/AmxTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace gemcut::targets;

namespace {

class X86Isa : public VectorIsa {
public:
  using VectorIsa::VectorIsa;

  // From 128 to 512 bytes are equally good on a Zen 4, 640 as bad as none.
  int64_t getInputAhead() const override { return 384; }
  // As good as 16 KB and better than 4 (Zen 4).
  int64_t getStreamAhead() const override { return 8192; }
  int64_t getCacheAhead() const final { return 8192; }
};

/// vpdpbusd: no saturation, u8 weights as they are stored.
class VnniIsa : public X86Isa {
public:
  using X86Isa::X86Isa;

  Value dotUnsigned(Emitter &e, Value acc, Value w, Value x) const override {
    return dotNibbles(e, acc, w, x);
  }

  Value dotInt8(Emitter &e, Value acc, Value w, Value x) const override {
    return dotNibbles(e, acc, w, x);
  }

  bool int8NeedsCorrection() const override { return true; }

  /// Fields of two or four bits in the highest bits of their bytes: signed as
  /// they are, without more instructions, and 2^(8 - bits) times as large.
  Value unpackField(Emitter &e, Value bytes, int64_t bits,
                    int64_t index) const override {
    if (bits == 8)
      return bytes;
    Type words = e.vecType(e.getBuilder().getI16Type(), 32);
    Value moved = bytes;
    if (int64_t left = 8 - bits * (index + 1))
      moved = e.bitcast(e.shiftLeft(e.bitcast(bytes, words), left),
                        bytes.getType());
    return e.bitAnd(moved, e.splatByte(int8_t(0xFF << (8 - bits)), 64));
  }

  int64_t getFieldShift(int64_t bits) const override { return 8 - bits; }
};

/// On one zmm.
class Avx512Isa : public VnniIsa {
public:
  using VnniIsa::VnniIsa;

  Value dotNibbles(Emitter &e, Value acc, Value w, Value x) const override {
    return callIntrinsic(e, "llvm.x86.avx512.vpdpbusd.512", acc.getType(),
                         {acc, w, broadcastBytes(e, x, kLanes)});
  }

  bool takesUnsignedBytes() const override { return true; }

  Value dotRun(Emitter &e, Value sum, Value w, Value x,
               int64_t) const override {
    return callIntrinsic(e, "llvm.x86.avx512.vpdpbusd.512", sum.getType(),
                         {sum, broadcastBytes(e, x, kLanes), w});
  }

  Value dotBf16(Emitter &e, Value acc, Value w, Value x) const override {
    Type pairs = e.vecType(e.getBuilder().getBF16Type(), 32);
    return callIntrinsic(
        e, "llvm.x86.avx512bf16.dpbf16ps.512", acc.getType(),
        {acc, e.bitcast(w, pairs), e.bitcast(e.broadcast(x), pairs)});
  }
};

/// The vectors of AVX-512 beside AMX.
class AmxIsa : public Avx512Isa {
public:
  using Avx512Isa::Avx512Isa;
  const TileIsa *getTiles() const override { return &tiles; }

private:
  AmxTiles tiles;
};

/// On two ymm, in its VEX encoding where AVX-512 is absent.
class AvxVnniIsa : public VnniIsa {
public:
  using VnniIsa::VnniIsa;

  Value dotNibbles(Emitter &e, Value acc, Value w, Value x) const override {
    Value bytes = broadcastBytes(e, x, kLanes / 2);
    SmallVector<Value> accs = split(e, acc, 2), ws = split(e, w, 2);
    for (int half = 0; half < 2; ++half)
      accs[half] =
          callIntrinsic(e, "llvm.x86.avx512.vpdpbusd.256", accs[half].getType(),
                        {accs[half], ws[half], bytes});
    return join(e, {accs[0], accs[1]});
  }

  Value dotRun(Emitter &e, Value sum, Value w, Value x,
               int64_t) const override {
    Value bytes = broadcastBytes(e, x, kLanes / 2);
    SmallVector<Value> sums = split(e, sum, 2), ws = split(e, w, 2);
    for (int half = 0; half < 2; ++half)
      sums[half] =
          callIntrinsic(e, "llvm.x86.avx512.vpdpbusd.256", sums[half].getType(),
                        {sums[half], bytes, ws[half]});
    return join(e, {sums[0], sums[1]});
  }

  Value dotBf16(Emitter &, Value, Value, Value) const override {
    llvm_unreachable("avxvnni has no bf16 dot product; check hasBf16Dot");
  }
};

/// vpmaddubsw + vpmaddwd on two ymm. vpmaddubsw adds two u8 x s8 products in
/// i16 with saturation: 2 * 15 * 127 fits for nibbles, and the 16 products that
/// a lane gets from a group, 30480 at most, fit as well, so they are added in
/// i16 and widened once. For int8 the roles change: |x| is the unsigned operand
/// and x's sign moves to the weight, 2 * 127 * 127 fits as well (weights are in
/// -127 .. 127). Weights under one scale per row meet unsigned activations up
/// to 255: with four bits the 16 products of a lane in a run reach -32640,
/// which fits; eight bits are widened first.
class Avx2Isa : public X86Isa {
public:
  using X86Isa::X86Isa;

  // A core alone reads 22 to 24 GB/s so, and 19 to 23 at 8192 (Zen 3).
  int64_t getStreamAhead() const override { return 2048; }
  // A block of int4. 3 to 5 % better than 1.5 and 2 blocks (Zen 3, November
  // 2026).
  int64_t getTileStreamAhead() const override { return 1088; }

  Value startNibbles(Emitter &e, Value, int64_t) const override {
    return e.zeros(e.vecType(e.getBuilder().getI16Type(), 32));
  }

  Value dotNibbles(Emitter &e, Value acc, Value w, Value x) const override {
    Value bytes = broadcastBytes(e, x, kLanes / 2);
    SmallVector<Value> accs = split(e, acc, 2), ws = split(e, w, 2);
    for (int half = 0; half < 2; ++half)
      accs[half] = addInOrder(e, accs[half], multiplyBytes(e, ws[half], bytes));
    return join(e, {accs[0], accs[1]});
  }

  Value finishNibbles(Emitter &e, Value acc, Value correction) const override {
    SmallVector<Value> accs = split(e, acc, 2);
    return e.add(join(e, {addPairs(e, accs[0]), addPairs(e, accs[1])}),
                 e.broadcast(correction));
  }

  Value dotUnsigned(Emitter &e, Value acc, Value w, Value x) const override {
    Value bytes = broadcastBytes(e, x, kLanes / 2);
    SmallVector<Value> accs = split(e, acc, 2), ws = split(e, w, 2);
    for (int half = 0; half < 2; ++half)
      accs[half] = addInOrder(e, accs[half],
                              addPairs(e, multiplyBytes(e, ws[half], bytes)));
    return join(e, {accs[0], accs[1]});
  }

  Value dotInt8(Emitter &e, Value acc, Value w, Value x) const override {
    Value bytes = broadcastBytes(e, x, kLanes / 2);
    Type type = bytes.getType();
    Value magnitude = callIntrinsic(
        e, "llvm.abs", type, {bytes, e.zeros(e.getBuilder().getI1Type())});
    Value flip = e.splatByte(-128, 32);
    SmallVector<Value> accs = split(e, acc, 2), ws = split(e, w, 2);
    for (int half = 0; half < 2; ++half) {
      Value weight = e.bitXor(ws[half], flip);
      Value moved =
          callIntrinsic(e, "llvm.x86.avx2.psign.b", type, {weight, bytes});
      accs[half] = addInOrder(e, accs[half],
                              addPairs(e, multiplyBytes(e, magnitude, moved)));
    }
    return join(e, {accs[0], accs[1]});
  }

  bool int8NeedsCorrection() const override { return false; }

  Value unpackField(Emitter &e, Value bytes, int64_t bits,
                    int64_t index) const override {
    if (bits == 8)
      return bytes;
    Type words = e.vecType(e.getBuilder().getI16Type(), 32);
    Value moved = bytes;
    if (index)
      moved = e.bitcast(e.shiftRight(e.bitcast(bytes, words), bits * index),
                        bytes.getType());
    Value fields = e.bitAnd(moved, e.splatByte(int8_t((1 << bits) - 1), 64));
    // vpshufb as a table of the signed values.
    SmallVector<int8_t> table(32);
    for (int i = 0; i < 32; ++i) {
      int field = i & ((1 << bits) - 1), sign = 1 << (bits - 1);
      table[i] = int8_t((field ^ sign) - sign);
    }
    SmallVector<Value> halves = split(e, fields, 2);
    Value values = arith::ConstantOp::create(
        e.getBuilder(), e.getLoc(),
        DenseElementsAttr::get(cast<VectorType>(halves[0].getType()),
                               ArrayRef<int8_t>(table)));
    for (Value &half : halves)
      half = callIntrinsic(e, "llvm.x86.avx2.pshuf.b", half.getType(),
                           {values, half});
    return join(e, {halves[0], halves[1]});
  }

  int64_t getFieldShift(int64_t) const override { return 0; }

  Value startRun(Emitter &e, Value acc, int64_t bits) const override {
    return bits == 8 ? acc
                     : e.zeros(e.vecType(e.getBuilder().getI16Type(), 32));
  }

  Value dotRun(Emitter &e, Value sum, Value w, Value x,
               int64_t bits) const override {
    SmallVector<Value> sums = split(e, sum, 2), ws = split(e, w, 2);
    if (bits < 8) {
      Value bytes = broadcastBytes(e, x, kLanes / 2);
      for (int half = 0; half < 2; ++half)
        sums[half] =
            addInOrder(e, sums[half], multiplyBytes(e, bytes, ws[half]));
      return join(e, {sums[0], sums[1]});
    }
    // Bytes 0 and 2, and 1 and 3, of every lane as words.
    Type words = e.vecType(e.getBuilder().getI16Type(), 16);
    auto broadcastWords = [&](Value lane) {
      return e.bitcast(e.broadcast(e.bitAnd(lane, e.i32(0x00FF00FF)), 8),
                       words);
    };
    Value even = broadcastWords(x), odd = broadcastWords(e.shiftRight(x, 8));
    for (int half = 0; half < 2; ++half) {
      Value weight = e.bitcast(ws[half], words);
      Value high = shiftRightSigned(e, weight, 8);
      Value low = shiftRightSigned(e, e.shiftLeft(weight, 8), 8);
      sums[half] = addInOrder(e, sums[half], multiplyWords(e, low, even));
      sums[half] = addInOrder(e, sums[half], multiplyWords(e, high, odd));
    }
    return join(e, {sums[0], sums[1]});
  }

  Value finishRun(Emitter &e, Value acc, Value sum,
                  int64_t bits) const override {
    if (bits == 8)
      return sum;
    SmallVector<Value> sums = split(e, sum, 2);
    return e.add(acc, join(e, {addPairs(e, sums[0]), addPairs(e, sums[1])}));
  }

  Value dotBf16(Emitter &, Value, Value, Value) const override {
    llvm_unreachable("avx2 has no bf16 dot product; check hasBf16Dot");
  }

  Value multiplyBytes(Emitter &e, Value u8, Value s8) const override {
    return callIntrinsic(e, "llvm.x86.avx2.pmadd.ub.sw",
                         e.vecType(e.getBuilder().getI16Type(), 16), {u8, s8});
  }

  Value addInOrder(Emitter &e, Value a, Value b) const override {
    Value sum = e.add(a, b);
    return LLVM::InlineAsmOp::create(
               e.getBuilder(), e.getLoc(), sum.getType(), ValueRange{sum},
               /*asm_string=*/"", /*constraints=*/"=x,0",
               /*has_side_effects=*/false, /*is_align_stack=*/false,
               LLVM::TailCallKind::None, /*asm_dialect=*/nullptr,
               /*operand_attrs=*/nullptr)
        .getResult(0);
  }

  Value multiplyWords(Emitter &e, Value a, Value b) const override {
    return callIntrinsic(e, "llvm.x86.avx2.pmadd.wd", e.vecType(e.i32Type(), 8),
                         {a, b});
  }

private:
  /// Sums of two i16 lanes in each i32 lane.
  Value addPairs(Emitter &e, Value words) const {
    return multiplyWords(e, words, splatWord(e, 1));
  }

  static Value shiftRightSigned(Emitter &e, Value words, int16_t bits) {
    return arith::ShRSIOp::create(e.getBuilder(), e.getLoc(), words,
                                  splatWord(e, bits));
  }

  static Value splatWord(Emitter &e, int16_t value) {
    Type i16 = e.getBuilder().getI16Type();
    return arith::ConstantOp::create(
        e.getBuilder(), e.getLoc(),
        DenseElementsAttr::get(
            e.vecType(i16, 16),
            Attribute(e.getBuilder().getI16IntegerAttr(value))));
  }
};

} // namespace

std::unique_ptr<VectorIsa>
gemcut::targets::createX86Isa(const IsaLevel &level) {
  if (level.hasInt8Tiles)
    return std::make_unique<AmxIsa>(level);
  if (level.vectorBits == 512)
    return std::make_unique<Avx512Isa>(level);
  if (level.hasVnni)
    return std::make_unique<AvxVnniIsa>(level);
  return std::make_unique<Avx2Isa>(level);
}
