//===- Norms.cpp - rms_norm, residual_norm, ple_inputs, quantize ----------===//
//
// Formulas: the ops of the same name in dialects/Gemma. Sums of squares are f32. A
// row stays in L1 between the sum and its use.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/packed_layout.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

/// A column range of a norm: x * inverse * weight.
struct Scaling {
  Value source;  ///< first column of the group
  Value inverse; ///< f32
  Value weight;  ///< of the group; null: all ones

  Value apply(Emitter &e, Value column, int64_t lanes = kLanes) const {
    Value x = e.mul(loadColumns(e, source, column, lanes),
                    e.broadcast(inverse, lanes));
    return weight ? e.mul(x, loadColumns(e, weight, column, lanes)) : x;
  }
};

bool isQuantizedBuffer(TypedValue<kernel::BufferType> buffer) {
  return buffer.getType().getElement() == kernel::Element::Q8;
}

bool isU8Buffer(TypedValue<kernel::BufferType> buffer) {
  return buffer.getType().getElement() == kernel::Element::U8;
}

/// Quantizes `columns` scaled columns to the q8 groups from `firstGroup` (i64)
/// of a row of `rowColumns` columns. `columns` is a multiple of 32.
void quantizeScaled(Emitter &e, const Scaling &scaling, int64_t columns,
                    Value target, Value firstGroup, int64_t rowColumns) {
  e.loop(e.i64(0), e.i64(columns / GEMCUT_GROUP), 1, [&](Value group) {
    Value column = e.mul(group, GEMCUT_GROUP);
    emitQuantizeGroup(e, scaling.apply(e, column),
                      scaling.apply(e, e.add(column, kLanes)), target,
                      e.add(firstGroup, group), rowColumns);
  });
}

} // namespace

void gemcut::targets::buildRmsNorm(StageEmitter &e, kernel::RmsNormOp op) {
  int64_t columns = op.getInput().getType().getColumns();
  int64_t group = op.getGroup(), groups = columns / group;
  float eps = op.getEps().convertToFloat();
  Value weight = op.getWeight() ? e.get(op.getWeight()) : Value();
  bool quantized = isQuantizedBuffer(op.getOutput());
  bool wholeGroups = group % GEMCUT_GROUP == 0;
  bool u8 = isU8Buffer(op.getOutput());
  // A q8 group that spans several norms is assembled in f32 first, and so is a
  // u8 row, whose scale follows from all of it.
  Value scratch;
  if (u8 || (quantized && !wholeGroups))
    scratch = e.stack(gemcut_f32_row_bytes(columns));

  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value source = e.rowAddress(op.getInput(), row);
    Value target = e.rowAddress(op.getOutput(), row);
    e.loop(e.i64(0), e.i64(groups), 1, [&](Value index) {
      Value first = e.mul(index, 4 * group);
      Scaling scaling{e.at(source, first), Value(), weight};
      scaling.inverse = rowInverseRms(e, scaling.source, group, eps);
      if (quantized && wholeGroups)
        return quantizeScaled(e, scaling, group, target,
                              e.mul(index, group / GEMCUT_GROUP), columns);
      Value output = e.at(scratch ? scratch : target, first);
      e.forColumns(group, [&](Value column, int64_t lanes) {
        storeColumns(e, scaling.apply(e, column, lanes), output, column);
      });
    });
    if (u8)
      emitQuantizeRowU8(e, scratch, target, columns, /*scale=*/Value());
    else if (scratch)
      emitQuantizeRow(e, scratch, target, columns);
    else if (quantized)
      emitZeroPaddingGroup(e, target, columns);
  });
}

void gemcut::targets::buildQuantize(StageEmitter &e, kernel::QuantizeOp op) {
  int64_t columns = op.getInput().getType().getColumns();
  Value scale;
  if (op.getScale())
    scale = e.loadF32(e.get(op.getScale()));
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value source = e.rowAddress(op.getInput(), row);
    Value target = e.rowAddress(op.getOutput(), row);
    if (isU8Buffer(op.getOutput()))
      emitQuantizeRowU8(e, source, target, columns, scale);
    else
      emitQuantizeRow(e, source, target, columns);
  });
}

void gemcut::targets::buildPleInputs(StageEmitter &e, kernel::PleInputsOp op) {
  int64_t group = op.getNorm().getType().getColumns();
  int64_t groups = op.getContext().getType().getColumns() / group;
  float eps = op.getEps().convertToFloat();
  float factor = op.getFactor().convertToFloat();
  Value weight = e.get(op.getNorm());
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value context = e.rowAddress(op.getContext(), row);
    Value token = e.rowAddress(op.getToken(), row);
    Value target = e.rowAddress(op.getOutput(), row);
    e.loop(e.i64(0), e.i64(groups), 1, [&](Value index) {
      Value first = e.mul(index, 4 * group);
      Scaling scaling{e.at(context, first), Value(), weight};
      scaling.inverse = rowInverseRms(e, scaling.source, group, eps);
      Value tokens = e.at(token, first), output = e.at(target, first);
      e.forColumns(group, [&](Value column, int64_t lanes) {
        Value sum = e.add(scaling.apply(e, column, lanes),
                          loadColumns(e, tokens, column, lanes));
        storeColumns(e, e.mul(sum, e.splat(factor, lanes)), output, column);
      });
    });
  });
}

void gemcut::targets::buildResidualNorm(StageEmitter &e,
                                        kernel::ResidualNormOp op) {
  int64_t columns = op.getInput().getType().getColumns();
  float eps = op.getEps().convertToFloat();
  Value norm = e.get(op.getNorm());
  Value scalar;
  if (op.getScalar())
    scalar = e.loadF32(e.get(op.getScalar()));
  // The scale of a u8 row follows from all of the normed row.
  Value scratch;
  if (op.getNextNorm() && isU8Buffer(op.getNext()))
    scratch = e.stack(gemcut_f32_row_bytes(columns));

  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    Value residual = e.rowAddress(op.getResidual(), row);
    Value sum = e.rowAddress(op.getSum(), row);
    Scaling post{e.rowAddress(op.getInput(), row), Value(), norm};
    post.inverse = rowInverseRms(e, post.source, columns, eps);
    Value squares =
        sumColumns(e, columns, [&](Value column, int64_t lanes, Value squares) {
          Value value = e.add(loadColumns(e, residual, column, lanes),
                              post.apply(e, column, lanes));
          if (scalar)
            value = e.mul(value, e.broadcast(scalar, lanes));
          storeColumns(e, value, sum, column);
          return addSquare(e, value, squares);
        });
    if (!op.getNext())
      return;
    Value target = e.rowAddress(op.getNext(), row);
    bool u8 = isU8Buffer(op.getNext());
    if (!op.getNextNorm() && u8)
      return emitQuantizeRowU8(e, sum, target, columns, /*scale=*/Value());
    if (!op.getNextNorm())
      return emitQuantizeRow(e, sum, target, columns);
    Scaling next{sum, inverseRms(e, squares, columns, eps),
                 e.get(op.getNextNorm())};
    if (isQuantizedBuffer(op.getNext())) {
      quantizeScaled(e, next, columns, target, e.i64(0), columns);
      return emitZeroPaddingGroup(e, target, columns);
    }
    Value normed = u8 ? scratch : target;
    e.forColumns(columns, [&](Value column, int64_t lanes) {
      storeColumns(e, next.apply(e, column, lanes), normed, column);
    });
    if (u8)
      emitQuantizeRowU8(e, scratch, target, columns, /*scale=*/Value());
  });
}
