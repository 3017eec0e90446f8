//===- AArch64Isa.cpp - Dot products of AArch64 levels --------------------===//
//
// Registers hold 16 bytes, four rows of a tile. Operations take vectors of 4
// lanes and multiples, which are split into registers here.
//
//===----------------------------------------------------------------------===//

#include "targets/AArch64/AArch64Isa.h"

#include "targets/Common/Intrinsics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <numeric>

using namespace mlir;
using namespace gemcut::targets;

namespace {

constexpr int64_t kRegisterLanes = 4;

int64_t lanesOf(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

/// `parts` equal slices of a vector.
SmallVector<Value> split(Emitter &e, Value vector, int64_t parts) {
  if (parts == 1)
    return {vector};
  int64_t lanes = lanesOf(vector) / parts;
  SmallVector<Value> slices;
  for (int64_t part = 0; part < parts; ++part) {
    SmallVector<int64_t> indices(lanes);
    std::iota(indices.begin(), indices.end(), part * lanes);
    slices.push_back(e.shuffle(vector, vector, indices));
  }
  return slices;
}

/// The slices as one vector; their number is a power of two.
Value join(Emitter &e, SmallVector<Value> slices) {
  while (slices.size() > 1) {
    SmallVector<int64_t> indices(2 * lanesOf(slices[0]));
    std::iota(indices.begin(), indices.end(), 0);
    for (size_t i = 0; i < slices.size() / 2; ++i)
      slices[i] = e.shuffle(slices[2 * i], slices[2 * i + 1], indices);
    slices.resize(slices.size() / 2);
  }
  return slices[0];
}

/// One register of sums, the bytes that meet them, and all inputs.
using RegisterFn = llvm::function_ref<Value(Value acc, Value w)>;

/// Applies `body` to each register of `acc` and its part of `w`.
Value forRegisters(Emitter &e, Value acc, Value w, int64_t registers,
                   RegisterFn body) {
  SmallVector<Value> accs = split(e, acc, registers);
  SmallVector<Value> ws = split(e, w, registers);
  for (auto [sum, weights] : llvm::zip_equal(accs, ws))
    sum = body(sum, weights);
  return join(e, std::move(accs));
}

Type byteVector(Emitter &e) {
  return e.vecType(e.getBuilder().getI8Type(), 4 * kRegisterLanes);
}

Value splatByte(Emitter &e, int8_t value, int64_t bytes) {
  return arith::ConstantOp::create(
      e.getBuilder(), e.getLoc(),
      DenseElementsAttr::get(
          e.vecType(e.getBuilder().getI8Type(), bytes),
          Attribute(e.getBuilder().getI8IntegerAttr(value))));
}

/// Four bytes of an i32 in every lane of a register.
Value broadcastBytes(Emitter &e, Value x) {
  return e.bitcast(e.broadcast(x, kRegisterLanes), byteVector(e));
}

/// Bytes of -128 .. 127 from those of 0 .. 255, less by 128.
Value lessBy128(Emitter &e, Value bytes) {
  return e.bitXor(bytes, splatByte(e, -128, lanesOf(bytes)));
}

Value shiftRightSigned(Emitter &e, Value bytes, int8_t bits) {
  return arith::ShRSIOp::create(e.getBuilder(), e.getLoc(), bytes,
                                splatByte(e, bits, lanesOf(bytes)));
}

/// sdot: products of signed bytes, four in each i32 lane.
class DotProdIsa : public VectorIsa {
public:
  using VectorIsa::VectorIsa;

  Value dotNibbles(Emitter &e, Value acc, Value w, Value x) const override {
    return dotSigned(e, acc, w, broadcastBytes(e, x));
  }

  Value dotUnsigned(Emitter &e, Value acc, Value w, Value x) const override {
    return dotNibbles(e, acc, w, x);
  }

  Value dotInt8(Emitter &e, Value acc, Value w, Value x) const override {
    return dotSigned(e, acc, lessBy128(e, w), broadcastBytes(e, x));
  }

  bool int8NeedsCorrection() const override { return false; }

  /// Fields in the highest bits of their bytes: signed as they are, without
  /// more instructions, and 2^(8 - bits) times as large.
  Value unpackField(Emitter &e, Value bytes, int64_t bits,
                    int64_t index) const override {
    if (bits == 8)
      return bytes;
    Value moved = bytes;
    if (int64_t left = 8 - bits * (index + 1))
      moved = e.shiftLeft(bytes, left);
    if (index == 0)
      return moved;
    return e.bitAnd(moved,
                    splatByte(e, int8_t(0xFF << (8 - bits)), lanesOf(bytes)));
  }

  int64_t getFieldShift(int64_t bits) const override { return 8 - bits; }

  Value dotRun(Emitter &e, Value sum, Value w, Value x,
               int64_t) const override {
    return dotSigned(e, sum, w, lessBy128(e, broadcastBytes(e, x)));
  }

  bool runNeedsCorrection() const override { return false; }

  Value dotBf16(Emitter &, Value, Value, Value) const override {
    llvm_unreachable("dotprod has no bf16 dot product; check hasBf16Dot");
  }

private:
  static Value dotSigned(Emitter &e, Value acc, Value w, Value bytes) {
    return forRegisters(e, acc, w, lanesOf(acc) / kRegisterLanes,
                        [&](Value sum, Value weights) {
                          return callIntrinsic(
                              e, "llvm.aarch64.neon.sdot.v4i32.v16i8",
                              sum.getType(), {sum, weights, bytes});
                        });
  }
};

/// usdot: products of unsigned and signed bytes; bfdot: of bf16 pairs.
class I8mmIsa : public DotProdIsa {
public:
  using DotProdIsa::DotProdIsa;

  Value dotInt8(Emitter &e, Value acc, Value w, Value x) const override {
    Value bytes = broadcastBytes(e, x);
    return forRegisters(e, acc, w, lanesOf(acc) / kRegisterLanes,
                        [&](Value sum, Value weights) {
                          return dotMixed(e, sum, weights, bytes);
                        });
  }

  bool int8NeedsCorrection() const override { return true; }

  Value dotRun(Emitter &e, Value sum, Value w, Value x,
               int64_t) const override {
    Value bytes = broadcastBytes(e, x);
    return forRegisters(e, sum, w, lanesOf(sum) / kRegisterLanes,
                        [&](Value part, Value weights) {
                          return dotMixed(e, part, bytes, weights);
                        });
  }

  bool runNeedsCorrection() const override { return true; }

  Value dotBf16(Emitter &e, Value acc, Value w, Value x) const override {
    Type pairs = e.vecType(e.getBuilder().getBF16Type(), 2 * kRegisterLanes);
    Value input = e.bitcast(e.broadcast(x, kRegisterLanes), pairs);
    return forRegisters(e, acc, w, lanesOf(acc) / kRegisterLanes,
                        [&](Value sum, Value weights) {
                          return callIntrinsic(
                              e, "llvm.aarch64.neon.bfdot.v4f32.v8bf16",
                              sum.getType(),
                              {sum, e.bitcast(weights, pairs), input});
                        });
  }

private:
  static Value dotMixed(Emitter &e, Value acc, Value u8, Value s8) {
    return callIntrinsic(e, "llvm.aarch64.neon.usdot.v4i32.v16i8",
                         acc.getType(), {acc, u8, s8});
  }
};

/// Armv8.0: products of bytes have 16 bits (smull) and are added there (smlal)
/// as long as that fits: eight products of a nibble and an input, 8 * 15 * 127,
/// or of a field of four bits, 8 * 8 * 128. Products of two int8 are added in
/// pairs, 2 * 127 * 127, then widened.
class NeonIsa : public VectorIsa {
public:
  using VectorIsa::VectorIsa;

  Value startNibbles(Emitter &e, Value, int64_t lanes) const override {
    return e.zeros(e.vecType(e.getBuilder().getI16Type(), 4 * lanes));
  }

  Value dotNibbles(Emitter &e, Value acc, Value w, Value x) const override {
    return e.add(acc, products(e, w, broadcastInputs(e, x, w)));
  }

  Value finishNibbles(Emitter &e, Value acc, Value correction) const override {
    Value sums = addFours(e, acc);
    return e.add(sums, e.broadcast(correction, lanesOf(sums)));
  }

  Value dotUnsigned(Emitter &e, Value acc, Value w, Value x) const override {
    return addPairs(e, acc, w, x);
  }

  Value dotInt8(Emitter &e, Value acc, Value w, Value x) const override {
    return addPairs(e, acc, lessBy128(e, w), x);
  }

  bool int8NeedsCorrection() const override { return false; }

  Value unpackField(Emitter &e, Value bytes, int64_t bits,
                    int64_t index) const override {
    Value moved = bytes;
    if (int64_t left = 8 - bits * (index + 1))
      moved = e.shiftLeft(bytes, left);
    return bits == 8 ? moved : shiftRightSigned(e, moved, int8_t(8 - bits));
  }

  int64_t getFieldShift(int64_t) const override { return 0; }

  /// Sums of fields in 16 bits for each product, of int8 in 32 for each pair.
  Value startRun(Emitter &e, Value acc, int64_t bits) const override {
    int64_t lanes = lanesOf(acc);
    return bits == 8
               ? e.zeros(e.vecType(e.i32Type(), 2 * lanes))
               : e.zeros(e.vecType(e.getBuilder().getI16Type(), 4 * lanes));
  }

  Value dotRun(Emitter &e, Value sum, Value w, Value x,
               int64_t bits) const override {
    Value inputs = lessBy128(e, broadcastInputs(e, x, w));
    Value words = products(e, w, inputs);
    if (bits < 8)
      return e.add(sum, words);
    int64_t registers = lanesOf(sum) / kRegisterLanes;
    return forRegisters(e, sum, words, registers, [&](Value part, Value terms) {
      return e.add(part, widenPairs(e, terms));
    });
  }

  Value finishRun(Emitter &e, Value acc, Value sum,
                  int64_t bits) const override {
    return e.add(acc, bits == 8 ? addNeighbours(e, sum) : addFours(e, sum));
  }

  bool runNeedsCorrection() const override { return false; }

  Value dotBf16(Emitter &, Value, Value, Value) const override {
    llvm_unreachable("neon has no bf16 dot product; check hasBf16Dot");
  }

private:
  /// The bytes of x, repeated over those of `like`. LLVM must not know that
  /// their halves are equal: only halves of a register are operands of smull2.
  static Value broadcastInputs(Emitter &e, Value x, Value like) {
    Value bytes = broadcastBytes(e, x);
    OpBuilder &builder = e.getBuilder();
    bytes = LLVM::InlineAsmOp::create(
                builder, e.getLoc(), bytes.getType(), ValueRange{bytes},
                /*asm_string=*/"", /*constraints=*/"=w,0",
                /*has_side_effects=*/false, /*is_align_stack=*/false,
                LLVM::TailCallKind::None, /*asm_dialect=*/nullptr,
                /*operand_attrs=*/nullptr)
                .getResult(0);
    return join(e, SmallVector<Value>(lanesOf(like) / lanesOf(bytes), bytes));
  }

  static Value products(Emitter &e, Value a, Value b) {
    Type i16 = e.getBuilder().getI16Type();
    return e.mul(e.convert(a, i16), e.convert(b, i16));
  }

  /// Sums of two neighbouring i16 lanes of a register, in i32.
  static Value widenPairs(Emitter &e, Value words) {
    return callIntrinsic(e, "llvm.aarch64.neon.saddlp.v4i32.v8i16",
                         e.vecType(e.i32Type(), kRegisterLanes), {words});
  }

  /// Sums of two neighbouring lanes of all registers.
  static Value addNeighbours(Emitter &e, Value lanes) {
    auto type = cast<VectorType>(lanes.getType());
    int64_t perRegister = 128 / type.getElementTypeBitWidth();
    SmallVector<Value> parts =
        split(e, lanes, type.getNumElements() / perRegister);
    SmallVector<Value> sums;
    StringRef name = perRegister == 4 ? "llvm.aarch64.neon.addp.v4i32"
                                      : "llvm.aarch64.neon.addp.v8i16";
    for (size_t i = 0; i < parts.size(); i += 2)
      sums.push_back(
          callIntrinsic(e, name, parts[i].getType(), {parts[i], parts[i + 1]}));
    return join(e, std::move(sums));
  }

  /// Sums of four neighbouring i16 lanes, in i32.
  static Value addFours(Emitter &e, Value words) {
    SmallVector<Value> parts = split(e, words, lanesOf(words) / 8);
    for (Value &part : parts)
      part = widenPairs(e, part);
    return addNeighbours(e, join(e, std::move(parts)));
  }

  /// acc and the products of four signed bytes: neighbours fit in 16 bits.
  static Value addPairs(Emitter &e, Value acc, Value w, Value x) {
    Value pairs = addNeighbours(e, products(e, w, broadcastInputs(e, x, w)));
    return forRegisters(e, acc, pairs, lanesOf(acc) / kRegisterLanes,
                        [&](Value sum, Value terms) {
                          return e.add(sum, widenPairs(e, terms));
                        });
  }
};

} // namespace

std::unique_ptr<VectorIsa>
gemcut::targets::createAArch64Isa(const IsaLevel &level) {
  if (level.hasBf16Dot)
    return std::make_unique<I8mmIsa>(level);
  if (level.hasVnni)
    return std::make_unique<DotProdIsa>(level);
  return std::make_unique<NeonIsa>(level);
}
