//===- ExpertVerifiers.cpp - Shape rules of ops on experts ----------------===//
//
// A rule is stated once here as found against expected.
//
//===----------------------------------------------------------------------===//

#include "dialects/Gemma/OperandChecks.h"

using namespace mlir;
using namespace gemcut::gemma;

/// Rules shared by top_experts and route.
static LogicalResult verifyChoice(Operation *op, Value scores, Value scale,
                                  Value weights, Value experts) {
  if (failed(expectSameRows(op, {scores, weights, experts})) ||
      failed(expectSize(op, "scale size", columnsOf(scale),
                        "the number of experts", columnsOf(scores))) ||
      failed(expectSize(op, "experts width", columnsOf(experts),
                        "the weights' width", columnsOf(weights))))
    return failure();
  if (columnsOf(weights) > columnsOf(scores))
    return op->emitOpError() << "chooses " << columnsOf(weights) << " of "
                             << columnsOf(scores) << " experts";
  return success();
}

LogicalResult TopExpertsOp::verify() {
  return verifyChoice(*this, getProbs(), getScale(), getWeights(),
                      getExperts());
}

LogicalResult RouteOp::verify() {
  return verifyChoice(*this, getLogits(), getScale(), getWeights(),
                      getExperts());
}

LogicalResult ExpertGatedLinearOp::verify() {
  auto matrices = cast<RankedTensorType>(getMatrices().getType());
  if (failed(expectSameRows(*this, {getInput(), getExperts(), getResult()})))
    return failure();
  int64_t inputs = columnsOf(getInput());
  if (inputs != columnsOf(getExperts()) * matrices.getDimSize(2) &&
      failed(expectSize(*this, "weight input size", matrices.getDimSize(2),
                        "the input's width", inputs)))
    return failure();
  int64_t rows = matrices.getDimSize(1);
  if (rows % 2)
    return emitOpError() << "needs as many gate as up rows, found " << rows
                         << " rows of an expert";
  return expectSize(*this, "result width", columnsOf(getResult()),
                    "the width of a row's experts",
                    columnsOf(getExperts()) * rows / 2);
}

LogicalResult ExpertLinearOp::verify() {
  auto matrices = cast<RankedTensorType>(getMatrices().getType());
  if (failed(expectSameRows(
          *this, {getInput(), getExperts(), getWeights(), getResult()})) ||
      failed(expectSize(*this, "weights width", columnsOf(getWeights()),
                        "the experts' width", columnsOf(getExperts()))) ||
      failed(expectSize(*this, "input width", columnsOf(getInput()),
                        "the width of a row's experts",
                        columnsOf(getExperts()) * matrices.getDimSize(2))))
    return failure();
  return expectSize(*this, "result width", columnsOf(getResult()),
                    "the experts' output size", matrices.getDimSize(1));
}

LogicalResult ExpertQuantizeOp::verify() {
  if (failed(expectSameRows(*this, {getInput(), getExperts(), getResult()})))
    return failure();
  int64_t chosen = columnsOf(getExperts()), width = columnsOf(getResult());
  if (chosen <= 0 || width <= 0 || width % chosen || width / chosen % 32)
    return emitOpError() << "result width is " << width
                         << ", expected for each of a row's " << chosen
                         << " experts the same positive multiple of 32";
  if (columnsOf(getInput()) == width / chosen)
    return success();
  return expectSize(*this, "input width", columnsOf(getInput()),
                    "the result's width", width);
}
