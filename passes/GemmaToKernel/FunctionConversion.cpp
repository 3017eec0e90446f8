//===- FunctionConversion.cpp - The body of one function ------------------===//

#include "passes/GemmaToKernel/ProgramConversion.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma_to_kernel;

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
  LogicalResult result =
      TypeSwitch<Operation *, LogicalResult>(op)
          .Case<func::ReturnOp, func::CallOp, gemma::GetWeightOp,
                gemma::GetCacheOp, gemma::EmbedOp, gemma::SliceOp,
                gemma::SelectLastOp, gemma::LinearOp, gemma::GatedLinearOp,
                gemma::ModulatedLinearOp, gemma::RmsNormOp, gemma::QuantizeOp,
                gemma::ExpertQuantizeOp, gemma::RopeTableOp, gemma::GeluMulOp,
                gemma::AdaptOp, gemma::PleInputsOp, gemma::PrepareQkvOp,
                gemma::PrepareKvOp, gemma::PrepareQOp, gemma::AttentionOp,
                gemma::ResidualNormOp, gemma::RouteOp,
                gemma::ExpertGatedLinearOp, gemma::ExpertLinearOp>(
              [&](auto known) { return convert(known); })
          .Default([&](Operation *) {
            InFlightDiagnostic error = op->emitError()
                                       << "no kernel stage for "
                                       << op->getName().getStringRef();
            if (auto layer = gemma::getLayer(op))
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

LogicalResult FunctionConversion::convert(func::ReturnOp op) {
  func::ReturnOp::create(builder, op.getLoc());
  return success();
}

LogicalResult FunctionConversion::convert(func::CallOp call) {
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
