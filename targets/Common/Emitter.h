//===- Emitter.h - Writes vector code, one line per operation ---*- C++ -*-===//
//
// Kernel builders write arith, scf, vector and LLVM-pointer operations through
// this class, so that a builder reads like the loop it makes. Vectors have 16
// lanes of 32 bits (kLanes) or any smaller static count for tails; a target
// with narrower registers splits them. Addresses are `!llvm.ptr` plus bytes.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_EMITTER_H
#define GEMCUT_TARGETS_COMMON_EMITTER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace gemcut::targets {

/// f32 lanes of a full vector: one zmm, two ymm or four NEON registers.
inline constexpr int64_t kLanes = 16;

class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return loc; }
  void setLoc(mlir::Location newLoc) { loc = newLoc; }

  //===--------------------------------------------------------------------===//
  // Types and constants
  //===--------------------------------------------------------------------===//
  mlir::Type ptrType();
  mlir::Type f32Type() { return builder.getF32Type(); }
  mlir::Type i32Type() { return builder.getI32Type(); }
  mlir::Type i64Type() { return builder.getI64Type(); }
  mlir::VectorType vecType(mlir::Type element, int64_t lanes = kLanes);

  mlir::Value i64(int64_t value);
  mlir::Value i32(int32_t value);
  mlir::Value f32(float value);
  /// A vector constant with one value in all lanes.
  mlir::Value splat(float value, int64_t lanes = kLanes);
  mlir::Value splatI32(int32_t value, int64_t lanes = kLanes);
  mlir::Value splatByte(int8_t value, int64_t bytes = 4 * kLanes);
  /// {0, 1, 2, ...} as i32.
  mlir::Value iota(int64_t lanes = kLanes);
  /// A scalar in all lanes.
  mlir::Value broadcast(mlir::Value scalar, int64_t lanes = kLanes);
  mlir::Value zeros(mlir::Type type);

  //===--------------------------------------------------------------------===//
  // Scalars and lanes: integers or floats, scalars or vectors, by type
  //===--------------------------------------------------------------------===//
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, i64(b)); }
  mlir::Value sub(mlir::Value a, int64_t b) { return sub(a, i64(b)); }
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, i64(b)); }
  mlir::Value divF(mlir::Value a, mlir::Value b);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  /// Unsigned division and remainder of i64 by a positive number.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b) { return div(a, i64(b)); }
  mlir::Value rem(mlir::Value a, int64_t b) { return rem(a, i64(b)); }
  /// ceil(a / b) for non-negative a.
  mlir::Value ceilDiv(mlir::Value a, int64_t b);
  /// Signed i64 minimum and maximum; on floats the ordered ones (a NaN in `a`
  /// gives `b`), which are single instructions.
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// Signed (or ordered float) comparisons.
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value lessEqual(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  /// True if a lane of a mask is.
  mlir::Value any(mlir::Value mask);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value bitAnd(mlir::Value a, mlir::Value b);
  mlir::Value bitOr(mlir::Value a, mlir::Value b);
  mlir::Value bitXor(mlir::Value a, mlir::Value b);
  mlir::Value shiftLeft(mlir::Value a, int64_t bits);
  mlir::Value shiftRight(mlir::Value a, int64_t bits); ///< logical
  mlir::Value sqrt(mlir::Value a);
  mlir::Value abs(mlir::Value a);
  /// Nearest integer, ties to even.
  mlir::Value roundEven(mlir::Value a);

  //===--------------------------------------------------------------------===//
  // Conversions. The element type changes, the shape stays.
  //===--------------------------------------------------------------------===//
  mlir::Value toI64(mlir::Value i32Value); ///< sign-extends
  mlir::Value toF32(mlir::Value value);    ///< from signed integers and f16/f64
  mlir::Value toI32(mlir::Value f32Value); ///< truncates
  mlir::Value convert(mlir::Value value, mlir::Type element);
  mlir::Value bitcast(mlir::Value value, mlir::Type type);
  /// bf16 bits in the low (high) halves of i32 lanes as f32.
  mlir::Value lowBf16ToF32(mlir::Value i32Lanes);
  mlir::Value highBf16ToF32(mlir::Value i32Lanes);
  /// f32 lanes rounded to nearest-even bf16, as i32 lanes with the bits in the
  /// low half. NaN stays NaN.
  mlir::Value f32ToBf16Bits(mlir::Value f32Lanes);

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//
  mlir::Value at(mlir::Value ptr, mlir::Value bytes);
  mlir::Value at(mlir::Value ptr, int64_t bytes);
  mlir::Value load(mlir::Type type, mlir::Value ptr, int64_t alignment);
  mlir::Value loadF32(mlir::Value ptr) { return load(f32Type(), ptr, 4); }
  mlir::Value loadI32(mlir::Value ptr) { return load(i32Type(), ptr, 4); }
  /// `lanes` f32 values; rows start on 64-byte boundaries, so a full vector at
  /// a multiple of 16 columns is aligned.
  mlir::Value loadVec(mlir::Value ptr, int64_t lanes = kLanes,
                      int64_t alignment = 4);
  void store(mlir::Value value, mlir::Value ptr, int64_t alignment = 4);
  /// Stack storage of the enclosing function, 64-byte aligned.
  mlir::Value stack(int64_t bytes);
  /// Bounds the use of `storage` (of `stack`); storage that is used at other
  /// times may take its place.
  void beginUse(mlir::Value storage);
  void endUse(mlir::Value storage);
  /// Fetches a cache line for reading into all levels.
  void prefetch(mlir::Value ptr);
  /// Fetches a cache line for reading into the second cache.
  void prefetchFar(mlir::Value ptr);
  /// Fetches the cache line that a stream of loads reaches `ahead` bytes behind
  /// `ptr` into the second cache.
  void prefetchStream(mlir::Value ptr, int64_t ahead);
  /// Keeps loads and stores on their side of this point; no instruction.
  void keepOrder();
  /// The value (a pointer or a register's vector), of which LLVM then knows
  /// nothing; no instruction.
  mlir::Value opaque(mlir::Value value);

  //===--------------------------------------------------------------------===//
  // Control flow
  //===--------------------------------------------------------------------===//
  using Values = llvm::SmallVector<mlir::Value>;
  /// for (iv = lo; iv < hi; iv += step) with loop-carried values.
  Values
  loop(mlir::Value lo, mlir::Value hi, int64_t step, mlir::ValueRange initial,
       llvm::function_ref<Values(mlir::Value iv, mlir::ValueRange)> body);
  void loop(mlir::Value lo, mlir::Value hi, int64_t step,
            llvm::function_ref<void(mlir::Value iv)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  void ifElse(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise);
  /// Runs `body(column, lanes, carried)` over `columns` (static) in full
  /// vectors, unrolled `unroll` times, then once for the tail with fewer lanes.
  /// Carried values keep full vectors; see `widen`.
  Values forColumns(int64_t columns, mlir::ValueRange initial,
                    llvm::function_ref<Values(mlir::Value column, int64_t lanes,
                                              mlir::ValueRange)>
                        body);
  void
  forColumns(int64_t columns,
             llvm::function_ref<void(mlir::Value column, int64_t lanes)> body);

  //===--------------------------------------------------------------------===//
  // Lanes across
  //===--------------------------------------------------------------------===//
  mlir::Value reduceAdd(mlir::Value vector);
  mlir::Value reduceMax(mlir::Value vector);
  mlir::Value extract(mlir::Value vector, int64_t lane);
  /// A vector of fewer lanes with zeros appended up to kLanes.
  mlir::Value widen(mlir::Value vector);
  mlir::Value shuffle(mlir::Value a, mlir::Value b,
                      llvm::ArrayRef<int64_t> lanes);

  //===--------------------------------------------------------------------===//
  // Functions, without calls to libm (targets/Common/EmitMath.cpp)
  //===--------------------------------------------------------------------===//
  /// e^x, relative error < 2e-7; 0 below -87, clamped above 88.
  mlir::Value exp(mlir::Value x);
  /// Absolute error < 2e-7.
  mlir::Value tanh(mlir::Value x);
  /// Tanh form of GELU: x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3))).
  mlir::Value gelu(mlir::Value x);
  /// Sine and cosine of f64 lanes up to 2^20 in magnitude, error < 1e-11.
  std::pair<mlir::Value, mlir::Value> sinCos(mlir::Value f64Lanes);

private:
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_EMITTER_H
