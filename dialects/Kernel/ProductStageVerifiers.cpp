//===- ProductStageVerifiers.cpp - Shape rules of products --------------===//
//
// A rule is stated once here as found against expected.
//
//===----------------------------------------------------------------------===//

#include "dialects/Kernel/OperandChecks.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

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
  if (failed(expectElement(op, "input", input,
                           {getActivations(weight.getFormat())})))
    return failure();
  return expectColumns(op, "weight", weight.getColumns(), "the input's width",
                       input.getColumns());
}

/// `chosen` experts of `experts` for each row of a step read `pairs` rows.
static LogicalResult expectChosen(Operation *op, int64_t chosen,
                                  int64_t experts, int64_t pairs,
                                  StringRef what) {
  if (chosen > 0 && chosen <= experts && pairs % chosen == 0)
    return success();
  return op->emitOpError() << "has " << chosen << " chosen experts, but "
                           << experts << " experts and " << pairs << " rows of "
                           << what;
}

LogicalResult ExpertQuantizeOp::verify() {
  BufferType input = getInput().getType(), output = getOutput().getType();
  int64_t experts = getExperts(), chosen = getChosen();
  if (failed(expectGroups(*this, getGroups().getType(), experts,
                          output.getRows())) ||
      failed(
          expectChosen(*this, chosen, experts, output.getRows(), "output")) ||
      failed(expectElement(*this, "input", input, {Element::F32})) ||
      failed(expectElement(*this, "output", output, {Element::U8})) ||
      (getScale() &&
       failed(expectVector(*this, "scale", getScale().getType(), experts))))
    return failure();
  int64_t expected = output.getRows() / (getGrouped() ? 1 : chosen);
  if (input.getRows() != expected)
    return emitOpError() << "input has " << input.getRows()
                         << " rows, expected " << expected << " for "
                         << output.getRows() << " rows of output";
  return expectColumns(*this, "output", output.getColumns(),
                       "the input's width", input.getColumns());
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
  if (failed(
          expectChosen(*this, getChosen(), experts, input.getRows(), "input")))
    return failure();
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
