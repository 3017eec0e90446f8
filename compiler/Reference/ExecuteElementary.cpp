//===- ExecuteElementary.cpp - Symbols and elementary ops, by Ops.h -------===//

#include "compiler/Reference/FunctionRun.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::reference;

LogicalResult FunctionRun::execute(gemma::GetWeightOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  Weight weight{op.getWeight().str(), 1, 1};
  weight.columns = type.getShape().back();
  for (int64_t size : type.getShape().drop_back())
    weight.rows *= size;
  auto declared =
      interpreter.module.lookupSymbol<gemma::WeightOp>(op.getWeightAttr());
  bool isExperts = type.getRank() == 3;
  auto readScales = [&](std::optional<StringRef> name, float &scale,
                        std::vector<float> &scales) -> LogicalResult {
    if (!name)
      return success();
    if (isExperts)
      if (std::optional<checkpoint::WeightInfo> info =
              resources.weights.find(*name))
        scales.resize(size_t(info->elements()));
    llvm::MutableArrayRef<float> all = scales;
    if (llvm::Error error = resources.weights.readF32(
            *name, 0, isExperts ? all : llvm::MutableArrayRef<float>(scale)))
      return fail(op, std::move(error));
    return success();
  };
  if (failed(readScales(declared.getInputScale(), weight.inputScale,
                        weight.inputScales)) ||
      failed(readScales(declared.getOutputScale(), weight.outputScale,
                        weight.outputScales)))
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

LogicalResult FunctionRun::choose(Operation *op, const Tensor &probs,
                                  Value scale, Value weights, Value experts) {
  FailureOr<std::vector<float>> factors = vector(op, scale);
  if (failed(factors))
    return failure();
  Choice choice = topExperts(
      probs, *factors, cast<RankedTensorType>(weights.getType()).getDimSize(1));
  if (failed(set(weights, std::move(choice.weights))))
    return failure();
  return set(experts, std::move(choice.experts));
}

LogicalResult FunctionRun::execute(gemma::TopExpertsOp op) {
  return choose(op, tensor(op.getProbs()), op.getScale(), op.getWeights(),
                op.getExperts());
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
