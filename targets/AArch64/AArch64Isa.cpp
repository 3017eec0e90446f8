//===- AArch64Isa.cpp - Instructions of AArch64 levels --------------------===//
//
// The baseline's dot products, and which level has which.
//
//===----------------------------------------------------------------------===//

#include "targets/AArch64/AArch64Isa.h"

#include "targets/AArch64/DotProdIsa.h"
#include "targets/AArch64/Registers.h"
#include "targets/AArch64/SveIsa.h"
#include "targets/Common/Intrinsics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gemcut::targets;

namespace {

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
  static Value shiftRightSigned(Emitter &e, Value bytes, int8_t bits) {
    return arith::ShRSIOp::create(e.getBuilder(), e.getLoc(), bytes,
                                  e.splatByte(bits, lanesOf(bytes)));
  }

  /// The bytes of x, repeated over those of `like`. LLVM must not know that
  /// their halves are equal: only halves of a register are operands of smull2.
  static Value broadcastInputs(Emitter &e, Value x, Value like) {
    Value bytes = e.opaque(broadcastBytes(e, x));
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
  if (level.hasSve)
    return std::make_unique<SveLevelIsa>(level);
  if (level.hasBf16Dot)
    return std::make_unique<I8mmIsa>(level);
  if (level.hasVnni)
    return std::make_unique<DotProdIsa>(level);
  return std::make_unique<NeonIsa>(level);
}
