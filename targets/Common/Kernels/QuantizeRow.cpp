//===- QuantizeRow.cpp - f32 rows to q8 and u8 ----------------------------===//
//
// Layout and rounding: "q8" and "u8" in runtime/abi/packed_layout.h, !gemma.q8
// and !gemma.u8.
//
//===----------------------------------------------------------------------===//

#include "runtime/abi/packed_layout.h"
#include "targets/Common/Kernels/RowMath.h"

#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

static constexpr int kMantissaBits = 23;

/// Bits of the least power of two, GEMCUT_Q8_LEAST_SCALE or more, under which
/// `magnitude` rounds to 127 or less.
static Value powerOfTwoScale(Emitter &e, Value magnitude) {
  Value least = e.mul(magnitude, e.f32(1.0f / GEMCUT_Q8_LARGEST_QUOTIENT));
  Value bits = e.bitcast(least, e.i32Type());
  bits = e.add(bits, e.i32((1 << kMantissaBits) - 1));
  bits = e.bitAnd(bits, e.i32(0xFF << kMantissaBits));
  return e.max(bits, e.i32(llvm::bit_cast<int32_t>(GEMCUT_Q8_LEAST_SCALE)));
}

void gemcut::targets::emitQuantizeGroup(Emitter &e, Value low, Value high,
                                        Value target, Value group,
                                        int64_t columns) {
  Value magnitude = e.reduceMax(e.max(e.abs(low), e.abs(high)));
  Value scale = powerOfTwoScale(e, magnitude);
  // 2^-e has the exponent field 254 - (e + 127).
  Value inverse =
      e.bitcast(e.sub(e.i32(254 << kMantissaBits), scale), e.f32Type());
  Value factor = e.broadcast(inverse);
  Value lowInts = e.toI32(e.roundEven(e.mul(low, factor)));
  Value highInts = e.toI32(e.roundEven(e.mul(high, factor)));
  Type i8 = e.getBuilder().getI8Type();
  Value quants = e.at(target, e.mul(group, GEMCUT_GROUP));
  e.store(e.convert(lowInts, i8), quants, 16);
  e.store(e.convert(highInts, i8), e.at(quants, kLanes), 16);
  Value slot = e.mul(group, 4);
  e.store(scale, e.at(e.at(target, gemcut_q8_scales_offset(columns)), slot));
  Value sum = e.reduceAdd(e.add(lowInts, highInts));
  e.store(e.mul(sum, e.i32(-8)),
          e.at(e.at(target, gemcut_q8_corrections_offset(columns)), slot));
}

void gemcut::targets::emitZeroPaddingGroup(Emitter &e, Value target,
                                           int64_t columns) {
  int64_t padded = gemcut_q8_scales_offset(columns);
  if (padded == columns)
    return;
  int64_t group = columns / GEMCUT_GROUP;
  Value zero = e.zeros(e.vecType(e.i32Type(), 8));
  e.store(zero, e.at(target, columns), 4);
  e.store(e.f32(GEMCUT_Q8_LEAST_SCALE),
          e.at(target, gemcut_q8_scales_offset(columns) + 4 * group));
  e.store(e.i32(0),
          e.at(target, gemcut_q8_corrections_offset(columns) + 4 * group));
}

void gemcut::targets::emitQuantizeRow(Emitter &e, Value source, Value target,
                                      int64_t columns) {
  e.loop(e.i64(0), e.i64(columns / GEMCUT_GROUP), 1, [&](Value group) {
    Value values = e.at(source, e.mul(group, 4 * GEMCUT_GROUP));
    emitQuantizeGroup(e, e.loadVec(values), e.loadVec(e.at(values, 4 * kLanes)),
                      target, group, columns);
  });
  emitZeroPaddingGroup(e, target, columns);
}

Value gemcut::targets::emitRoundInt8(Emitter &e, Value x, Value scale) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  Value rounded = e.roundEven(e.divF(x, scale));
  return e.max(e.min(rounded, e.splat(127.0f, lanes)), e.splat(-128.0f, lanes));
}

void gemcut::targets::emitQuantizeRowU8(Emitter &e, Value source, Value target,
                                        int64_t columns, Value scale) {
  Value rowScale = scale, inverse, divisor;
  if (scale) {
    divisor = e.broadcast(scale);
  } else {
    Int8Scale own = int8Scale(e, largestMagnitude(e, source, columns));
    rowScale = own.scale;
    inverse = own.inverse;
  }
  e.loop(e.i64(0), e.i64(columns), kLanes, [&](Value column) {
    Value x = loadColumns(e, source, column);
    Value quants = scale ? e.toI32(emitRoundInt8(e, x, divisor))
                         : quantizeLanes(e, x, inverse);
    Value shifted = e.add(quants, e.splatI32(128));
    e.store(e.convert(shifted, e.getBuilder().getI8Type()),
            e.at(target, column), 16);
  });
  e.store(rowScale, e.at(target, gemcut_u8_scale_offset(columns)));
}
