//===- Interpreter.cpp - Walks functions, dispatches to Ops.h -------------===//

#include "compiler/Reference/Interpreter.h"

#include "dialects/Gemma/GemmaOps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::reference;

using TensorRef = std::shared_ptr<const Tensor>;

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
// One call of one function
//===----------------------------------------------------------------------===//

namespace gemcut::reference {

/// Executes a function body. Values die with their last use.
class FunctionRun {
public:
  FunctionRun(Interpreter &interpreter, std::optional<int64_t> layer)
      : interpreter(interpreter), resources(interpreter.resources),
        layer(layer) {}

  /// Results of `function`; nothing if the observer stopped.
  FailureOr<std::vector<RuntimeValue>> run(func::FuncOp function,
                                           std::vector<RuntimeValue> arguments);

  bool hasStopped() const { return stopped; }

private:
  LogicalResult execute(Operation *op);
  LogicalResult call(func::CallOp op);

  // Symbols.
  LogicalResult execute(gemma::GetWeightOp op);
  LogicalResult execute(gemma::GetCacheOp op);
  // Elementary ops.
  LogicalResult execute(gemma::EmbedOp op);
  LogicalResult execute(gemma::LinearOp op);
  LogicalResult execute(gemma::RmsNormOp op);
  LogicalResult execute(gemma::RopeTableOp op);
  LogicalResult execute(gemma::RopeOp op);
  LogicalResult execute(gemma::KvWriteOp op);
  LogicalResult execute(gemma::AttentionOp op);
  LogicalResult execute(gemma::GeluMulOp op);
  LogicalResult execute(gemma::AddOp op);
  LogicalResult execute(gemma::ScaleOp op);
  LogicalResult execute(gemma::ScaleByOp op);
  LogicalResult execute(gemma::SliceOp op);
  LogicalResult execute(gemma::SoftcapOp op);
  LogicalResult execute(gemma::SelectLastOp op);
  LogicalResult execute(gemma::SoftmaxOp op);
  LogicalResult execute(gemma::TopExpertsOp op);
  LogicalResult execute(gemma::ExpertGatedLinearOp op);
  LogicalResult execute(gemma::ExpertLinearOp op);
  // Fused ops.
  LogicalResult execute(gemma::QuantizeOp op);
  LogicalResult execute(gemma::AdaptOp op);
  LogicalResult execute(gemma::PleInputsOp op);
  LogicalResult execute(gemma::PrepareQkvOp op);
  LogicalResult execute(gemma::PrepareKvOp op);
  LogicalResult execute(gemma::PrepareQOp op);
  LogicalResult execute(gemma::GatedLinearOp op);
  LogicalResult execute(gemma::ModulatedLinearOp op);
  LogicalResult execute(gemma::ResidualNormOp op);
  LogicalResult execute(gemma::RouteOp op);

  // Operands by kind.
  const RuntimeValue &get(Value value) { return values.at(value); }
  const Tensor &tensor(Value value) { return *std::get<TensorRef>(get(value)); }
  const Positions &positions(Value value) {
    return std::get<Positions>(get(value));
  }
  const Weight &weight(Value value) { return std::get<Weight>(get(value)); }
  /// The values of a weight vector; empty for an absent operand.
  FailureOr<std::vector<float>> vector(Operation *op, Value value);
  /// The KV state `value`, which must be the newest of its cache.
  FailureOr<KvState> state(Operation *op, Value value);

  /// Binds a result; a row tensor of element type q8 is quantized first.
  LogicalResult set(Value result, Tensor value);
  LogicalResult set(Operation *op, Value result, llvm::Expected<Tensor> value);
  LogicalResult fail(Operation *op, llvm::Error error) {
    return op->emitOpError() << llvm::toString(std::move(error));
  }

  /// Norms, rotates and stores K and V: the common part of the prepare ops.
  template <typename PrepareOp>
  LogicalResult prepareKv(PrepareOp op, const Tensor &key, const Tensor &value,
                          Value result);
  /// The common part of top_experts and route.
  template <typename ChoiceOp>
  LogicalResult choose(ChoiceOp op, const Tensor &probs);
  FailureOr<Tensor> prepareQ(Operation *op, const Tensor &query, Value norm,
                             Value table, float eps);

  /// Tells the observer about the row tensors among the results of `op`.
  void observe(Operation *op);

  Interpreter &interpreter;
  const Resources &resources;
  /// The layer of the call that runs this function, if it is one layer's.
  const std::optional<int64_t> layer;
  struct Less {
    bool operator()(Value a, Value b) const {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    }
  };
  std::map<Value, RuntimeValue, Less> values;
  bool stopped = false;
};

} // namespace gemcut::reference

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
            gemma::AdaptOp, gemma::QuantizeOp, gemma::PleInputsOp,
            gemma::PrepareQkvOp, gemma::PrepareKvOp, gemma::PrepareQOp,
            gemma::GatedLinearOp, gemma::ModulatedLinearOp,
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

static float toFloat(const APFloat &value) { return value.convertToFloat(); }

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

LogicalResult FunctionRun::execute(gemma::GetWeightOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  Weight weight{op.getWeight().str(), 1, 1};
  weight.columns = type.getShape().back();
  for (int64_t size : type.getShape().drop_back())
    weight.rows *= size;
  auto declared =
      interpreter.module.lookupSymbol<gemma::WeightOp>(op.getWeightAttr());
  auto readScale = [&](StringRef name, float &scale) -> LogicalResult {
    if (llvm::Error error = resources.weights.readF32(name, 0, scale))
      return fail(op, std::move(error));
    return success();
  };
  if (declared.getInputScale() &&
      failed(readScale(*declared.getInputScale(), weight.inputScale)))
    return failure();
  if (declared.getOutputScale() &&
      failed(readScale(*declared.getOutputScale(), weight.outputScale)))
    return failure();
  values.insert_or_assign(op.getResult(), std::move(weight));
  return success();
}

LogicalResult FunctionRun::execute(gemma::GetCacheOp op) {
  gemma::KvType type = op.getResult().getType();
  KvCache &cache = interpreter.caches
                       .try_emplace(op.getCache().str(), type.getHeads(),
                                    type.getHeadDim(), type.getWindow())
                       .first->second;
  // A cache that this run uses first has not been written in it yet.
  int64_t version =
      interpreter.initialVersions.try_emplace(&cache, cache.version)
          .first->second;
  values.insert_or_assign(op.getResult(), KvState{&cache, version});
  return success();
}

//===----------------------------------------------------------------------===//
// Elementary ops
//===----------------------------------------------------------------------===//

LogicalResult FunctionRun::execute(gemma::EmbedOp op) {
  return set(op, op.getResult(),
             embed(resources, std::get<Ids>(get(op.getIds())),
                   weight(op.getTable()), toFloat(op.getScale())));
}

LogicalResult FunctionRun::execute(gemma::LinearOp op) {
  std::vector<Weight> weights;
  for (Value operand : op.getWeights())
    weights.push_back(weight(operand));
  llvm::Expected<Tensor> result =
      linear(resources, tensor(op.getInput()), weights, toFloat(op.getScale()));
  if (result && op.getCap())
    result = softcap(*result, toFloat(*op.getCap()));
  return set(op, op.getResult(), std::move(result));
}

LogicalResult FunctionRun::execute(gemma::RmsNormOp op) {
  FailureOr<std::vector<float>> norm = vector(op, op.getWeight());
  if (failed(norm))
    return failure();
  return set(op.getResult(), rmsNorm(tensor(op.getInput()), *norm,
                                     toFloat(op.getEps()), op.getGroup()));
}

LogicalResult FunctionRun::execute(gemma::RopeTableOp op) {
  return set(op.getResult(),
             ropeTable(positions(op.getPositions()), op.getHeadDim(),
                       op.getPairs(), toFloat(op.getTheta()),
                       toFloat(op.getFactor())));
}

LogicalResult FunctionRun::execute(gemma::RopeOp op) {
  return set(op.getResult(), rope(tensor(op.getInput()), tensor(op.getTable()),
                                  op.getHeadDim()));
}

LogicalResult FunctionRun::execute(gemma::KvWriteOp op) {
  FailureOr<KvState> before = state(op, op.getCache());
  if (failed(before))
    return failure();
  values.insert_or_assign(op.getResult(),
                          kvWrite(tensor(op.getKey()), tensor(op.getValue()),
                                  positions(op.getPositions()), *before));
  return success();
}

LogicalResult FunctionRun::execute(gemma::AttentionOp op) {
  FailureOr<KvState> kv = state(op, op.getKv());
  if (failed(kv))
    return failure();
  return set(op.getResult(),
             attention(resources, tensor(op.getQuery()), *kv->cache,
                       positions(op.getPositions()), op.getHeads()));
}

LogicalResult FunctionRun::execute(gemma::GeluMulOp op) {
  return set(op.getResult(), geluMul(tensor(op.getGate()), tensor(op.getUp())));
}

LogicalResult FunctionRun::execute(gemma::AddOp op) {
  return set(op.getResult(), add(tensor(op.getLhs()), tensor(op.getRhs())));
}

LogicalResult FunctionRun::execute(gemma::ScaleOp op) {
  return set(op.getResult(),
             scale(tensor(op.getInput()), toFloat(op.getFactor())));
}

LogicalResult FunctionRun::execute(gemma::ScaleByOp op) {
  FailureOr<std::vector<float>> scalar = vector(op, op.getScalar());
  if (failed(scalar))
    return failure();
  return set(op.getResult(), scale(tensor(op.getInput()), scalar->front()));
}

LogicalResult FunctionRun::execute(gemma::SliceOp op) {
  return set(op.getResult(), slice(tensor(op.getInput()), op.getOffset(),
                                   op.getResult().getType().getDimSize(1)));
}

LogicalResult FunctionRun::execute(gemma::SoftcapOp op) {
  return set(op.getResult(),
             softcap(tensor(op.getInput()), toFloat(op.getCap())));
}

LogicalResult FunctionRun::execute(gemma::SelectLastOp op) {
  const RuntimeValue &input = get(op.getInput());
  if (auto *ids = std::get_if<Ids>(&input)) {
    values.insert_or_assign(op.getResult(), Ids{ids->back()});
    return success();
  }
  if (auto *positions = std::get_if<Positions>(&input)) {
    values.insert_or_assign(op.getResult(), Positions{positions->back()});
    return success();
  }
  return set(op.getResult(), selectLast(tensor(op.getInput())));
}

LogicalResult FunctionRun::execute(gemma::SoftmaxOp op) {
  return set(op.getResult(), softmax(tensor(op.getInput())));
}

template <typename ChoiceOp>
LogicalResult FunctionRun::choose(ChoiceOp op, const Tensor &probs) {
  FailureOr<std::vector<float>> scale = vector(op, op.getScale());
  if (failed(scale))
    return failure();
  Choice choice =
      topExperts(probs, *scale, op.getWeights().getType().getDimSize(1));
  if (failed(set(op.getWeights(), std::move(choice.weights))))
    return failure();
  return set(op.getExperts(), std::move(choice.experts));
}

LogicalResult FunctionRun::execute(gemma::TopExpertsOp op) {
  return choose(op, tensor(op.getProbs()));
}

LogicalResult FunctionRun::execute(gemma::ExpertGatedLinearOp op) {
  const Tensor &experts = tensor(op.getExperts());
  int64_t columns =
      cast<RankedTensorType>(op.getResult().getType()).getDimSize(1);
  return set(op, op.getResult(),
             expertGatedLinear(resources, tensor(op.getInput()), experts,
                               weight(op.getMatrices()),
                               columns / experts.columns));
}

LogicalResult FunctionRun::execute(gemma::ExpertLinearOp op) {
  return set(op, op.getResult(),
             expertLinear(resources, tensor(op.getInput()),
                          tensor(op.getExperts()), tensor(op.getWeights()),
                          weight(op.getMatrices()),
                          op.getResult().getType().getDimSize(1)));
}

//===----------------------------------------------------------------------===//
// Fused ops
//===----------------------------------------------------------------------===//

LogicalResult FunctionRun::execute(gemma::RouteOp op) {
  return choose(op, softmax(tensor(op.getLogits())));
}

LogicalResult FunctionRun::execute(gemma::QuantizeOp op) {
  if (!op.getScale())
    return set(op.getResult(), tensor(op.getInput()));
  FailureOr<std::vector<float>> scale = vector(op, op.getScale());
  if (failed(scale))
    return failure();
  values.insert_or_assign(
      op.getResult(), std::make_shared<const Tensor>(
                          roundInt8(tensor(op.getInput()), scale->front())));
  return success();
}

LogicalResult FunctionRun::execute(gemma::AdaptOp op) {
  Tensor result = tensor(op.getBase());
  std::optional<int64_t> adapter = interpreter.adapter;
  FailureOr<std::vector<float>> a = vector(op, op.getA());
  FailureOr<std::vector<float>> b = vector(op, op.getB());
  if (failed(a) || failed(b))
    return failure();
  if (adapter)
    adapt(tensor(op.getInput()), *a, *b, *adapter, op.getRank(), op.getOffset(),
          result);
  return set(op.getResult(), std::move(result));
}

LogicalResult FunctionRun::execute(gemma::PleInputsOp op) {
  FailureOr<std::vector<float>> norm = vector(op, op.getNorm());
  if (failed(norm))
    return failure();
  Tensor context = rmsNorm(tensor(op.getContext()), *norm, toFloat(op.getEps()),
                           norm->size());
  return set(op.getResult(), scale(add(context, tensor(op.getToken())),
                                   toFloat(op.getFactor())));
}

FailureOr<Tensor> FunctionRun::prepareQ(Operation *op, const Tensor &query,
                                        Value norm, Value table, float eps) {
  FailureOr<std::vector<float>> weight = vector(op, norm);
  if (failed(weight))
    return failure();
  int64_t headDim = weight->size();
  return rope(rmsNorm(query, *weight, eps, headDim), tensor(table), headDim);
}

template <typename PrepareOp>
LogicalResult FunctionRun::prepareKv(PrepareOp op, const Tensor &key,
                                     const Tensor &value, Value result) {
  FailureOr<KvState> before = state(op, op.getCache());
  FailureOr<std::vector<float>> keyNorm = vector(op, op.getKNorm());
  if (failed(before) || failed(keyNorm))
    return failure();
  int64_t headDim = before->cache->headDim;
  float eps = toFloat(op.getEps());
  Tensor rotated = rope(rmsNorm(key, *keyNorm, eps, headDim),
                        tensor(op.getTable()), headDim);
  Tensor stored = op.getRawValues() ? value : rmsNorm(value, {}, eps, headDim);
  values.insert_or_assign(
      result, kvWrite(rotated, stored, positions(op.getPositions()), *before));
  return success();
}

LogicalResult FunctionRun::execute(gemma::PrepareQkvOp op) {
  gemma::KvType kv = op.getCache().getType();
  int64_t queryWidth = op.getHeads() * kv.getHeadDim();
  int64_t keyWidth = kv.getHeads() * kv.getHeadDim();
  const Tensor &qkv = tensor(op.getQkv());
  FailureOr<Tensor> query =
      prepareQ(op, slice(qkv, 0, queryWidth), op.getQNorm(), op.getTable(),
               toFloat(op.getEps()));
  if (failed(query) || failed(set(op.getQuery(), std::move(*query))))
    return failure();
  int64_t values = queryWidth + (op.hasValueColumns() ? keyWidth : 0);
  return prepareKv(op, slice(qkv, queryWidth, keyWidth),
                   slice(qkv, values, keyWidth), op.getKv());
}

LogicalResult FunctionRun::execute(gemma::PrepareKvOp op) {
  gemma::KvType kv = op.getCache().getType();
  int64_t width = kv.getHeads() * kv.getHeadDim();
  const Tensor &projected = tensor(op.getProjected());
  int64_t values = op.hasValueColumns() ? width : 0;
  return prepareKv(op, slice(projected, 0, width),
                   slice(projected, values, width), op.getKv());
}

LogicalResult FunctionRun::execute(gemma::PrepareQOp op) {
  FailureOr<Tensor> query = prepareQ(op, tensor(op.getQuery()), op.getQNorm(),
                                     op.getTable(), toFloat(op.getEps()));
  if (failed(query))
    return failure();
  return set(op.getResult(), std::move(*query));
}

LogicalResult FunctionRun::execute(gemma::GatedLinearOp op) {
  const Tensor &input = tensor(op.getInput());
  llvm::Expected<Tensor> gate = linear(resources, input, weight(op.getGate()));
  if (!gate)
    return fail(op, gate.takeError());
  llvm::Expected<Tensor> up = linear(resources, input, weight(op.getUp()));
  if (!up)
    return fail(op, up.takeError());
  return set(op.getResult(), geluMul(*gate, *up));
}

LogicalResult FunctionRun::execute(gemma::ModulatedLinearOp op) {
  llvm::Expected<Tensor> gate =
      linear(resources, tensor(op.getInput()), weight(op.getWeight()));
  if (!gate)
    return fail(op, gate.takeError());
  return set(op.getResult(), geluMul(*gate, tensor(op.getModulator())));
}

LogicalResult FunctionRun::execute(gemma::ResidualNormOp op) {
  FailureOr<std::vector<float>> norm = vector(op, op.getNorm());
  FailureOr<std::vector<float>> scalar = vector(op, op.getScalar());
  FailureOr<std::vector<float>> next = vector(op, op.getNextNorm());
  if (failed(norm) || failed(scalar) || failed(next))
    return failure();
  float eps = toFloat(op.getEps());
  const Tensor &input = tensor(op.getInput());
  Tensor sum =
      add(tensor(op.getResidual()), rmsNorm(input, *norm, eps, input.columns));
  if (!scalar->empty())
    sum = scale(sum, scalar->front());
  if (op.getNext() &&
      failed(set(op.getNext(),
                 next->empty() ? sum : rmsNorm(sum, *next, eps, sum.columns))))
    return failure();
  return set(op.getSum(), std::move(sum));
}

//===----------------------------------------------------------------------===//
// Interpreter
//===----------------------------------------------------------------------===//

Interpreter::Interpreter(ModuleOp module,
                         const checkpoint::WeightSource &weights,
                         unsigned threads)
    : module(module), resources{weights, threads} {}

const KvCache *Interpreter::getCache(StringRef name) const {
  auto it = caches.find(name.str());
  return it == caches.end() ? nullptr : &it->second;
}

FailureOr<std::vector<Tensor>> Interpreter::run(StringRef name,
                                                ArrayRef<int32_t> ids,
                                                ArrayRef<int64_t> positions) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function)
    return module.emitError() << "has no function '" << name << "' to run";
  if (ids.empty() || ids.size() != positions.size())
    return function.emitOpError()
           << "needs at least one id and as many positions, found "
           << ids.size() << " ids and " << positions.size() << " positions";
  std::vector<RuntimeValue> arguments;
  for (Type type : function.getArgumentTypes()) {
    auto tensorType = dyn_cast<RankedTensorType>(type);
    if (tensorType && tensorType.getElementType().isInteger(32))
      arguments.push_back(ids.vec());
    else if (tensorType && tensorType.getElementType().isInteger(64))
      arguments.push_back(positions.vec());
    else
      return function.emitOpError()
             << "takes a " << type
             << "; only functions of token ids (i32) and positions (i64) can "
                "be run from outside";
    if (tensorType.getRank() != 1 ||
        (!tensorType.isDynamicDim(0) &&
         tensorType.getDimSize(0) != int64_t(ids.size())))
      return function.emitOpError()
             << "takes a " << type << ", but the run has " << ids.size()
             << " rows";
  }
  initialVersions.clear();
  FunctionRun execution(*this, std::nullopt);
  auto values = execution.run(function, std::move(arguments));
  if (failed(values))
    return failure();
  std::vector<Tensor> results;
  for (const RuntimeValue &value : *values) {
    auto *tensor = std::get_if<TensorRef>(&value);
    if (!tensor)
      return function.emitOpError(
          "returns something other than row tensors and cannot be run from "
          "outside");
    results.push_back(**tensor);
  }
  return results;
}
