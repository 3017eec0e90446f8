//===- FunctionConversion.cpp - The body of one function ------------------===//

#include "passes/GemmaToKernel/ProgramConversion.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma_to_kernel;

/// Rows up to which a product reads the weights once (gemv) instead of blocking
/// for registers (gemm): the most rows of a decode step.
static constexpr int64_t kMaxGemvRows = 8;

/// True if `type` counts rows by the step.
static bool hasStepRows(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() > 0 && tensor.isDynamicDim(0);
}

/// The value before the first write of a KV state.
static Value getFirstState(Value state) {
  while (Operation *op = state.getDefiningOp()) {
    if (auto prepare = dyn_cast<gemma::PrepareQkvOp>(op))
      state = prepare.getCache();
    else if (auto prepare = dyn_cast<gemma::PrepareKvOp>(op))
      state = prepare.getCache();
    else
      break;
  }
  return state;
}

FailureOr<SmallVector<ResultSource>>
gemma_to_kernel::getResultSources(func::FuncOp function) {
  SmallVector<ResultSource> sources;
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [index, operand] : llvm::enumerate(terminator->getOperands())) {
    Value value = getFirstState(operand);
    auto earlier =
        llvm::find(terminator->getOperands().take_front(index), operand);
    if (auto argument = dyn_cast<BlockArgument>(value))
      sources.push_back(
          {ResultSource::Argument, argument.getArgNumber(), nullptr});
    else if (auto get = value.getDefiningOp<gemma::GetCacheOp>())
      sources.push_back({ResultSource::Cache, 0, get.getCacheAttr()});
    else if (size_t first = std::distance(terminator->operand_begin(), earlier);
             first < index)
      sources.push_back({ResultSource::Result, unsigned(first), nullptr});
    else if (!isa<RankedTensorType>(value.getType()) ||
             isa<gemma::SliceOp, gemma::SelectLastOp, gemma::GetWeightOp>(
                 value.getDefiningOp()))
      return value.getDefiningOp()->emitOpError()
             << "is result " << index << " of '" << function.getName()
             << "', but no stage writes it to a buffer of its own; let the "
                "caller do it";
    else
      sources.push_back({ResultSource::Output, 0, nullptr});
  }
  return sources;
}

//===----------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------===//

LogicalResult FunctionConversion::convertEntry() {
  Block *block = target.addEntryBlock();
  builder.setInsertionPointToStart(block);
  rows = block->getArgument(0);
  for (BlockArgument argument : source.getArguments()) {
    if (getElementTypeOrSelf(argument).isInteger(32)) {
      values[argument] = block->getArgument(1);
      continue;
    }
    auto alloc = kernel::AllocOp::create(
        builder, source.getLoc(),
        program.getBufferType(argument.getType(), maxRows), IntegerAttr());
    kernel::LoadRowsOp::create(builder, source.getLoc(), rows, alloc,
                               kernel::PartitionAttr());
    program.countStage();
    values[argument] = alloc;
  }
  for (Value logits : source.getBody().front().getTerminator()->getOperands())
    destinations[logits] = block->getArgument(2);
  return convertBody();
}

LogicalResult FunctionConversion::convertLayer() {
  Block *block = target.addEntryBlock();
  builder.setInsertionPointToStart(block);
  rows = block->getArgument(0);
  unsigned next = 1;
  ArrayRef<WeightGroup> groups = program.getGroups().getArgumentGroups(source);
  for (BlockArgument argument : source.getArguments())
    if (!argument.use_empty() && !isWeight(argument, groups))
      values[argument] = block->getArgument(next++);
  for (const WeightGroup &group : groups)
    weights.emplace_back(group, block->getArgument(next++));
  FailureOr<SmallVector<ResultSource>> results = getResultSources(source);
  if (failed(results))
    return failure();
  Operation *terminator = source.getBody().front().getTerminator();
  for (auto [index, result] : llvm::enumerate(*results))
    if (result.kind == ResultSource::Output)
      destinations[terminator->getOperand(index)] = block->getArgument(next++);
  return convertBody();
}

LogicalResult FunctionConversion::convertBody() {
  for (Operation &op : source.getBody().front())
    if (failed(convertOp(&op)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value FunctionConversion::getConstant(int64_t value) {
  Value &constant = constants[value];
  if (!constant) {
    OpBuilder start = OpBuilder::atBlockBegin(&target.getBody().front());
    constant = arith::ConstantOp::create(start, source.getLoc(),
                                         start.getI64IntegerAttr(value));
  }
  return constant;
}

Value FunctionConversion::getRows(Value tensor) {
  if (hasStepRows(tensor.getType()))
    return rows;
  return getConstant(cast<RankedTensorType>(tensor.getType()).getDimSize(0));
}

Value FunctionConversion::getWeight(Operation *user, const WeightGroup &group) {
  for (auto &[known, value] : weights)
    if (known == group)
      return value;
  auto packed = program.getPacked(user, group);
  if (failed(packed))
    return {};
  Value address = kernel::WeightAddressOp::create(
      builder, user->getLoc(), packed->second, packed->first);
  weights.emplace_back(group, address);
  return address;
}

Value FunctionConversion::getVector(Operation *user, Value vector) {
  return getWeight(user, {WeightUse::Vector, {vector}});
}

Value FunctionConversion::getOutput(Value result) {
  Value &value = values[result];
  value = destinations.lookup(result);
  if (!value)
    value = kernel::AllocOp::create(
        builder, result.getLoc(),
        program.getBufferType(result.getType(), maxRows), IntegerAttr());
  return value;
}

Value FunctionConversion::createBuffer(Location loc, int64_t bufferRows,
                                       int64_t columns,
                                       kernel::Element element) {
  return kernel::AllocOp::create(builder, loc,
                                 kernel::BufferType::get(builder.getContext(),
                                                         bufferRows, columns,
                                                         element, /*stride=*/0),
                                 IntegerAttr());
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult FunctionConversion::checkOperands(Operation *op) {
  if (isa<func::ReturnOp, func::CallOp>(op))
    return success();
  // A weight is an operand as often as it is part of a group, and not as rows.
  SmallVector<Value> weights;
  for (const WeightGroup &group : program.getGroups().getGroups(op))
    llvm::append_range(weights, group.values);
  for (Value operand : op->getOperands())
    if (!lookup(operand) && llvm::count(op->getOperands(), operand) !=
                                llvm::count(weights, operand))
      return emitRowsExpected(op, operand);
  return success();
}

LogicalResult FunctionConversion::emitRowsExpected(Operation *op,
                                                   Value operand) {
  return op->emitOpError() << "reads a weight of type " << operand.getType()
                           << " where it needs rows";
}

LogicalResult FunctionConversion::convertOp(Operation *op) {
  if (failed(checkOperands(op)))
    return failure();
  Location loc = op->getLoc();
  kernel::PartitionAttr partition;
  auto layer = gemma::getLayer(op);
  LogicalResult result =
      TypeSwitch<Operation *, LogicalResult>(op)
          .Case([&](func::ReturnOp) {
            func::ReturnOp::create(builder, loc);
            return success();
          })
          .Case([&](func::CallOp call) { return convertCall(call); })
          .Case([&](gemma::GetWeightOp) { return success(); })
          .Case([&](gemma::GetCacheOp o) {
            values[o] = kernel::CacheAddressOp::create(
                builder, loc, program.getCacheType(o.getType()),
                program.getCache(o.getCacheAttr()));
            return success();
          })
          .Case([&](gemma::EmbedOp o) { return convertEmbed(o); })
          .Case([&](gemma::SliceOp o) { return convertSlice(o); })
          .Case([&](gemma::SelectLastOp o) { return convertSelectLast(o); })
          .Case([&](gemma::LinearOp o) {
            return convertProduct(o, o.getInput(), Value(),
                                  o.getCap() ? kernel::Epilogue::Softcap
                                             : kernel::Epilogue::None,
                                  o.getScaleAttr(), o.getCapAttr());
          })
          .Case([&](gemma::GatedLinearOp o) {
            return convertProduct(o, o.getInput(), Value(),
                                  kernel::Epilogue::GeluGate,
                                  builder.getF32FloatAttr(1), FloatAttr());
          })
          .Case([&](gemma::ModulatedLinearOp o) {
            return convertProduct(o, o.getInput(), o.getModulator(),
                                  kernel::Epilogue::GeluMul,
                                  builder.getF32FloatAttr(1), FloatAttr());
          })
          .Case([&](gemma::RmsNormOp o) {
            Value weight;
            if (o.getWeight() && !(weight = getVector(o, o.getWeight())))
              return failure();
            Value output = getOutput(o.getResult());
            kernel::RmsNormOp::create(
                builder, loc, getRows(o.getInput()), lookup(o.getInput()),
                weight, output, o.getEpsAttr(), o.getGroupAttr(), partition);
            return success();
          })
          .Case([&](gemma::QuantizeOp o) {
            Value scale;
            if (o.getScale() && !(scale = getVector(o, o.getScale())))
              return failure();
            Value output = getOutput(o.getResult());
            kernel::QuantizeOp::create(builder, loc, getRows(o.getInput()),
                                       lookup(o.getInput()), scale, output,
                                       partition);
            return success();
          })
          .Case([&](gemma::RopeTableOp o) {
            Value output = getOutput(o.getResult());
            kernel::RopeTableOp::create(builder, loc, getRows(o.getPositions()),
                                        lookup(o.getPositions()), output,
                                        o.getHeadDimAttr(), o.getPairsAttr(),
                                        o.getThetaAttr(), o.getFactorAttr(),
                                        partition);
            return success();
          })
          .Case([&](gemma::GeluMulOp o) {
            Value output = getOutput(o.getResult());
            kernel::GeluMulOp::create(builder, loc, getRows(o.getGate()),
                                      lookup(o.getGate()), lookup(o.getUp()),
                                      output, partition);
            return success();
          })
          .Case([&](gemma::AdaptOp o) {
            Value a = getVector(o, o.getA()), b = getVector(o, o.getB());
            if (!a || !b)
              return failure();
            Value output = getOutput(o.getResult());
            kernel::AdaptOp::create(builder, loc, getRows(o.getBase()),
                                    lookup(o.getBase()), lookup(o.getInput()),
                                    a, b, output, o.getRankAttr(),
                                    o.getOffsetAttr(), partition);
            return success();
          })
          .Case([&](gemma::PleInputsOp o) {
            Value norm = getVector(o, o.getNorm());
            if (!norm)
              return failure();
            Value output = getOutput(o.getResult());
            kernel::PleInputsOp::create(
                builder, loc, getRows(o.getContext()), lookup(o.getContext()),
                lookup(o.getToken()), norm, output, o.getEpsAttr(),
                o.getFactorAttr(), partition);
            return success();
          })
          .Case([&](gemma::PrepareQkvOp o) { return convertPrepareQkv(o); })
          .Case([&](gemma::PrepareKvOp o) { return convertPrepareKv(o); })
          .Case([&](gemma::PrepareQOp o) { return convertPrepareQ(o); })
          .Case([&](gemma::AttentionOp o) {
            convertAttention(o);
            return success();
          })
          .Case([&](gemma::ResidualNormOp o) { return convertResidualNorm(o); })
          .Case([&](gemma::RouteOp o) { return convertRoute(o); })
          .Case([&](gemma::ExpertGatedLinearOp o) {
            return convertExpertGated(o);
          })
          .Case([&](gemma::ExpertLinearOp o) { return convertExpertLinear(o); })
          .Default([&](Operation *) {
            InFlightDiagnostic error = op->emitError()
                                       << "no kernel stage for "
                                       << op->getName().getStringRef();
            if (layer)
              error << " in layer " << *layer;
            error << "; the gemma passes fuse it into an op that has one";
            return error;
          });
  if (succeeded(result) && isa<gemma::GemmaDialect>(op->getDialect()) &&
      !isa<gemma::GetWeightOp, gemma::GetCacheOp, gemma::SliceOp,
           gemma::SelectLastOp>(op))
    program.countStage();
  return result;
}

void FunctionConversion::convertAttention(gemma::AttentionOp op) {
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
}

/// `groups` stands for the chosen experts in all that reads them.
LogicalResult FunctionConversion::convertRoute(gemma::RouteOp op) {
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

/// Its result has a row for each expert of a row, which are grouped by expert.
LogicalResult
FunctionConversion::convertExpertGated(gemma::ExpertGatedLinearOp op) {
  Value weight = getWeight(op, {WeightUse::GatedExperts, {op.getMatrices()}});
  if (!weight)
    return failure();
  if (destinations.contains(op.getResult()))
    return op->emitOpError("has a result outside of its function; what "
                           "experts compute is grouped and stays inside");
  Location loc = op.getLoc();
  Value input = lookup(op.getInput()), groups = lookup(op.getExperts());
  Value rowCount = getRows(op.getInput());
  auto type = cast<kernel::BufferType>(input.getType());
  auto matrices = cast<RankedTensorType>(op.getMatrices().getType());
  auto experts = builder.getI64IntegerAttr(matrices.getDimSize(0));
  int64_t chosen = op.getExperts().getType().getDimSize(1);
  int64_t pairs = type.getRows() * chosen;
  Value grouped =
      createBuffer(loc, pairs, type.getColumns(), type.getElement());
  kernel::GroupRowsOp::create(builder, loc, rowCount, input, groups, grouped,
                              experts, kernel::PartitionAttr());
  auto resultType = cast<RankedTensorType>(op.getResult().getType());
  kernel::Element element = isa<gemma::Q8Type>(resultType.getElementType())
                                ? kernel::Element::Q8
                                : kernel::Element::F32;
  Value output = createBuffer(loc, pairs, matrices.getDimSize(1) / 2, element);
  kernel::ExpertGatedOp::create(
      builder, loc, rowCount, grouped, weight, groups, output, experts,
      builder.getI64IntegerAttr(chosen), kernel::PartitionAttr());
  program.countStage();
  values[op.getResult()] = output;
  return success();
}

LogicalResult
FunctionConversion::convertExpertLinear(gemma::ExpertLinearOp op) {
  Value weight = getWeight(op, {WeightUse::Experts, {op.getMatrices()}});
  if (!weight)
    return failure();
  if (!op.getInput().getDefiningOp<gemma::ExpertGatedLinearOp>())
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

LogicalResult FunctionConversion::convertCall(func::CallOp call) {
  func::FuncOp callee = getCallee(call);
  ArrayRef<WeightGroup> groups = program.getGroups().getArgumentGroups(callee);
  FailureOr<SmallVector<ResultSource>> results = getResultSources(callee);
  if (failed(results))
    return failure();

  bool stepRows = llvm::any_of(call.getOperandTypes(), hasStepRows) ||
                  llvm::any_of(call.getResultTypes(), hasStepRows);
  SmallVector<Value> operands{stepRows ? rows : getConstant(1)};
  for (BlockArgument argument : callee.getArguments())
    if (!argument.use_empty() && !isWeight(argument, groups)) {
      Value operand = call.getOperand(argument.getArgNumber());
      if (!lookup(operand))
        return emitRowsExpected(call, operand);
      operands.push_back(lookup(operand));
    }
  for (const WeightGroup &group : program.getGroups().getGroups(call)) {
    Value weight = getWeight(call, group);
    if (!weight)
      return failure();
    operands.push_back(weight);
  }
  for (auto [result, source] : llvm::zip_equal(call.getResults(), *results)) {
    switch (source.kind) {
    case ResultSource::Output:
      operands.push_back(getOutput(result));
      break;
    case ResultSource::Argument:
      values[result] = lookup(call.getOperand(source.index));
      break;
    case ResultSource::Result:
      values[result] = lookup(call.getResult(source.index));
      break;
    case ResultSource::Cache:
      // The callee reaches the cache by its symbol, and so does the caller.
      values[result] = kernel::CacheAddressOp::create(
          builder, call.getLoc(),
          program.getCacheType(cast<gemma::KvType>(result.getType())),
          program.getCache(source.symbol));
      break;
    }
  }
  FailureOr<func::FuncOp> function =
      program.getFunction(callee, stepRows ? maxRows : 1,
                          llvm::to_vector(ValueRange(operands).getTypes()));
  if (failed(function))
    return failure();
  if (auto layer = gemma::getLayer(call))
    kernel::CountRowsOp::create(builder, call.getLoc(), operands.front(),
                                builder.getI64IntegerAttr(*layer));
  func::CallOp::create(builder, call.getLoc(), *function, operands);
  return success();
}

LogicalResult FunctionConversion::convertEmbed(gemma::EmbedOp op) {
  Value table = getWeight(op, {WeightUse::Table, {op.getTable()}});
  if (!table)
    return failure();
  Value output = getOutput(op.getResult());
  kernel::GatherOp::create(builder, op.getLoc(), getRows(op.getIds()),
                           lookup(op.getIds()), table, output,
                           op.getScaleAttr(), kernel::PartitionAttr());
  return success();
}

LogicalResult FunctionConversion::convertSlice(gemma::SliceOp op) {
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

LogicalResult FunctionConversion::convertSelectLast(gemma::SelectLastOp op) {
  Value input = lookup(op.getInput());
  auto type = cast<kernel::BufferType>(input.getType());
  values[op] = kernel::LastRowOp::create(
      builder, op.getLoc(),
      kernel::BufferType::get(op.getContext(), 1, type.getColumns(),
                              type.getElement(), /*stride=*/0),
      getRows(op.getInput()), input);
  return success();
}

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

LogicalResult FunctionConversion::convertPrepareQkv(gemma::PrepareQkvOp op) {
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

LogicalResult FunctionConversion::convertPrepareKv(gemma::PrepareKvOp op) {
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

LogicalResult FunctionConversion::convertPrepareQ(gemma::PrepareQOp op) {
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

LogicalResult
FunctionConversion::convertResidualNorm(gemma::ResidualNormOp op) {
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
