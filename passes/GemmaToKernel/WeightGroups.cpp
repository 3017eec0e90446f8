//===- WeightGroups.cpp - Which weights one packed operand holds ----------===//

#include "passes/GemmaToKernel/WeightGroups.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::gemma_to_kernel;

func::FuncOp gemma_to_kernel::getCallee(func::CallOp call) {
  auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  return function && !function.isExternal() ? function : func::FuncOp();
}

bool gemma_to_kernel::isWeight(Value value,
                               ArrayRef<WeightGroup> argumentGroups) {
  if (value.getDefiningOp<gemma::GetWeightOp>())
    return true;
  return llvm::any_of(argumentGroups, [&](const WeightGroup &group) {
    return llvm::is_contained(group.values, value);
  });
}

SmallVector<WeightGroup> WeightGroups::getGroups(Operation *op) const {
  SmallVector<WeightGroup> groups;
  auto add = [&](WeightUse use, ValueRange values) {
    groups.push_back({use, SmallVector<Value>(values)});
  };
  auto addVector = [&](Value vector) {
    if (vector)
      add(WeightUse::Vector, vector);
  };
  TypeSwitch<Operation *>(op)
      .Case([&](gemma::EmbedOp o) { add(WeightUse::Table, o.getTable()); })
      .Case([&](gemma::LinearOp o) { add(WeightUse::Product, o.getWeights()); })
      .Case([&](gemma::GatedLinearOp o) {
        add(WeightUse::Gated, {o.getGate(), o.getUp()});
      })
      .Case([&](gemma::ExpertGatedLinearOp o) {
        add(WeightUse::GatedExperts, o.getMatrices());
      })
      .Case([&](gemma::ExpertLinearOp o) {
        add(WeightUse::Experts, o.getMatrices());
      })
      .Case([&](gemma::RouteOp o) { addVector(o.getScale()); })
      .Case([&](gemma::ModulatedLinearOp o) {
        add(WeightUse::Product, o.getWeight());
      })
      .Case([&](gemma::RmsNormOp o) { addVector(o.getWeight()); })
      .Case([&](gemma::QuantizeOp o) { addVector(o.getScale()); })
      .Case([&](gemma::ExpertQuantizeOp o) { addVector(o.getScale()); })
      .Case([&](gemma::AdaptOp o) {
        addVector(o.getA());
        addVector(o.getB());
      })
      .Case([&](gemma::PleInputsOp o) { addVector(o.getNorm()); })
      .Case([&](gemma::PrepareQkvOp o) {
        addVector(o.getQNorm());
        addVector(o.getKNorm());
      })
      .Case([&](gemma::PrepareKvOp o) { addVector(o.getKNorm()); })
      .Case([&](gemma::PrepareQOp o) { addVector(o.getQNorm()); })
      .Case([&](gemma::ResidualNormOp o) {
        addVector(o.getNorm());
        addVector(o.getScalar());
        addVector(o.getNextNorm());
      })
      .Case([&](func::CallOp call) {
        for (const WeightGroup &group : getArgumentGroups(getCallee(call))) {
          WeightGroup passed{group.use, {}};
          for (Value value : group.values)
            passed.values.push_back(
                call.getOperand(cast<BlockArgument>(value).getArgNumber()));
          groups.push_back(std::move(passed));
        }
      });
  return groups;
}

ArrayRef<WeightGroup>
WeightGroups::getArgumentGroups(func::FuncOp function) const {
  auto found = functions.find(function.getOperation());
  return found == functions.end() ? ArrayRef<WeightGroup>() : found->second;
}

LogicalResult WeightGroups::analyze(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && failed(analyzeFunction(function)))
      return failure();
  return success();
}

LogicalResult WeightGroups::analyzeFunction(func::FuncOp function) {
  if (functions.contains(function.getOperation()))
    return success();
  if (llvm::is_contained(active, function))
    return function.emitOpError("calls itself; layers cannot be recursive");
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("has control flow; a program is a sequence of "
                                "stages");
  active.push_back(function);
  SmallVector<WeightGroup> argumentGroups;
  for (Operation &op : function.getBody().front()) {
    if (auto call = dyn_cast<func::CallOp>(op)) {
      func::FuncOp callee = getCallee(call);
      if (!callee)
        return call.emitOpError() << "calls '" << call.getCallee()
                                  << "', which has no body in this module";
      if (failed(analyzeFunction(callee)))
        return failure();
    }
    for (WeightGroup &group : getGroups(&op)) {
      size_t symbols = 0;
      for (Value value : group.values) {
        auto get = value.getDefiningOp<gemma::GetWeightOp>();
        if (!get && !isa<BlockArgument>(value))
          return op.emitOpError("has a weight that is neither a "
                                "gemma.get_weight nor a function argument");
        symbols += get ? 1 : 0;
        if (get &&
            (group.use == WeightUse::Product || group.use == WeightUse::Gated))
          multiplied.insert(get.getWeight());
      }
      if (symbols && symbols != group.values.size())
        return op.emitOpError("mixes declared weights and function arguments "
                              "in one product; pass all of them as arguments");
      if (!symbols && !llvm::is_contained(argumentGroups, group))
        argumentGroups.push_back(std::move(group));
    }
  }
  active.pop_back();
  functions[function] = std::move(argumentGroups);
  return success();
}
