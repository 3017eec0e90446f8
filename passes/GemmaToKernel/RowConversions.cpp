//===- RowConversions.cpp - Ops that become stages on rows --------------===//
//
// Tensors of rows become buffers; slices of them become views.
//
//===----------------------------------------------------------------------===//

#include "passes/GemmaToKernel/ProgramConversion.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma_to_kernel;

/// Weights have an address where a stage reads them.
LogicalResult FunctionConversion::convert(gemma::GetWeightOp) {
  return success();
}

LogicalResult FunctionConversion::convert(gemma::GetCacheOp op) {
  values[op] = kernel::CacheAddressOp::create(
      builder, op.getLoc(), program.getCacheType(op.getType()),
      program.getCache(op.getCacheAttr()));
  return success();
}

LogicalResult FunctionConversion::convert(gemma::EmbedOp op) {
  Value table = getWeight(op, {WeightUse::Table, {op.getTable()}});
  if (!table)
    return failure();
  Value output = getOutput(op.getResult());
  kernel::GatherOp::create(builder, op.getLoc(), getRows(op.getIds()),
                           lookup(op.getIds()), table, output,
                           op.getScaleAttr(), kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::SliceOp op) {
  Value input = lookup(op.getInput());
  auto type = cast<kernel::BufferType>(input.getType());
  int64_t columns = op.getResult().getType().getDimSize(1);
  if (columns == type.getColumns()) {
    values[op] = input;
    return success();
  }
  values[op] = kernel::ColumnsOp::create(
      builder, op.getLoc(),
      kernel::BufferType::get(op.getContext(), type.getRows(), columns,
                              type.getElement(), type.getRowBytes()),
      input, op.getOffsetAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::SelectLastOp op) {
  Value input = lookup(op.getInput());
  auto type = cast<kernel::BufferType>(input.getType());
  values[op] = kernel::LastRowOp::create(
      builder, op.getLoc(),
      kernel::BufferType::get(op.getContext(), 1, type.getColumns(),
                              type.getElement(), /*stride=*/0),
      getRows(op.getInput()), input);
  return success();
}

LogicalResult FunctionConversion::convert(gemma::RmsNormOp op) {
  Value weight;
  if (op.getWeight() && !(weight = getVector(op, op.getWeight())))
    return failure();
  Value output = getOutput(op.getResult());
  kernel::RmsNormOp::create(builder, op.getLoc(), getRows(op.getInput()),
                            lookup(op.getInput()), weight, output,
                            op.getEpsAttr(), op.getGroupAttr(),
                            kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::QuantizeOp op) {
  Value scale;
  if (op.getScale() && !(scale = getVector(op, op.getScale())))
    return failure();
  Value output = getOutput(op.getResult());
  kernel::QuantizeOp::create(builder, op.getLoc(), getRows(op.getInput()),
                             lookup(op.getInput()), scale, output,
                             kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::RopeTableOp op) {
  Value output = getOutput(op.getResult());
  kernel::RopeTableOp::create(
      builder, op.getLoc(), getRows(op.getPositions()),
      lookup(op.getPositions()), output, op.getHeadDimAttr(), op.getPairsAttr(),
      op.getThetaAttr(), op.getFactorAttr(), kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::GeluMulOp op) {
  Value output = getOutput(op.getResult());
  kernel::GeluMulOp::create(builder, op.getLoc(), getRows(op.getGate()),
                            lookup(op.getGate()), lookup(op.getUp()), output,
                            kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::AdaptOp op) {
  Value a = getVector(op, op.getA()), b = getVector(op, op.getB());
  if (!a || !b)
    return failure();
  Value output = getOutput(op.getResult());
  kernel::AdaptOp::create(builder, op.getLoc(), getRows(op.getBase()),
                          lookup(op.getBase()), lookup(op.getInput()), a, b,
                          output, op.getRankAttr(), op.getOffsetAttr(),
                          kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::PleInputsOp op) {
  Value norm = getVector(op, op.getNorm());
  if (!norm)
    return failure();
  Value output = getOutput(op.getResult());
  kernel::PleInputsOp::create(builder, op.getLoc(), getRows(op.getContext()),
                              lookup(op.getContext()), lookup(op.getToken()),
                              norm, output, op.getEpsAttr(), op.getFactorAttr(),
                              kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::PrepareQkvOp op) {
  Value queryNorm = getVector(op, op.getQNorm());
  Value keyNorm = getVector(op, op.getKNorm());
  if (!queryNorm || !keyNorm)
    return failure();
  Value cache = values[op.getKv()] = lookup(op.getCache());
  Value output = getOutput(op.getQuery());
  kernel::PrepareQkvOp::create(
      builder, op.getLoc(), getRows(op.getQkv()), lookup(op.getQkv()),
      queryNorm, keyNorm, lookup(op.getTable()), lookup(op.getPositions()),
      cache, output, op.getEpsAttr(), op.getHeadsAttr(), op.getRawValuesAttr(),
      kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::PrepareKvOp op) {
  Value keyNorm = getVector(op, op.getKNorm());
  if (!keyNorm)
    return failure();
  Value cache = values[op.getKv()] = lookup(op.getCache());
  kernel::PrepareKvOp::create(builder, op.getLoc(), getRows(op.getProjected()),
                              lookup(op.getProjected()), keyNorm,
                              lookup(op.getTable()), lookup(op.getPositions()),
                              cache, op.getEpsAttr(), op.getRawValuesAttr(),
                              kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::PrepareQOp op) {
  Value queryNorm = getVector(op, op.getQNorm());
  if (!queryNorm)
    return failure();
  int64_t heads = op.getQuery().getType().getDimSize(1) /
                  op.getQNorm().getType().getDimSize(0);
  Value output = getOutput(op.getResult());
  kernel::PrepareQOp::create(
      builder, op.getLoc(), getRows(op.getQuery()), lookup(op.getQuery()),
      queryNorm, lookup(op.getTable()), output, op.getEpsAttr(),
      builder.getI64IntegerAttr(heads), kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::ResidualNormOp op) {
  Value norm = getVector(op, op.getNorm()), scalar, nextNorm, next;
  if (!norm || (op.getScalar() && !(scalar = getVector(op, op.getScalar()))) ||
      (op.getNextNorm() && !(nextNorm = getVector(op, op.getNextNorm()))))
    return failure();
  Value sum = getOutput(op.getSum());
  if (op.getNext())
    next = getOutput(op.getNext());
  kernel::ResidualNormOp::create(
      builder, op.getLoc(), getRows(op.getInput()), lookup(op.getInput()), norm,
      lookup(op.getResidual()), scalar, nextNorm, sum, next, op.getEpsAttr(),
      kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convert(gemma::AttentionOp op) {
  Value output = getOutput(op.getResult());
  Value query = lookup(op.getQuery()), cache = lookup(op.getKv());
  auto cacheType = cast<kernel::CacheType>(cache.getType());
  auto outputType = cast<kernel::BufferType>(output.getType());
  int64_t rows = cast<kernel::BufferType>(query.getType()).getRows();
  Value partials;
  if (rows <= kernel::AttentionOp::kMostRowsOfParts &&
      kernel::AttentionOp::hasWholeHeads(outputType, cacheType)) {
    int64_t columns = kernel::AttentionOp::getPartialColumns(
        op.getHeads(), cacheType.getHeadDim());
    partials = createBuffer(op.getLoc(), rows, columns, kernel::Element::F32);
  }
  kernel::AttentionOp::create(builder, op.getLoc(), getRows(op.getQuery()),
                              query, cache, lookup(op.getPositions()), partials,
                              output, op.getHeadsAttr(),
                              kernel::PartitionAttr());
  return success();
}
