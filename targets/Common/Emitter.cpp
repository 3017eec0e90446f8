//===- Emitter.cpp - Writes vector code, one line per operation -----------===//

#include "targets/Common/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace gemcut::targets;

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

/// `element`, or a vector of it in the shape of `like`.
static Type withElement(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return VectorType::get(vector.getShape(), element);
  return element;
}

//===----------------------------------------------------------------------===//
// Types and constants
//===----------------------------------------------------------------------===//

Type Emitter::ptrType() {
  return LLVM::LLVMPointerType::get(builder.getContext());
}

VectorType Emitter::vecType(Type element, int64_t lanes) {
  return VectorType::get({lanes}, element);
}

Value Emitter::i64(int64_t value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getI64IntegerAttr(value));
}

Value Emitter::i32(int32_t value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getI32IntegerAttr(value));
}

Value Emitter::f32(float value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getF32FloatAttr(value));
}

Value Emitter::splat(float value, int64_t lanes) {
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(vecType(f32Type(), lanes), value));
}

Value Emitter::splatI32(int32_t value, int64_t lanes) {
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(vecType(i32Type(), lanes), value));
}

Value Emitter::splatByte(int8_t value, int64_t bytes) {
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(vecType(builder.getI8Type(), bytes), value));
}

Value Emitter::iota(int64_t lanes) {
  SmallVector<int32_t> values(lanes);
  std::iota(values.begin(), values.end(), 0);
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(vecType(i32Type(), lanes),
                             ArrayRef<int32_t>(values)));
}

Value Emitter::broadcast(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(builder, loc,
                                     vecType(scalar.getType(), lanes), scalar);
}

Value Emitter::zeros(Type type) {
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
}

//===----------------------------------------------------------------------===//
// Scalars and lanes
//===----------------------------------------------------------------------===//

Value Emitter::add(Value a, Value b) {
  if (isFloat(a))
    return arith::AddFOp::create(builder, loc, a, b);
  return arith::AddIOp::create(builder, loc, a, b);
}

Value Emitter::sub(Value a, Value b) {
  if (isFloat(a))
    return arith::SubFOp::create(builder, loc, a, b);
  return arith::SubIOp::create(builder, loc, a, b);
}

Value Emitter::mul(Value a, Value b) {
  if (isFloat(a))
    return arith::MulFOp::create(builder, loc, a, b);
  return arith::MulIOp::create(builder, loc, a, b);
}

Value Emitter::divF(Value a, Value b) {
  return arith::DivFOp::create(builder, loc, a, b);
}

Value Emitter::fma(Value a, Value b, Value c) {
  return LLVM::FMAOp::create(builder, loc, a, b, c);
}

Value Emitter::div(Value a, Value b) {
  return arith::DivUIOp::create(builder, loc, a, b);
}

Value Emitter::rem(Value a, Value b) {
  return arith::RemUIOp::create(builder, loc, a, b);
}

Value Emitter::ceilDiv(Value a, int64_t b) { return div(add(a, b - 1), b); }

Value Emitter::min(Value a, Value b) { return select(less(a, b), a, b); }

Value Emitter::max(Value a, Value b) { return select(less(b, a), a, b); }

Value Emitter::less(Value a, Value b) {
  if (isFloat(a))
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, a, b);
}

Value Emitter::lessEqual(Value a, Value b) {
  if (isFloat(a))
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLE, a, b);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, a, b);
}

Value Emitter::equal(Value a, Value b) {
  if (isFloat(a))
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, a, b);
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
}

Value Emitter::any(Value mask) {
  return vector::ReductionOp::create(builder, loc, vector::CombiningKind::OR,
                                     mask);
}

Value Emitter::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

Value Emitter::bitAnd(Value a, Value b) {
  return arith::AndIOp::create(builder, loc, a, b);
}

Value Emitter::bitOr(Value a, Value b) {
  return arith::OrIOp::create(builder, loc, a, b);
}

Value Emitter::bitXor(Value a, Value b) {
  return arith::XOrIOp::create(builder, loc, a, b);
}

/// An integer constant of `type`, scalar or splat.
static Value intConstant(OpBuilder &builder, Location loc, Type type,
                         int64_t value) {
  Attribute scalar = builder.getIntegerAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(vector, scalar));
  return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(scalar));
}

Value Emitter::shiftLeft(Value a, int64_t bits) {
  return arith::ShLIOp::create(builder, loc, a,
                               intConstant(builder, loc, a.getType(), bits));
}

Value Emitter::shiftRight(Value a, int64_t bits) {
  return arith::ShRUIOp::create(builder, loc, a,
                                intConstant(builder, loc, a.getType(), bits));
}

Value Emitter::sqrt(Value a) { return LLVM::SqrtOp::create(builder, loc, a); }

Value Emitter::abs(Value a) { return LLVM::FAbsOp::create(builder, loc, a); }

Value Emitter::roundEven(Value a) {
  return LLVM::RoundEvenOp::create(builder, loc, a);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value Emitter::toI64(Value value) {
  return arith::ExtSIOp::create(builder, loc,
                                withElement(value.getType(), i64Type()), value);
}

Value Emitter::toF32(Value value) { return convert(value, f32Type()); }

Value Emitter::toI32(Value value) { return convert(value, i32Type()); }

Value Emitter::convert(Value value, Type element) {
  Type from = getElementTypeOrSelf(value.getType());
  Type to = withElement(value.getType(), element);
  if (from == element)
    return value;
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(element);
  bool wider = element.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth();
  if (fromFloat && toFloat)
    return wider ? Value(arith::ExtFOp::create(builder, loc, to, value))
                 : Value(arith::TruncFOp::create(builder, loc, to, value));
  if (fromFloat)
    return arith::FPToSIOp::create(builder, loc, to, value);
  if (toFloat)
    return arith::SIToFPOp::create(builder, loc, to, value);
  return wider ? Value(arith::ExtSIOp::create(builder, loc, to, value))
               : Value(arith::TruncIOp::create(builder, loc, to, value));
}

Value Emitter::bitcast(Value value, Type type) {
  return LLVM::BitcastOp::create(builder, loc, type, value);
}

Value Emitter::lowBf16ToF32(Value lanes) {
  return bitcast(shiftLeft(lanes, 16), withElement(lanes.getType(), f32Type()));
}

Value Emitter::highBf16ToF32(Value lanes) {
  Value mask = intConstant(builder, loc, lanes.getType(), int32_t(0xFFFF0000));
  return bitcast(bitAnd(lanes, mask), withElement(lanes.getType(), f32Type()));
}

Value Emitter::f32ToBf16Bits(Value lanes) {
  Type ints = withElement(lanes.getType(), i32Type());
  Value bits = bitcast(lanes, ints);
  Value odd = bitAnd(shiftRight(bits, 16), intConstant(builder, loc, ints, 1));
  Value bias = add(odd, intConstant(builder, loc, ints, 0x7FFF));
  Value rounded = shiftRight(add(bits, bias), 16);
  Value isNan = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO,
                                      lanes, lanes);
  Value quiet =
      bitOr(shiftRight(bits, 16), intConstant(builder, loc, ints, 0x40));
  return select(isNan, quiet, rounded);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Emitter::at(Value ptr, Value bytes) {
  return LLVM::GEPOp::create(builder, loc, ptrType(), builder.getI8Type(), ptr,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value Emitter::at(Value ptr, int64_t bytes) {
  return bytes ? at(ptr, i64(bytes)) : ptr;
}

Value Emitter::load(Type type, Value ptr, int64_t alignment) {
  return LLVM::LoadOp::create(builder, loc, type, ptr, unsigned(alignment));
}

Value Emitter::loadVec(Value ptr, int64_t lanes, int64_t alignment) {
  return load(vecType(f32Type(), lanes), ptr, alignment);
}

void Emitter::store(Value value, Value ptr, int64_t alignment) {
  LLVM::StoreOp::create(builder, loc, value, ptr, unsigned(alignment));
}

Value Emitter::stack(int64_t bytes) {
  // In the entry block, so that a stage in a loop does not grow the stack.
  Block *block = builder.getInsertionBlock();
  while (!isa<func::FuncOp>(block->getParentOp()))
    block = block->getParentOp()->getBlock();
  auto function = cast<func::FuncOp>(block->getParentOp());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.getBody().front());
  Value count = i64(bytes);
  return LLVM::AllocaOp::create(builder, loc, ptrType(), builder.getI8Type(),
                                count, /*alignment=*/64);
}

void Emitter::beginUse(Value storage) {
  LLVM::LifetimeStartOp::create(builder, loc, storage);
}

void Emitter::endUse(Value storage) {
  LLVM::LifetimeEndOp::create(builder, loc, storage);
}

void Emitter::prefetch(Value ptr) {
  LLVM::Prefetch::create(builder, loc, ptr, /*rw=*/0, /*hint=*/3, /*cache=*/1);
}

void Emitter::prefetchFar(Value ptr) {
  LLVM::Prefetch::create(builder, loc, ptr, /*rw=*/0, /*hint=*/2, /*cache=*/1);
}

void Emitter::prefetchStream(Value ptr, int64_t ahead) {
  prefetchFar(at(ptr, ahead));
}

void Emitter::keepOrder() {
  LLVM::FenceOp::create(builder, loc, LLVM::AtomicOrdering::seq_cst,
                        "singlethread");
}

Value Emitter::opaque(Value value) {
  return LLVM::InlineAsmOp::create(
             builder, loc, value.getType(), ValueRange{value},
             /*asm_string=*/"",
             isa<VectorType>(value.getType()) ? "=w,0" : "=r,0",
             /*has_side_effects=*/false, /*is_align_stack=*/false,
             LLVM::TailCallKind::None, /*asm_dialect=*/nullptr,
             /*operand_attrs=*/nullptr)
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

Emitter::Values Emitter::loop(Value lo, Value hi, int64_t step,
                              ValueRange initial,
                              function_ref<Values(Value, ValueRange)> body) {
  auto forOp = scf::ForOp::create(
      builder, loc, lo, hi, i64(step), initial,
      [&](OpBuilder &nested, Location nestedLoc, Value iv, ValueRange carried) {
        OpBuilder::InsertionGuard guard(builder);
        builder.restoreInsertionPoint(nested.saveInsertionPoint());
        Values results = body(iv, carried);
        scf::YieldOp::create(builder, nestedLoc, results);
      });
  return Values(forOp.getResults());
}

void Emitter::loop(Value lo, Value hi, int64_t step,
                   function_ref<void(Value)> body) {
  loop(lo, hi, step, {}, [&](Value iv, ValueRange) -> Values {
    body(iv);
    return {};
  });
}

void Emitter::ifThen(Value condition, function_ref<void()> body) {
  ifElse(condition, body, [] {});
}

void Emitter::ifElse(Value condition, function_ref<void()> then,
                     function_ref<void()> otherwise) {
  auto fill = [&](function_ref<void()> body) {
    return [&, body](OpBuilder &nested, Location nestedLoc) {
      OpBuilder::InsertionGuard guard(builder);
      builder.restoreInsertionPoint(nested.saveInsertionPoint());
      body();
      scf::YieldOp::create(builder, nestedLoc);
    };
  };
  scf::IfOp::create(builder, loc, condition, fill(then), fill(otherwise));
}

Emitter::Values
Emitter::forColumns(int64_t columns, ValueRange initial,
                    function_ref<Values(Value, int64_t, ValueRange)> body) {
  int64_t full = columns / kLanes * kLanes;
  Values carried(initial);
  if (full == kLanes)
    carried = body(i64(0), kLanes, carried);
  else if (full)
    carried = loop(i64(0), i64(full), kLanes, carried,
                   [&](Value column, ValueRange values) {
                     return body(column, kLanes, values);
                   });
  if (columns > full)
    carried = body(i64(full), columns - full, carried);
  return carried;
}

void Emitter::forColumns(int64_t columns,
                         function_ref<void(Value, int64_t)> body) {
  forColumns(columns, {},
             [&](Value column, int64_t lanes, ValueRange) -> Values {
               body(column, lanes);
               return {};
             });
}

//===----------------------------------------------------------------------===//
// Lanes across
//===----------------------------------------------------------------------===//

/// `combine` of the lower and the upper half of a vector, until a lane is left:
/// the same order of float sums at each level, whatever instructions it has.
static Value reduceHalves(Emitter &e, Value vector,
                          function_ref<Value(Value, Value)> combine) {
  auto lanes = cast<VectorType>(vector.getType()).getNumElements();
  assert((lanes & (lanes - 1)) == 0 && "halves of halves need a power of two");
  while (lanes > 1) {
    lanes /= 2;
    SmallVector<int64_t> low(lanes), high(lanes);
    std::iota(low.begin(), low.end(), 0);
    std::iota(high.begin(), high.end(), lanes);
    vector = combine(e.shuffle(vector, vector, low),
                     e.shuffle(vector, vector, high));
  }
  return e.extract(vector, 0);
}

Value Emitter::reduceAdd(Value vector) {
  if (isa<FloatType>(getElementTypeOrSelf(vector.getType())))
    return reduceHalves(*this, vector,
                        [&](Value low, Value high) { return add(low, high); });
  return vector::ReductionOp::create(builder, loc, vector::CombiningKind::ADD,
                                     vector);
}

Value Emitter::reduceMax(Value vector) {
  // Halves are compared by select, a single instruction without NaN handling.
  auto lanes = cast<VectorType>(vector.getType()).getNumElements();
  if (lanes & (lanes - 1))
    vector = shuffle(vector, vector, [&] {
      SmallVector<int64_t> indices;
      for (int64_t i = 0; i < kLanes; ++i)
        indices.push_back(i < lanes ? i : 0);
      return indices;
    }());
  return reduceHalves(*this, vector,
                      [&](Value low, Value high) { return max(low, high); });
}

Value Emitter::extract(Value vector, int64_t lane) {
  return vector::ExtractOp::create(builder, loc, vector, lane);
}

Value Emitter::widen(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  int64_t lanes = type.getNumElements();
  if (lanes == kLanes)
    return vector;
  SmallVector<int64_t> indices;
  for (int64_t i = 0; i < kLanes; ++i)
    indices.push_back(i < lanes ? i : lanes);
  return shuffle(vector, zeros(type), indices);
}

Value Emitter::shuffle(Value a, Value b, ArrayRef<int64_t> lanes) {
  return vector::ShuffleOp::create(builder, loc, a, b, lanes);
}
