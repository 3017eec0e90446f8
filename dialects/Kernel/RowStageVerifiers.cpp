//===- RowStageVerifiers.cpp - Shape rules of stages on rows ------------===//
//
// A rule is stated once here as found against expected.
//
//===----------------------------------------------------------------------===//

#include "dialects/Kernel/OperandChecks.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

static LogicalResult expectPositions(Operation *op, BufferType type) {
  if (type.getElement() == Element::I32 && type.getColumns() == 2)
    return success();
  return op->emitOpError() << "positions is " << type
                           << ", expected the (slot, position) pairs of "
                              "kernel.load_rows: n x 2, i32";
}

static LogicalResult expectTable(Operation *op, BufferType table,
                                 int64_t headDim) {
  if (failed(expectElement(op, "table", table, {Element::F32})))
    return failure();
  if (table.getColumns() % 2 == 0 && table.getColumns() <= headDim)
    return success();
  return op->emitOpError()
         << "table has " << table.getColumns()
         << " columns, expected an even number up to head_dim " << headDim;
}

LogicalResult LoadRowsOp::verify() {
  BufferType output = getOutput().getType();
  if (output.getElement() == Element::I32 && output.getColumns() == 2)
    return success();
  return emitOpError() << "output is " << output
                       << ", expected (slot, position) pairs: n x 2, i32";
}

LogicalResult GatherOp::verify() {
  if (failed(expectElement(*this, "ids", getIds().getType(), {Element::I32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32})))
    return failure();
  Layout layout = getTable().getType().getLayout();
  if (layout != Layout::Rows && layout != Layout::Tiles)
    return emitOpError() << "table layout is " << stringifyLayout(layout)
                         << ", expected rows or tiles";
  return expectColumns(*this, "output", getOutput().getType().getColumns(),
                       "the table's width", getTable().getType().getColumns());
}

LogicalResult RopeTableOp::verify() {
  if (failed(expectPositions(*this, getPositions().getType())) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32})))
    return failure();
  return expectColumns(*this, "output", getOutput().getType().getColumns(),
                       "2 * pairs", 2 * int64_t(getPairs()));
}

LogicalResult RmsNormOp::verify() {
  int64_t columns = getInput().getType().getColumns();
  int64_t group = getGroup();
  if (failed(expectElement(*this, "input", getInput().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32, Element::Q8, Element::U8})) ||
      failed(expectColumns(*this, "output", getOutput().getType().getColumns(),
                           "the input's width", columns)))
    return failure();
  if (group <= 0 || columns % group)
    return emitOpError() << "group " << group << " does not divide " << columns
                         << " columns";
  if (getWeight())
    return expectVector(*this, "weight", getWeight().getType(), group);
  return success();
}

LogicalResult QuantizeOp::verify() {
  if (failed(expectElement(*this, "input", getInput().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::Q8, Element::U8})))
    return failure();
  if (getScale()) {
    if (failed(expectElement(*this, "output with a given scale",
                             getOutput().getType(), {Element::U8})) ||
        failed(expectVector(*this, "scale", getScale().getType(), 1)))
      return failure();
  }
  return expectColumns(*this, "output", getOutput().getType().getColumns(),
                       "the input's width", getInput().getType().getColumns());
}

LogicalResult GeluMulOp::verify() {
  int64_t columns = getGate().getType().getColumns();
  if (failed(
          expectElement(*this, "gate", getGate().getType(), {Element::F32})) ||
      failed(expectElement(*this, "up", getUp().getType(), {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32})) ||
      failed(expectColumns(*this, "up", getUp().getType().getColumns(),
                           "the gate's width", columns)))
    return failure();
  return expectColumns(*this, "output", getOutput().getType().getColumns(),
                       "the gate's width", columns);
}

LogicalResult AdaptOp::verify() {
  int64_t columns = getBase().getType().getColumns();
  int64_t matrix = int64_t(getRank()) * getInput().getType().getColumns();
  int64_t a = getA().getType().getColumns(), b = getB().getType().getColumns();
  if (failed(
          expectElement(*this, "base", getBase().getType(), {Element::F32})) ||
      failed(expectElement(*this, "input", getInput().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32})) ||
      failed(expectColumns(*this, "output", getOutput().getType().getColumns(),
                           "the base's width", columns)) ||
      failed(expectVector(*this, "a", getA().getType(), a)) ||
      failed(expectVector(*this, "b", getB().getType(), b)))
    return failure();
  if (matrix <= 0 || a % matrix || b % (a / matrix * int64_t(getRank())))
    return emitOpError() << "a of " << a << " and b of " << b
                         << " values are no matrices of rank " << getRank()
                         << " with " << getInput().getType().getColumns()
                         << " inputs";
  if (int64_t(getOffset()) < 0 || int64_t(getOffset()) + getOutputs() > columns)
    return emitOpError() << "columns " << getOffset() << " to "
                         << int64_t(getOffset()) + getOutputs()
                         << " leave the base's " << columns << " columns";
  return success();
}

LogicalResult PleInputsOp::verify() {
  int64_t columns = getContext().getType().getColumns();
  int64_t size = getNorm().getType().getColumns();
  if (failed(expectElement(*this, "context", getContext().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "token", getToken().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32})) ||
      failed(expectColumns(*this, "token", getToken().getType().getColumns(),
                           "the context's width", columns)) ||
      failed(expectColumns(*this, "output", getOutput().getType().getColumns(),
                           "the context's width", columns)))
    return failure();
  if (columns % size)
    return emitOpError() << "norm size " << size << " does not divide "
                         << columns << " columns";
  return expectVector(*this, "norm", getNorm().getType(), size);
}

/// The input of a prepare stage: `heads` query heads, keys, and values or none.
static LogicalResult expectProjection(Operation *op, BufferType input,
                                      int64_t heads, CacheType cache) {
  int64_t keyWidth = cache.getHeads() * cache.getHeadDim();
  int64_t width = heads * cache.getHeadDim() + keyWidth;
  if (llvm::is_contained({width, width + keyWidth}, input.getColumns()))
    return success();
  return op->emitOpError() << "input has " << input.getColumns()
                           << " columns, expected " << width + keyWidth
                           << " for its heads, or " << width
                           << " where values are keys";
}

LogicalResult PrepareQOp::verify() {
  int64_t headDim = getQNorm().getType().getColumns();
  int64_t width = int64_t(getHeads()) * headDim;
  if (failed(expectElement(*this, "input", getInput().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32})) ||
      failed(expectVector(*this, "q_norm", getQNorm().getType(), headDim)) ||
      failed(expectTable(*this, getTable().getType(), headDim)) ||
      failed(expectColumns(*this, "output", getOutput().getType().getColumns(),
                           "heads * head_dim", width)))
    return failure();
  return expectColumns(*this, "input", getInput().getType().getColumns(),
                       "heads * head_dim", width);
}

LogicalResult PrepareKvOp::verify() {
  CacheType cache = getCache().getType();
  if (failed(expectElement(*this, "input", getInput().getType(),
                           {Element::F32})) ||
      failed(expectPositions(*this, getPositions().getType())) ||
      failed(expectVector(*this, "k_norm", getKNorm().getType(),
                          cache.getHeadDim())) ||
      failed(expectTable(*this, getTable().getType(), cache.getHeadDim())))
    return failure();
  return expectProjection(*this, getInput().getType(), /*heads=*/0, cache);
}

LogicalResult PrepareQkvOp::verify() {
  CacheType cache = getCache().getType();
  int64_t headDim = cache.getHeadDim();
  int64_t heads = getHeads();
  if (failed(expectElement(*this, "input", getInput().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32})) ||
      failed(expectPositions(*this, getPositions().getType())) ||
      failed(expectVector(*this, "q_norm", getQNorm().getType(), headDim)) ||
      failed(expectVector(*this, "k_norm", getKNorm().getType(), headDim)) ||
      failed(expectTable(*this, getTable().getType(), headDim)) ||
      failed(expectColumns(*this, "output", getOutput().getType().getColumns(),
                           "heads * head_dim", heads * headDim)))
    return failure();
  return expectProjection(*this, getInput().getType(), heads, cache);
}

LogicalResult AttentionOp::verify() {
  CacheType cache = getCache().getType();
  int64_t heads = getHeads();
  int64_t width = heads * cache.getHeadDim();
  if (failed(expectPositions(*this, getPositions().getType())) ||
      failed(expectElement(*this, "query", getQuery().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "output", getOutput().getType(),
                           {Element::F32, Element::Q8})) ||
      failed(expectColumns(*this, "query", getQuery().getType().getColumns(),
                           "heads * head_dim", width)) ||
      failed(expectColumns(*this, "output", getOutput().getType().getColumns(),
                           "heads * head_dim", width)))
    return failure();
  if (heads <= 0 || heads % cache.getHeads())
    return emitOpError() << "heads " << heads << " is not a multiple of the "
                         << "cache's " << cache.getHeads() << " heads";
  if (!getPartials())
    return success();
  BufferType partials = getPartials().getType();
  if (failed(expectElement(*this, "partials", partials, {Element::F32})) ||
      failed(expectColumns(*this, "partials", partials.getColumns(),
                           "room for the parts of every head",
                           getPartialColumns(heads, cache.getHeadDim()))))
    return failure();
  if (!hasWholeHeads(getOutput().getType(), cache))
    return emitOpError() << "shares out keys, but a head's "
                         << cache.getHeadDim() << " outputs are not whole "
                         << "groups of " << GEMCUT_GROUP;
  return success();
}

LogicalResult ResidualNormOp::verify() {
  int64_t columns = getInput().getType().getColumns();
  if (failed(expectElement(*this, "input", getInput().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "residual", getResidual().getType(),
                           {Element::F32})) ||
      failed(expectElement(*this, "sum", getSum().getType(), {Element::F32})) ||
      failed(expectVector(*this, "norm", getNorm().getType(), columns)) ||
      failed(expectColumns(*this, "residual",
                           getResidual().getType().getColumns(),
                           "the input's width", columns)) ||
      failed(expectColumns(*this, "sum", getSum().getType().getColumns(),
                           "the input's width", columns)))
    return failure();
  if (getScalar() &&
      failed(expectVector(*this, "scalar", getScalar().getType(), 1)))
    return failure();
  if (getNextNorm() && failed(expectVector(*this, "next_norm",
                                           getNextNorm().getType(), columns)))
    return failure();
  if (getNextNorm() && !getNext())
    return emitOpError("has a next norm, but no second output");
  if (!getNext())
    return success();
  if (failed(expectElement(*this, "next", getNext().getType(),
                           {Element::F32, Element::Q8, Element::U8})))
    return failure();
  if (!getNextNorm() && getNext().getType().getElement() == Element::F32)
    return emitOpError(
        "without a next norm, the second output must be q8 or u8");
  return expectColumns(*this, "next", getNext().getType().getColumns(),
                       "the input's width", columns);
}
