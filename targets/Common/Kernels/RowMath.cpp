//===- RowMath.cpp - What stages on rows share ----------------------------===//

#include "targets/Common/Kernels/RowMath.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

/// Independent sums: an addition takes 4 cycles and two can start in each, but
/// loads limit these loops before eight sums would pay.
static constexpr int64_t kSums = 4;

void gemcut::targets::forRows(StageEmitter &e, Value rows,
                              kernel::PartitionAttr partition,
                              function_ref<void(Value)> body) {
  int64_t size = partition.getSize();
  if (size == 1)
    return e.forChunks(rows, body);
  e.forChunks(e.ceilDiv(rows, size), [&](Value chunk) {
    Value begin = e.mul(chunk, size);
    e.loop(begin, e.min(e.add(begin, size), rows), 1, body);
  });
}

Value gemcut::targets::sumColumns(
    Emitter &e, int64_t columns,
    function_ref<Value(Value, int64_t, Value)> body) {
  constexpr int64_t kStep = kSums * kLanes;
  int64_t full = columns / kStep * kStep;
  Emitter::Values sums(kSums, e.splat(0.0f));
  if (full)
    sums = e.loop(e.i64(0), e.i64(full), kStep, sums,
                  [&](Value column, ValueRange carried) {
                    Emitter::Values next;
                    for (int64_t i = 0; i < kSums; ++i)
                      next.push_back(
                          body(e.add(column, i * kLanes), kLanes, carried[i]));
                    return next;
                  });
  for (int64_t column = full, i = 0; column < columns; column += kLanes, ++i)
    sums[i] = body(e.i64(column), std::min(kLanes, columns - column), sums[i]);
  Value total = e.add(e.add(sums[0], sums[1]), e.add(sums[2], sums[3]));
  return e.reduceAdd(total);
}

Value gemcut::targets::addSquare(Emitter &e, Value value, Value sum) {
  Value wide = e.widen(value);
  return e.fma(wide, wide, sum);
}

Value gemcut::targets::inverseRms(Emitter &e, Value sumOfSquares,
                                  int64_t columns, float eps) {
  Value mean = e.divF(sumOfSquares, e.f32(float(columns)));
  return e.divF(e.f32(1.0f), e.sqrt(e.add(mean, e.f32(eps))));
}

Value gemcut::targets::rowInverseRms(Emitter &e, Value source, int64_t columns,
                                     float eps) {
  Value squares =
      sumColumns(e, columns, [&](Value column, int64_t lanes, Value sum) {
        return addSquare(e, loadColumns(e, source, column, lanes), sum);
      });
  return inverseRms(e, squares, columns, eps);
}

Value gemcut::targets::largestMagnitude(Emitter &e, Value source,
                                        int64_t columns) {
  Value most = e.forColumns(
      columns, {e.splat(0.0f)},
      [&](Value column, int64_t lanes, ValueRange carried) -> Emitter::Values {
        Value x = e.abs(loadColumns(e, source, column, lanes));
        return {e.max(e.widen(x), carried[0])};
      })[0];
  return e.reduceMax(most);
}

Int8Scale gemcut::targets::int8Scale(Emitter &e, Value magnitude) {
  Value scale = e.mul(magnitude, e.f32(1.0f / 127.0f));
  // Below this the reciprocal would overflow.
  Value isZero = e.less(magnitude, e.f32(1e-30f));
  return {scale, e.select(isZero, e.f32(0.0f), e.divF(e.f32(1.0f), scale))};
}

Value gemcut::targets::quantizeLanes(Emitter &e, Value x, Value inverse) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  return e.toI32(e.roundEven(e.mul(x, e.broadcast(inverse, lanes))));
}

Value gemcut::targets::loadColumns(Emitter &e, Value base, Value column,
                                   int64_t lanes) {
  return e.loadVec(e.at(base, e.mul(column, 4)), lanes);
}

void gemcut::targets::storeColumns(Emitter &e, Value value, Value base,
                                   Value column) {
  e.store(value, e.at(base, e.mul(column, 4)));
}
