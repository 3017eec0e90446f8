//===- RowScaleParts.cpp - What products under row scales share -----------===//

#include "targets/Common/Kernels/RowScaleParts.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

SmallVector<Field> gemcut::targets::fieldsOf(int64_t bits, int64_t run) {
  int64_t vectors = bits * kRunColumns / 32; // in a run
  SmallVector<Field> fields;
  for (int64_t v = 0; v < vectors; ++v)
    for (int64_t i = 0; i < 8 / bits; ++i) {
      int64_t vector = run * vectors + v;
      int64_t column = bits == 2   ? 16 * i + 4 * vector
                       : bits == 4 ? 32 * run + 16 * i + 4 * v
                                   : 4 * vector;
      fields.push_back({vector, i, column});
    }
  return fields;
}

static int64_t rowBlockBytes(const MicroKernelShape &shape) {
  return kBlockColumns * GEMCUT_TILE_ROWS *
         gemcut_row_format_bits(toAbi(shape.format)) / 8;
}

/// Whole blocks, so that none is fetched from two tiles.
static int64_t blocksAhead(const VectorIsa &isa,
                           const MicroKernelShape &shape) {
  return isa.getTileStreamAhead() / rowBlockBytes(shape);
}

Value gemcut::targets::aheadOfBlock(Emitter &e, const VectorIsa &isa,
                                    const MicroKernelShape &shape,
                                    Value block) {
  if (shape.tiles == 1)
    return e.i64(isa.getStreamAhead());
  int64_t blocks = blocksAhead(isa, shape);
  int64_t own = blocks * rowBlockBytes(shape);
  int64_t tileBytes = gemcut_tile_bytes(toAbi(shape.format), shape.columns);
  Value isInside =
      e.lessEqual(block, e.i64(blocksOf(shape.columns) - 1 - blocks));
  return e.select(isInside, e.i64(own),
                  e.i64(own + (shape.tiles - 1) * tileBytes));
}

void gemcut::targets::fetchBehindHeaders(Emitter &e, const VectorIsa &isa,
                                         const MicroKernelShape &shape,
                                         Value tiles) {
  if (shape.tiles == 1)
    return;
  int64_t own = blocksAhead(isa, shape) * rowBlockBytes(shape);
  int64_t tileBytes = gemcut_tile_bytes(toAbi(shape.format), shape.columns);
  for (int64_t t = 0; t < shape.tiles; ++t)
    for (int64_t line = 0; line < kHeaderBytes; line += kVectorBytes)
      e.prefetchFar(e.at(tiles, t * tileBytes + own + line));
}

void RowScaleResults::store(ValueRange sums) {
  int64_t parts = kLanes / lanes;
  for (int64_t t = 0; t < shape.tiles; ++t)
    for (int64_t p = 0; p < parts; ++p) {
      SmallVector<Value> rows;
      for (int64_t m = 0; m < shape.rows; ++m)
        rows.push_back(sums[(m * shape.tiles + t) * parts + p]);
      storePart(rows, t, 4 * lanes * p);
    }
}

void RowScaleResults::storePart(ArrayRef<Value> sums, int64_t tile,
                                int64_t offset) {
  Value header = e.at(headers, tile * tileBytes + offset);
  Value scales = e.loadVec(e.at(header, kScales), lanes, 4 * lanes);
  if (sumShift)
    scales = e.mul(scales, e.splat(1.0f / float(1 << sumShift), lanes));
  SmallVector<Value> results;
  for (int64_t m = 0; m < shape.rows; ++m) {
    Value inputScale = e.loadF32(e.at(
        x, m * shape.inputRowBytes + gemcut_u8_scale_offset(shape.columns)));
    results.push_back(
        e.mul(e.toF32(sums[m]), e.mul(scales, e.broadcast(inputScale, lanes))));
  }
  int64_t target = tile * kVectorBytes + offset;
  Value rounding = e.at(header, kOutputScales);
  e.ifElse(
      e.equal(e.loadF32(rounding), e.f32(0.0f)),
      [&] { storeRows(results, target); },
      [&] {
        Value scale = e.loadVec(rounding, lanes, 4 * lanes);
        for (Value &result : results)
          result = e.mul(emitRoundInt8(e, result, scale), scale);
        storeRows(results, target);
      });
}

void RowScaleResults::storeRows(ArrayRef<Value> results, int64_t offset) {
  for (int64_t m = 0; m < shape.rows; ++m)
    e.store(results[m], e.at(y, e.add(e.mul(yStride, m), offset)), 4 * lanes);
}
