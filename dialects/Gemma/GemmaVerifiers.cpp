//===- GemmaVerifiers.cpp - Shape rules of the gemma ops ------------------===//
//
// A rule is stated once here as found against expected; ODS states the ranks
// and element types.
//
//===----------------------------------------------------------------------===//

#include "dialects/Gemma/OperandChecks.h"

using namespace mlir;
using namespace gemcut::gemma;

LogicalResult WeightOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  if (!type.hasStaticShape())
    return emitOpError() << "needs a static shape, found " << type;
  return success();
}

LogicalResult EmbedOp::verify() {
  if (rowsOf(getIds()) != rowsOf(getResult()))
    return emitOpError() << "mixes row counts: " << getIds().getType()
                         << " and " << getResult().getType();
  return expectSize(*this, "result width", columnsOf(getResult()),
                    "the table's width", columnsOf(getTable()));
}

LogicalResult LinearOp::verify() {
  if (getWeights().empty())
    return emitOpError("needs at least one weight");
  if (failed(expectSameRows(*this, {getInput(), getResult()})))
    return failure();
  int64_t outputs = 0;
  for (Value weight : getWeights()) {
    if (failed(expectSize(*this, "weight input size", columnsOf(weight),
                          "the input's width", columnsOf(getInput()))))
      return failure();
    outputs += rowsOf(weight);
  }
  return expectSize(*this, "result width", columnsOf(getResult()),
                    "the sum of the weights' output sizes", outputs);
}

LogicalResult RmsNormOp::verify() {
  if (failed(expectSameRows(*this, {getInput(), getResult()})) ||
      failed(expectSize(*this, "result width", columnsOf(getResult()),
                        "the input's width", columnsOf(getInput()))))
    return failure();
  int64_t group = getGroup();
  if (group <= 0 || columnsOf(getInput()) % group)
    return emitOpError() << "group " << group
                         << " does not divide the input's width "
                         << columnsOf(getInput());
  if (getWeight())
    return expectSize(*this, "weight size", columnsOf(getWeight()), "group",
                      group);
  return success();
}

LogicalResult RopeTableOp::verify() {
  if (getPairs() <= 0 || 2 * int64_t(getPairs()) > int64_t(getHeadDim()))
    return emitOpError() << "pairs must be in 1 .. head_dim / 2 = "
                         << getHeadDim() / 2 << ", found " << getPairs();
  if (!(getFactor().convertToFloat() > 0))
    return emitOpError() << "factor must be positive, found "
                         << getFactor().convertToFloat();
  if (rowsOf(getPositions()) != rowsOf(getResult()))
    return emitOpError() << "mixes row counts: " << getPositions().getType()
                         << " and " << getResult().getType();
  return expectSize(*this, "result width", columnsOf(getResult()), "2 * pairs",
                    2 * getPairs());
}

LogicalResult RopeOp::verify() {
  if (failed(expectSameRows(*this, {getInput(), getTable(), getResult()})) ||
      failed(expectSize(*this, "result width", columnsOf(getResult()),
                        "the input's width", columnsOf(getInput()))))
    return failure();
  int64_t headDim = getHeadDim();
  if (headDim <= 0 || headDim % 2 || columnsOf(getInput()) % headDim)
    return emitOpError() << "head_dim " << headDim
                         << " must be even and divide the input's width "
                         << columnsOf(getInput());
  if (columnsOf(getTable()) % 2 || columnsOf(getTable()) > headDim)
    return emitOpError() << "table width " << columnsOf(getTable())
                         << " must be even and at most head_dim " << headDim;
  return success();
}

LogicalResult KvWriteOp::verify() {
  KvType kv = getCache().getType();
  int64_t width = kv.getHeads() * kv.getHeadDim();
  if (failed(expectSameRows(*this, {getKey(), getValue(), getPositions()})) ||
      failed(expectSize(*this, "key width", columnsOf(getKey()),
                        "heads * head_dim of the cache", width)))
    return failure();
  return expectSize(*this, "value width", columnsOf(getValue()),
                    "heads * head_dim of the cache", width);
}

LogicalResult AttentionOp::verify() {
  KvType kv = getKv().getType();
  int64_t heads = getHeads();
  if (failed(
          expectSameRows(*this, {getQuery(), getPositions(), getResult()})) ||
      failed(expectSize(*this, "query width", columnsOf(getQuery()),
                        "heads * head_dim", heads * kv.getHeadDim())))
    return failure();
  if (heads <= 0 || heads % kv.getHeads())
    return emitOpError() << "heads " << heads
                         << " is not a multiple of the cache's "
                         << kv.getHeads() << " heads";
  return expectSize(*this, "result width", columnsOf(getResult()),
                    "the query's width", columnsOf(getQuery()));
}

LogicalResult ScaleByOp::verify() {
  if (getInput().getType() != getResult().getType())
    return emitOpError() << "result " << getResult().getType()
                         << " differs from input " << getInput().getType();
  return expectSize(*this, "scalar size", columnsOf(getScalar()),
                    "the size of a stored scalar", 1);
}

LogicalResult SliceOp::verify() {
  if (failed(expectSameRows(*this, {getInput(), getResult()})))
    return failure();
  int64_t end = int64_t(getOffset()) + columnsOf(getResult());
  if (int64_t(getOffset()) < 0 || end > columnsOf(getInput()))
    return emitOpError() << "columns " << int64_t(getOffset()) << " to " << end
                         << " leave the input's width "
                         << columnsOf(getInput());
  return success();
}

LogicalResult SelectLastOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (input.getRank() < 1 || result.getRank() != input.getRank() ||
      result.getElementType() != input.getElementType() ||
      result.getDimSize(0) != 1 ||
      result.getShape().drop_front() != input.getShape().drop_front())
    return emitOpError() << "result must be one row of " << input << ", found "
                         << result;
  return success();
}

LogicalResult QuantizeOp::verify() {
  if (failed(expectSameRows(*this, {getInput(), getResult()})))
    return failure();
  if (columnsOf(getInput()) <= 0 || columnsOf(getInput()) % 32)
    return emitOpError() << "width is " << columnsOf(getInput())
                         << ", expected a positive multiple of the group size "
                            "32";
  if (getScale() && columnsOf(getScale()) != 1)
    return emitOpError() << "scale has " << columnsOf(getScale())
                         << " elements, expected 1";
  if (getScale() && !isa<U8Type>(getElementTypeOrSelf(getResult())))
    return emitOpError("takes a scale for rows of !gemma.u8 alone");
  return expectSize(*this, "result width", columnsOf(getResult()),
                    "the input's width", columnsOf(getInput()));
}

LogicalResult AdaptOp::verify() {
  if (failed(expectSameRows(*this, {getBase(), getInput(), getResult()})))
    return failure();
  int64_t rank = getRank(), matrix = rank * columnsOf(getInput());
  if (rank <= 0 || columnsOf(getA()) % matrix)
    return emitOpError() << "a has " << columnsOf(getA())
                         << " elements, expected a multiple of rank * inputs = "
                         << matrix;
  int64_t vectors = columnsOf(getA()) / matrix * rank;
  if (columnsOf(getB()) % vectors)
    return emitOpError() << "b has " << columnsOf(getB())
                         << " elements, expected a multiple of adapters * rank "
                            "= "
                         << vectors;
  int64_t end = int64_t(getOffset()) + columnsOf(getB()) / vectors;
  if (int64_t(getOffset()) < 0 || end > columnsOf(getBase()))
    return emitOpError() << "columns " << int64_t(getOffset()) << " to " << end
                         << " leave the base's width " << columnsOf(getBase());
  return success();
}

LogicalResult PleInputsOp::verify() {
  if (columnsOf(getContext()) % columnsOf(getNorm()))
    return emitOpError() << "norm size " << columnsOf(getNorm())
                         << " does not divide the width "
                         << columnsOf(getContext());
  return expectSameRows(*this, {getContext(), getToken(), getResult()});
}

/// The rows of a prepare op: `heads` query heads, keys, and values or none.
static LogicalResult expectProjection(Operation *op, StringRef what,
                                      Value projected, int64_t heads,
                                      KvType kv) {
  int64_t keyWidth = kv.getHeads() * kv.getHeadDim();
  int64_t width = heads * kv.getHeadDim() + keyWidth;
  if (llvm::is_contained({width, width + keyWidth}, columnsOf(projected)))
    return success();
  return op->emitOpError() << what << " width is " << columnsOf(projected)
                           << ", expected " << width + keyWidth
                           << " for its heads, or " << width
                           << " where values are keys";
}

/// Rules shared by the prepare ops: the rope table fits the head.
static LogicalResult expectTable(Operation *op, Value table, int64_t headDim) {
  if (columnsOf(table) % 2 == 0 && columnsOf(table) <= headDim)
    return success();
  return op->emitOpError() << "table width " << columnsOf(table)
                           << " must be even and at most head_dim " << headDim;
}

LogicalResult PrepareQkvOp::verify() {
  KvType kv = getCache().getType();
  int64_t headDim = kv.getHeadDim();
  int64_t heads = getHeads();
  if (failed(expectSameRows(
          *this, {getQkv(), getTable(), getPositions(), getQuery()})) ||
      failed(expectTable(*this, getTable(), headDim)) ||
      failed(expectProjection(*this, "qkv", getQkv(), heads, kv)) ||
      failed(expectSize(*this, "query width", columnsOf(getQuery()),
                        "heads * head_dim", heads * headDim)) ||
      failed(expectSize(*this, "q_norm size", columnsOf(getQNorm()), "head_dim",
                        headDim)))
    return failure();
  return expectSize(*this, "k_norm size", columnsOf(getKNorm()), "head_dim",
                    headDim);
}

LogicalResult PrepareKvOp::verify() {
  KvType kv = getCache().getType();
  int64_t headDim = kv.getHeadDim();
  if (failed(expectSameRows(*this,
                            {getProjected(), getTable(), getPositions()})) ||
      failed(expectTable(*this, getTable(), headDim)) ||
      failed(expectProjection(*this, "projected", getProjected(), /*heads=*/0,
                              kv)))
    return failure();
  return expectSize(*this, "k_norm size", columnsOf(getKNorm()), "head_dim",
                    headDim);
}

LogicalResult PrepareQOp::verify() {
  int64_t headDim = columnsOf(getQNorm());
  if (failed(expectSameRows(*this, {getQuery(), getTable(), getResult()})) ||
      failed(expectTable(*this, getTable(), headDim)) ||
      failed(expectSize(*this, "result width", columnsOf(getResult()),
                        "the query's width", columnsOf(getQuery()))))
    return failure();
  if (headDim % 2 || columnsOf(getQuery()) % headDim)
    return emitOpError() << "q_norm size " << headDim
                         << " must be even and divide the query's width "
                         << columnsOf(getQuery());
  return success();
}

LogicalResult GatedLinearOp::verify() {
  if (cast<ShapedType>(getGate().getType()).getShape() !=
      cast<ShapedType>(getUp().getType()).getShape())
    return emitOpError() << "gate " << getGate().getType() << " and up "
                         << getUp().getType() << " differ in shape";
  if (failed(expectSameRows(*this, {getInput(), getResult()})) ||
      failed(expectSize(*this, "gate input size", columnsOf(getGate()),
                        "the input's width", columnsOf(getInput()))))
    return failure();
  return expectSize(*this, "result width", columnsOf(getResult()),
                    "the gate's output size", rowsOf(getGate()));
}

LogicalResult ModulatedLinearOp::verify() {
  if (failed(
          expectSameRows(*this, {getInput(), getModulator(), getResult()})) ||
      failed(expectSize(*this, "weight input size", columnsOf(getWeight()),
                        "the input's width", columnsOf(getInput()))) ||
      failed(expectSize(*this, "result width", columnsOf(getResult()),
                        "the weight's output size", rowsOf(getWeight()))))
    return failure();
  return expectSize(*this, "modulator width", columnsOf(getModulator()),
                    "the weight's output size", rowsOf(getWeight()));
}

LogicalResult ResidualNormOp::verify() {
  int64_t width = columnsOf(getInput());
  if (failed(expectSameRows(*this, {getInput(), getResidual(), getSum()})) ||
      failed(expectSize(*this, "norm size", columnsOf(getNorm()),
                        "the input's width", width)) ||
      failed(expectSize(*this, "sum width", columnsOf(getSum()),
                        "the input's width", width)))
    return failure();
  if (getScalar() && columnsOf(getScalar()) != 1)
    return emitOpError() << "scalar has " << columnsOf(getScalar())
                         << " elements, expected 1";
  if (getNextNorm() &&
      failed(expectSize(*this, "next_norm size", columnsOf(getNextNorm()),
                        "the input's width", width)))
    return failure();
  if (getNextNorm() && !getNext())
    return emitOpError("has a next norm, but no second result");
  if (!getNext())
    return success();
  if (!getNextNorm() && !isInt8Rows(getNext().getType()))
    return emitOpError(
        "without a next norm, the second result is the quantized "
        "sum and must be of element type !gemma.q8 or !gemma.u8");
  if (failed(expectSameRows(*this, {getSum(), getNext()})))
    return failure();
  return expectSize(*this, "next width", columnsOf(getNext()),
                    "the input's width", width);
}
