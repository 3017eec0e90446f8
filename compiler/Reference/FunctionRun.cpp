//===- FunctionRun.cpp - Walks a function, op by op -----------------------===//

#include "compiler/Reference/FunctionRun.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::reference;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static void collectNames(Location location, std::vector<std::string> &names) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    std::string text = name.getName().str();
    if (!llvm::is_contained(names, text))
      names.push_back(text);
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      collectNames(part, names);
  }
}

std::vector<std::string> reference::getLocationNames(Location location) {
  std::vector<std::string> names;
  collectNames(location, names);
  return names;
}

/// "layers.M.rest" -> "layers.N.rest" with N = layer; other names are
/// unchanged.
static std::string renameLayer(StringRef name, int64_t layer) {
  StringRef rest = name;
  unsigned number;
  if (!rest.consume_front("layers.") || rest.consumeInteger(10, number))
    return name.str();
  return ("layers." + Twine(layer) + rest).str();
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

FailureOr<std::vector<RuntimeValue>>
FunctionRun::run(func::FuncOp function, std::vector<RuntimeValue> arguments) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitOpError(
        "cannot be interpreted: its body must be one block");
  Block &block = function.getBody().front();
  for (auto [argument, value] :
       llvm::zip_equal(block.getArguments(), std::move(arguments)))
    values.insert_or_assign(argument, value);

  llvm::DenseMap<Value, int64_t> remainingUses;
  for (Operation &op : block) {
    for (Value operand : op.getOperands())
      ++remainingUses[operand];
  }
  for (Operation &op : block) {
    if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      std::vector<RuntimeValue> results;
      for (Value operand : ret.getOperands())
        results.push_back(get(operand));
      return results;
    }
    if (failed(execute(&op)))
      return failure();
    if (!stopped)
      observe(&op);
    if (stopped)
      return std::vector<RuntimeValue>();
    for (Value operand : op.getOperands())
      if (--remainingUses[operand] == 0)
        values.erase(operand);
  }
  llvm_unreachable("a verified function ends with func.return");
}

LogicalResult FunctionRun::execute(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<gemma::GetWeightOp, gemma::GetCacheOp, gemma::EmbedOp,
            gemma::LinearOp, gemma::RmsNormOp, gemma::RopeTableOp,
            gemma::RopeOp, gemma::KvWriteOp, gemma::AttentionOp,
            gemma::GeluMulOp, gemma::AddOp, gemma::ScaleOp, gemma::ScaleByOp,
            gemma::SliceOp, gemma::SoftcapOp, gemma::SelectLastOp,
            gemma::AdaptOp, gemma::QuantizeOp, gemma::ExpertQuantizeOp,
            gemma::PleInputsOp, gemma::PrepareQkvOp, gemma::PrepareKvOp,
            gemma::PrepareQOp, gemma::GatedLinearOp, gemma::ModulatedLinearOp,
            gemma::ResidualNormOp, gemma::SoftmaxOp, gemma::TopExpertsOp,
            gemma::ExpertGatedLinearOp, gemma::ExpertLinearOp, gemma::RouteOp>(
          [&](auto concrete) { return execute(concrete); })
      .Case([&](func::CallOp concrete) { return call(concrete); })
      .Default([](Operation *other) {
        return other->emitOpError(
            "cannot be interpreted; supported are the gemma dialect, func.call "
            "and func.return");
      });
}

LogicalResult FunctionRun::call(func::CallOp op) {
  auto callee = interpreter.module.lookupSymbol<func::FuncOp>(op.getCallee());
  std::vector<RuntimeValue> arguments;
  for (Value operand : op.getOperands())
    arguments.push_back(get(operand));
  std::optional<int64_t> calleeLayer = gemma::getLayer(op);
  FunctionRun nested(interpreter, calleeLayer ? calleeLayer : layer);
  auto results = nested.run(callee, std::move(arguments));
  if (failed(results))
    return failure();
  stopped = nested.hasStopped();
  if (!stopped)
    for (auto [result, value] : llvm::zip_equal(op.getResults(), *results))
      values.insert_or_assign(result, value);
  return success();
}

void FunctionRun::observe(Operation *op) {
  // What a called function computed was observed inside.
  if (!interpreter.observer || isa<func::CallOp>(op))
    return;
  std::vector<std::string> names = getLocationNames(op->getLoc());
  if (layer)
    for (std::string &name : names)
      name = renameLayer(name, *layer);
  // The two results of one elementary op have names of their own.
  bool namesAreOfResults = isa<gemma::TopExpertsOp>(op) && names.size() == 2;
  for (OpResult result : op->getResults()) {
    unsigned number = result.getResultNumber();
    ArrayRef<std::string> own = names;
    if (namesAreOfResults)
      own = own.slice(number, 1);
    auto *value = std::get_if<TensorRef>(&get(result));
    if (value && interpreter.observer({own, op, number, **value}) == Next::Stop)
      stopped = true;
  }
}

//===----------------------------------------------------------------------===//
// Operands and results
//===----------------------------------------------------------------------===//

FailureOr<std::vector<float>> FunctionRun::vector(Operation *op, Value value) {
  if (!value)
    return std::vector<float>();
  llvm::Expected<std::vector<float>> values =
      readVector(resources, weight(value));
  if (!values)
    return fail(op, values.takeError());
  return std::move(*values);
}

FailureOr<KvState> FunctionRun::state(Operation *op, Value value) {
  KvState state = std::get<KvState>(get(value));
  if (state.version != state.cache->version)
    return op->emitOpError(
        "uses a KV state that a later kv_write has already replaced");
  return state;
}

LogicalResult FunctionRun::set(Value result, Tensor value) {
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  if (isa<gemma::Q8Type>(element))
    value = quantize(value);
  else if (isa<gemma::U8Type>(element))
    value = quantizeRows(value);
  values.insert_or_assign(result,
                          std::make_shared<const Tensor>(std::move(value)));
  return success();
}

LogicalResult FunctionRun::set(Operation *op, Value result,
                               llvm::Expected<Tensor> value) {
  if (!value)
    return fail(op, value.takeError());
  return set(result, std::move(*value));
}
