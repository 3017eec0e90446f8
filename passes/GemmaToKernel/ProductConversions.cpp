//===- ProductConversions.cpp - Ops that multiply with weights ----------===//
//
// A product becomes a gemv or a gemm by the rows it can have; rows of experts
// are grouped by expert first.
//
//===----------------------------------------------------------------------===//

#include "passes/GemmaToKernel/ProgramConversion.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma_to_kernel;

/// Rows up to which a product reads the weights once (gemv) instead of blocking
/// for registers (gemm): the most rows of a decode step.
static constexpr int64_t kMaxGemvRows = 8;

LogicalResult FunctionConversion::convertProduct(Operation *op, Value input,
                                                 Value modulator,
                                                 kernel::Epilogue epilogue,
                                                 FloatAttr scale,
                                                 FloatAttr cap) {
  SmallVector<WeightGroup> groups = program.getGroups().getGroups(op);
  Value weight = getWeight(op, groups.front());
  if (!weight)
    return failure();
  auto type = cast<kernel::WeightType>(weight.getType());
  Value buffer = lookup(input);
  auto bufferType = cast<kernel::BufferType>(buffer.getType());
  kernel::Element expected = kernel::getActivations(type.getFormat());
  if (bufferType.getElement() != expected)
    return op->emitOpError()
           << "multiplies " << stringifyFormat(type.getFormat())
           << " weights with "
           << kernel::stringifyElement(bufferType.getElement())
           << " activations, expected " << kernel::stringifyElement(expected)
           << "; run gemma-materialize-activation-quantization first";
  Value output = getOutput(op->getResult(0));
  auto epilogueAttr = kernel::EpilogueAttr::get(op->getContext(), epilogue);
  auto create = [&](auto tag) {
    decltype(tag)::create(builder, op->getLoc(), getRows(input), buffer, weight,
                          modulator ? lookup(modulator) : Value(), output,
                          epilogueAttr, scale, cap, kernel::TileAttr(),
                          kernel::PartitionAttr());
  };
  if (bufferType.getRows() <= kMaxGemvRows)
    create(kernel::GemvOp());
  else
    create(kernel::GemmOp());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::LinearOp op) {
  return convertProduct(op, op.getInput(), Value(),
                        op.getCap() ? kernel::Epilogue::Softcap
                                    : kernel::Epilogue::None,
                        op.getScaleAttr(), op.getCapAttr());
}

LogicalResult FunctionConversion::convert(gemma::GatedLinearOp op) {
  return convertProduct(op, op.getInput(), Value(), kernel::Epilogue::GeluGate,
                        builder.getF32FloatAttr(1), FloatAttr());
}

LogicalResult FunctionConversion::convert(gemma::ModulatedLinearOp op) {
  return convertProduct(op, op.getInput(), op.getModulator(),
                        kernel::Epilogue::GeluMul, builder.getF32FloatAttr(1),
                        FloatAttr());
}

/// `groups` stands for the chosen experts in all that reads them.
LogicalResult FunctionConversion::convert(gemma::RouteOp op) {
  Value scale = getVector(op, op.getScale());
  if (!scale)
    return failure();
  Location loc = op.getLoc();
  Value weights = getOutput(op.getWeights());
  auto type = cast<kernel::BufferType>(weights.getType());
  Value experts = createBuffer(loc, type.getRows(), type.getColumns(),
                               kernel::Element::I32);
  int64_t columns =
      kernel::RouteOp::getGroupColumns(op.getLogits().getType().getDimSize(1),
                                       type.getRows() * type.getColumns());
  Value groups = createBuffer(loc, 1, columns, kernel::Element::I32);
  kernel::RouteOp::create(builder, loc, getRows(op.getLogits()),
                          lookup(op.getLogits()), scale, weights, experts,
                          groups, kernel::PartitionAttr());
  values[op.getExperts()] = groups;
  return success();
}

LogicalResult FunctionConversion::keepInside(OpResult result) {
  if (!destinations.contains(result))
    return success();
  return result.getOwner()->emitOpError(
      "has a result outside of its function; what experts compute is grouped "
      "and stays inside");
}

/// True if `value` has a row for each expert of a row, grouped by `experts`.
static bool isGrouped(Value value, Value experts) {
  if (auto gated = value.getDefiningOp<gemma::ExpertGatedLinearOp>())
    return gated.getExperts() == experts;
  auto quantize = value.getDefiningOp<gemma::ExpertQuantizeOp>();
  return quantize && quantize.getExperts() == experts;
}

/// Its result is grouped as that of expert_gated_linear.
LogicalResult FunctionConversion::convert(gemma::ExpertQuantizeOp op) {
  if (failed(keepInside(op->getResult(0))))
    return failure();
  Value scale;
  if (op.getScale() && !(scale = getVector(op, op.getScale())))
    return failure();
  Value input = lookup(op.getInput()), groups = lookup(op.getExperts());
  bool grouped = isGrouped(op.getInput(), op.getExperts());
  auto type = cast<kernel::BufferType>(input.getType());
  int64_t chosen = op.getExperts().getType().getDimSize(1);
  int64_t columns = op.getResult().getType().getDimSize(1) / chosen;
  if (!grouped && type.getColumns() != columns)
    return op.emitOpError("reads parts of rows that no "
                          "gemma.expert_gated_linear of its function has "
                          "grouped by expert");
  int64_t pairs = grouped ? type.getRows() : type.getRows() * chosen;
  int64_t experts = kernel::RouteOp::getExpertsOf(
      cast<kernel::BufferType>(groups.getType()).getColumns(), pairs);
  Value output = createBuffer(op.getLoc(), pairs, columns, kernel::Element::U8);
  kernel::ExpertQuantizeOp::create(
      builder, op.getLoc(), getRows(op.getExperts()), input, groups, scale,
      output, builder.getI64IntegerAttr(experts),
      builder.getI64IntegerAttr(chosen),
      grouped ? builder.getUnitAttr() : UnitAttr(), kernel::PartitionAttr());
  values[op.getResult()] = output;
  return success();
}

/// Its result has a row for each expert of a row, which are grouped by expert.
LogicalResult FunctionConversion::convert(gemma::ExpertGatedLinearOp op) {
  Value weight = getWeight(op, {WeightUse::GatedExperts, {op.getMatrices()}});
  if (!weight || failed(keepInside(op->getResult(0))))
    return failure();
  Location loc = op.getLoc();
  Value input = lookup(op.getInput()), groups = lookup(op.getExperts());
  Value rowCount = getRows(op.getInput());
  auto type = cast<kernel::BufferType>(input.getType());
  auto matrices = cast<RankedTensorType>(op.getMatrices().getType());
  auto experts = builder.getI64IntegerAttr(matrices.getDimSize(0));
  int64_t chosen = op.getExperts().getType().getDimSize(1);
  int64_t pairs = type.getRows();
  if (!isGrouped(op.getInput(), op.getExperts())) {
    if (type.getColumns() != matrices.getDimSize(2) ||
        op.getInput().getDefiningOp<gemma::ExpertQuantizeOp>())
      return op.emitOpError("reads a row for each expert that no "
                            "gemma.expert_quantize of its function has made "
                            "for the same choice");
    pairs *= chosen;
    Value grouped =
        createBuffer(loc, pairs, type.getColumns(), type.getElement());
    kernel::GroupRowsOp::create(builder, loc, rowCount, input, groups, grouped,
                                experts, kernel::PartitionAttr());
    program.countStage();
    input = grouped;
  }
  auto resultType = cast<RankedTensorType>(op.getResult().getType());
  kernel::Element element = isa<gemma::Q8Type>(resultType.getElementType())
                                ? kernel::Element::Q8
                                : kernel::Element::F32;
  Value output = createBuffer(loc, pairs, matrices.getDimSize(1) / 2, element);
  kernel::ExpertGatedOp::create(
      builder, loc, rowCount, input, weight, groups, output, experts,
      builder.getI64IntegerAttr(chosen), kernel::PartitionAttr());
  values[op.getResult()] = output;
  return success();
}

LogicalResult FunctionConversion::convert(gemma::ExpertLinearOp op) {
  Value weight = getWeight(op, {WeightUse::Experts, {op.getMatrices()}});
  if (!weight)
    return failure();
  if (!isGrouped(op.getInput(), op.getExperts()))
    return op->emitOpError("reads rows that no gemma.expert_gated_linear of "
                           "its function has grouped by expert");
  auto matrices = cast<RankedTensorType>(op.getMatrices().getType());
  Value output = getOutput(op.getResult());
  kernel::ExpertSumOp::create(
      builder, op.getLoc(), getRows(op.getWeights()), lookup(op.getInput()),
      weight, lookup(op.getExperts()), lookup(op.getWeights()), output,
      builder.getI64IntegerAttr(matrices.getDimSize(0)),
      kernel::PartitionAttr());
  return success();
}
