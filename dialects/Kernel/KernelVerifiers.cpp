//===- KernelVerifiers.cpp - Shape rules of the kernel ops ----------------===//
//
// A rule is stated once here as found against expected.
//
//===----------------------------------------------------------------------===//

#include "dialects/Kernel/KernelOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

static LogicalResult expectColumns(Operation *op, StringRef what, int64_t found,
                                   StringRef reason, int64_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << what << " has " << found << " columns, but "
                           << reason << " is " << expected;
}

static LogicalResult expectElement(Operation *op, StringRef what,
                                   BufferType type, ArrayRef<Element> allowed) {
  if (llvm::is_contained(allowed, type.getElement()))
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError() << what << " is " << stringifyElement(type.getElement())
                        << ", expected ";
  llvm::interleave(
      allowed, [&](Element e) { diagnostic << stringifyElement(e); },
      [&] { diagnostic << " or "; });
  return diagnostic;
}

static LogicalResult expectVector(Operation *op, StringRef what,
                                  WeightType type, int64_t size) {
  if (type.getLayout() == Layout::Vector && type.getColumns() == size)
    return success();
  return op->emitOpError() << what << " is " << type
                           << ", expected a vector of " << size;
}

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

LogicalResult PackedOp::verify() {
  auto type = cast<WeightType>(getType());
  bool isPair = type.getLayout() == Layout::Interleaved;
  size_t expected = isPair && !getExperts() ? 2 : 1;
  if (getSources().size() != expected)
    return emitOpError() << "has " << getSources().size() << " sources, but "
                         << stringifyLayout(type.getLayout()) << " takes "
                         << expected;
  if (getOutputScales() && getOutputScales()->size() != expected)
    return emitOpError() << "has " << getOutputScales()->size()
                         << " output scales, but " << expected << " sources";
  if (getOutputScales() && !hasRowScales(type.getFormat()))
    return emitOpError() << "has output scales, which "
                         << stringifyFormat(type.getFormat())
                         << " has no place for";
  if (getExperts()) {
    int64_t experts = *getExperts(), unit = isPair ? 2 : 1;
    if (experts <= 0 || type.getRows() % (experts * unit * GEMCUT_TILE_ROWS) ||
        !llvm::is_contained({Layout::Tiles, Layout::Interleaved},
                            type.getLayout()))
      return emitOpError() << "has " << experts << " experts, but " << type
                           << " is not whole tiles of each";
  }
  if (getOffset() && *getOffset() % 64)
    return emitOpError() << "offset " << *getOffset()
                         << " is not a multiple of 64";
  return success();
}

LogicalResult WeightAddressOp::verify() {
  if (getWeights().empty())
    return emitOpError("needs at least one weight");
  return success();
}

LogicalResult ColumnsOp::verify() {
  BufferType input = getInput().getType(), result = getResult().getType();
  if (failed(expectElement(*this, "input", input, {Element::F32})) ||
      failed(expectElement(*this, "result", result, {Element::F32})))
    return failure();
  int64_t end = int64_t(getOffset()) + result.getColumns();
  if (int64_t(getOffset()) < 0 || end > input.getColumns())
    return emitOpError() << "columns " << int64_t(getOffset()) << " to " << end
                         << " leave the input's " << input.getColumns();
  if (result.getRowBytes() != input.getRowBytes() ||
      result.getRows() != input.getRows())
    return emitOpError() << "result " << result
                         << " must keep the rows and the "
                         << "row stride (" << input.getRowBytes()
                         << " bytes) of " << input;
  return success();
}

LogicalResult LastRowOp::verify() {
  BufferType input = getInput().getType(), result = getResult().getType();
  if (result.getRows() != 1 || result.getColumns() != input.getColumns() ||
      result.getElement() != input.getElement())
    return emitOpError() << "result must be one row of " << input << ", found "
                         << result;
  return success();
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

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

/// `groups` as kernel.route writes it for `experts` experts and `pairs` pairs.
static LogicalResult expectGroups(Operation *op, BufferType groups,
                                  int64_t experts, int64_t pairs) {
  if (experts <= 0)
    return op->emitOpError() << "needs experts, found " << experts;
  if (groups.getRows() != 1)
    return op->emitOpError()
           << "groups has " << groups.getRows() << " rows, expected one";
  if (failed(expectElement(op, "groups", groups, {Element::I32})))
    return failure();
  return expectColumns(op, "groups", groups.getColumns(),
                       "the size for these experts and pairs",
                       RouteOp::getGroupColumns(experts, pairs));
}

LogicalResult RouteOp::verify() {
  BufferType logits = getLogits().getType(), weights = getWeights().getType();
  BufferType experts = getExperts().getType();
  if (failed(expectElement(*this, "logits", logits, {Element::F32})) ||
      failed(expectElement(*this, "weights", weights, {Element::F32})) ||
      failed(expectElement(*this, "experts", experts, {Element::I32})) ||
      failed(expectVector(*this, "scale", getScale().getType(),
                          logits.getColumns())) ||
      failed(expectColumns(*this, "experts", experts.getColumns(),
                           "the weights' width", weights.getColumns())))
    return failure();
  if (weights.getColumns() > logits.getColumns())
    return emitOpError() << "chooses " << weights.getColumns() << " of "
                         << logits.getColumns() << " experts";
  return expectGroups(*this, getGroups().getType(), logits.getColumns(),
                      weights.getRows() * weights.getColumns());
}

LogicalResult GroupRowsOp::verify() {
  BufferType input = getInput().getType(), output = getOutput().getType();
  if (input.getElement() != output.getElement() ||
      input.getColumns() != output.getColumns() ||
      output.getRows() % input.getRows() || output.getStride())
    return emitOpError() << "output is " << output
                         << ", expected several of each row of " << input;
  return expectGroups(*this, getGroups().getType(), getExperts(),
                      output.getRows());
}

/// Rules shared by the products: the matrices of `experts` experts, whose
/// output tiles take `unit` tiles of weights, and what they multiply.
static LogicalResult expectExperts(Operation *op, BufferType input,
                                   WeightType weight, Layout layout,
                                   int64_t experts, int64_t unit) {
  if (weight.getLayout() != layout)
    return op->emitOpError()
           << "weight layout is " << stringifyLayout(weight.getLayout())
           << ", expected " << stringifyLayout(layout);
  if (weight.getRows() % (experts * unit * GEMCUT_TILE_ROWS))
    return op->emitOpError() << "weight has " << weight.getRows()
                             << " rows, which are not whole tiles of each of "
                             << experts << " experts";
  Element expected =
      isQuantized(weight.getFormat()) ? Element::Q8 : Element::F32;
  if (failed(expectElement(op, "input", input, {expected})))
    return failure();
  return expectColumns(op, "weight", weight.getColumns(), "the input's width",
                       input.getColumns());
}

LogicalResult ExpertGatedOp::verify() {
  BufferType input = getInput().getType(), output = getOutput().getType();
  WeightType weight = getWeight().getType();
  int64_t experts = getExperts();
  if (failed(expectGroups(*this, getGroups().getType(), experts,
                          input.getRows())) ||
      failed(expectExperts(*this, input, weight, Layout::Interleaved, experts,
                           /*unit=*/2)) ||
      failed(
          expectElement(*this, "output", output, {Element::F32, Element::Q8})))
    return failure();
  if (output.getRows() != input.getRows())
    return emitOpError() << "output has " << output.getRows()
                         << " rows, but the input has " << input.getRows();
  int64_t chosen = getChosen();
  if (chosen <= 0 || chosen > experts || input.getRows() % chosen)
    return emitOpError() << "has " << chosen << " chosen experts, but "
                         << experts << " experts and " << input.getRows()
                         << " rows of input";
  return expectColumns(*this, "output", output.getColumns(),
                       "an expert's output size",
                       weight.getRows() / experts / 2);
}

LogicalResult ExpertSumOp::verify() {
  BufferType input = getInput().getType(), output = getOutput().getType();
  BufferType weights = getWeights().getType();
  WeightType weight = getWeight().getType();
  int64_t experts = getExperts();
  if (failed(expectGroups(*this, getGroups().getType(), experts,
                          input.getRows())) ||
      failed(expectExperts(*this, input, weight, Layout::Tiles, experts,
                           /*unit=*/1)) ||
      failed(expectElement(*this, "weights", weights, {Element::F32})) ||
      failed(expectElement(*this, "output", output, {Element::F32})))
    return failure();
  if (weights.getRows() * weights.getColumns() != input.getRows() ||
      output.getRows() != weights.getRows())
    return emitOpError() << "weights is " << weights << ", expected one for "
                         << "each of the input's " << input.getRows()
                         << " rows, of the output's " << output.getRows();
  return expectColumns(*this, "output", output.getColumns(),
                       "an expert's output size", weight.getRows() / experts);
}

template <typename ProductOp> static LogicalResult verifyProduct(ProductOp op) {
  WeightType weight = op.getWeight().getType();
  BufferType input = op.getInput().getType(), output = op.getOutput().getType();
  Epilogue epilogue = op.getEpilogue();
  bool gated = epilogue == Epilogue::GeluGate;
  if (weight.getLayout() != (gated ? Layout::Interleaved : Layout::Tiles))
    return op.emitOpError()
           << "weight layout is " << stringifyLayout(weight.getLayout())
           << ", but epilogue " << stringifyEpilogue(epilogue) << " takes "
           << (gated ? "interleaved" : "tiles");
  Element expected = getActivations(weight.getFormat());
  if (failed(expectElement(op, "input", input, {expected})) ||
      failed(
          expectElement(op, "output", output, {Element::F32, Element::Q8})) ||
      failed(expectColumns(op, "weight", weight.getColumns(),
                           "the input's width", input.getColumns())) ||
      failed(expectColumns(op, "output", output.getColumns(),
                           "the weight's output size",
                           gated ? weight.getRows() / 2 : weight.getRows())))
    return failure();
  if (bool(op.getModulator()) != (epilogue == Epilogue::GeluMul))
    return op.emitOpError("takes a modulator exactly with epilogue gelu_mul");
  if (bool(op.getCap()) != (epilogue == Epilogue::Softcap))
    return op.emitOpError("takes a cap exactly with epilogue softcap");
  if (op.getModulator() &&
      failed(expectElement(op, "modulator", op.getModulator().getType(),
                           {Element::F32})))
    return failure();
  if (op.getModulator())
    return expectColumns(op, "modulator",
                         op.getModulator().getType().getColumns(),
                         "the output's width", output.getColumns());
  return success();
}

LogicalResult GemvOp::verify() { return verifyProduct(*this); }
LogicalResult GemmOp::verify() { return verifyProduct(*this); }

/// The row, int8 weight and f32 output of a stage of a two-stage product.
template <typename StageOp>
static LogicalResult verifyHeadStage(StageOp op, Layout layout) {
  WeightType weight = op.getWeight().getType();
  if (weight.getLayout() != layout || weight.getFormat() != Format::Int8)
    return op.emitOpError() << "weight is " << weight << ", expected int8, "
                            << stringifyLayout(layout);
  if (weight.getRows() % GEMCUT_TILE_ROWS)
    return op.emitOpError()
           << "weight has " << weight.getRows()
           << " rows, expected a multiple of " << GEMCUT_TILE_ROWS;
  if (failed(
          expectElement(op, "input", op.getInput().getType(), {Element::Q8})) ||
      failed(expectElement(op, "output", op.getOutput().getType(),
                           {Element::F32})) ||
      failed(expectColumns(op, "weight", weight.getColumns(),
                           "the input's width",
                           op.getInput().getType().getColumns())))
    return failure();
  return expectColumns(op, "output", op.getOutput().getType().getColumns(),
                       "the weight's output size", weight.getRows());
}

LogicalResult UpperBoundsOp::verify() {
  return verifyHeadStage(*this, Layout::Coarse);
}

LogicalResult RescoreOp::verify() {
  BufferType tiles = getTiles().getType();
  if (failed(expectElement(*this, "tiles", tiles, {Element::I32})) ||
      failed(expectColumns(*this, "tiles", tiles.getColumns(), "one index", 1)))
    return failure();
  return verifyHeadStage(*this, Layout::Tiles);
}
