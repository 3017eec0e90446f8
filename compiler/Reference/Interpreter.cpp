//===- Interpreter.cpp - Runs functions from outside ----------------------===//

#include "compiler/Reference/Interpreter.h"

#include "compiler/Reference/FunctionRun.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::reference;

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
