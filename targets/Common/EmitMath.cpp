//===- EmitMath.cpp - Elementary functions without libm -------------------===//
//
// Vector intrinsics for exp and tanh become scalar calls to libm, so they are
// written as polynomials once here, for every target.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Emitter.h"
#include "targets/Common/VectorParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gemcut::targets;

namespace {
/// Horner's scheme, highest coefficient first, in the element type of x.
Value polynomial(Emitter &e, Value x, ArrayRef<double> coefficients) {
  auto type = cast<VectorType>(x.getType());
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(
        e.getBuilder(), e.getLoc(),
        DenseElementsAttr::get(type, Attribute(e.getBuilder().getFloatAttr(
                                         type.getElementType(), value))));
  };
  Value result = constant(coefficients.front());
  for (double coefficient : coefficients.drop_front())
    result = e.fma(result, x, constant(coefficient));
  return result;
}
} // namespace

Value Emitter::exp(Value x) {
  // x = n ln2 + r with |r| <= ln2 / 2; e^x = 2^n e^r. The split of ln2 and the
  // polynomial are those of Cephes' expf.
  int64_t lanes = lanesOf(x);
  Value tiny = less(x, splat(-87.0f, lanes));
  Value clamped = min(max(x, splat(-87.0f, lanes)), splat(88.0f, lanes));
  Value n = roundEven(mul(clamped, splat(1.44269504088896341f, lanes)));
  Value r = fma(n, splat(-0.693359375f, lanes), clamped);
  r = fma(n, splat(2.12194440e-4f, lanes), r);
  Value p = polynomial(*this, r,
                       {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                        4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  Value y = add(fma(p, mul(r, r), r), splat(1.0f, lanes));
  Value power = shiftLeft(add(toI32(n), splatI32(127, lanes)), 23);
  Value result = mul(y, bitcast(power, x.getType()));
  return select(tiny, splat(0.0f, lanes), result);
}

Value Emitter::tanh(Value x) {
  // With t = e^(-2|x|): tanh|x| = (1 - t) / (1 + t).
  int64_t lanes = lanesOf(x);
  Value one = splat(1.0f, lanes);
  Value t = exp(mul(abs(x), splat(-2.0f, lanes)));
  Value magnitude = divF(sub(one, t), add(one, t));
  Value result = select(less(x, splat(0.0f, lanes)),
                        sub(splat(0.0f, lanes), magnitude), magnitude);
  // exp takes NaN for a number. Logits that overflowed must not pass for some.
  return select(lessEqual(x, x), result, x);
}

Value Emitter::gelu(Value x) {
  // 1 + tanh(z) = 2 / (1 + e^(-2z)), so no cancellation for either sign.
  int64_t lanes = lanesOf(x);
  // -2 sqrt(2/pi) and -2 sqrt(2/pi) * 0.044715.
  Value cubic = fma(mul(x, x), splat(-0.0713548162726f, lanes),
                    splat(-1.5957691216057f, lanes));
  Value t = exp(mul(x, cubic));
  return divF(x, add(splat(1.0f, lanes), t));
}

std::pair<Value, Value> Emitter::sinCos(Value x) {
  // x = q pi/2 + r, |r| <= pi/4, with pi/2 in three parts (Cody and Waite);
  // then Taylor series, which at |r| <= 0.786 need terms up to r^15 and r^14.
  auto type = cast<VectorType>(x.getType());
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(type,
                               Attribute(builder.getF64FloatAttr(value))));
  };
  Value q = roundEven(mul(x, constant(0.63661977236758134308)));
  Value r = fma(q, constant(-1.57079632673412561417e+00), x);
  r = fma(q, constant(-6.07710050630396597660e-11), r);
  r = fma(q, constant(-2.02226624879595063154e-21), r);
  Value r2 = mul(r, r);
  Value sinPart = mul(
      polynomial(*this, r2,
                 {-1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0,
                  1.0 / 362880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0}),
      r);
  Value cosPart =
      polynomial(*this, r2,
                 {-1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0,
                  1.0 / 40320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0});
  // Quadrant q mod 4: (s, c), (c, -s), (-s, -c), (-c, s).
  Value quadrant = convert(q, i64Type());
  auto integer = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(cast<VectorType>(quadrant.getType()),
                               Attribute(builder.getI64IntegerAttr(value))));
  };
  Value swap = equal(bitAnd(quadrant, integer(1)), integer(1));
  Value zero = constant(0.0);
  Value sine = select(swap, cosPart, sinPart);
  Value cosine = select(swap, sinPart, cosPart);
  Value negateSine = equal(bitAnd(quadrant, integer(2)), integer(2));
  Value negateCosine =
      equal(bitAnd(add(quadrant, integer(1)), integer(2)), integer(2));
  sine = select(negateSine, sub(zero, sine), sine);
  cosine = select(negateCosine, sub(zero, cosine), cosine);
  return {sine, cosine};
}
