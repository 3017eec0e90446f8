//===- ExecuteFused.cpp - Fused ops, by the ops that they stand for -------===//

#include "compiler/Reference/FunctionRun.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::reference;

LogicalResult FunctionRun::execute(gemma::RouteOp op) {
  return choose(op, softmax(tensor(op.getLogits())), op.getScale(),
                op.getWeights(), op.getExperts());
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

LogicalResult FunctionRun::execute(gemma::ExpertQuantizeOp op) {
  FailureOr<std::vector<float>> scale = vector(op, op.getScale());
  if (failed(scale))
    return failure();
  values.insert_or_assign(op.getResult(),
                          std::make_shared<const Tensor>(expertQuantize(
                              tensor(op.getInput()), tensor(op.getExperts()),
                              *scale, op.getResult().getType().getDimSize(1))));
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
