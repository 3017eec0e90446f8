//===- PropagateArguments.cpp - Constants that callers pass ---------------===//

#include "targets/Common/PropagateArguments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

using Calls = SmallVector<func::CallOp>;

/// The constant that all calls pass as argument `index`; null: there is none.
static arith::ConstantOp passedConstant(const Calls &calls, unsigned index) {
  arith::ConstantOp first;
  for (func::CallOp call : calls) {
    auto constant = call.getOperand(index).getDefiningOp<arith::ConstantOp>();
    if (!constant || (first && first.getValue() != constant.getValue()))
      return nullptr;
    first = constant;
  }
  return first;
}

static void replaceArguments(func::FuncOp function, const Calls &calls) {
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  for (BlockArgument argument : function.getArguments())
    if (arith::ConstantOp constant =
            passedConstant(calls, argument.getArgNumber()))
      argument.replaceAllUsesWith(builder.clone(*constant)->getResult(0));
}

void gemcut::targets::propagateArguments(ModuleOp program) {
  llvm::StringMap<Calls> callsOf;
  program.walk(
      [&](func::CallOp call) { callsOf[call.getCallee()].push_back(call); });
  // Callers first: what they pass on may become constant.
  llvm::StringMap<size_t> callersLeft;
  llvm::StringMap<SmallVector<func::CallOp>> callsFrom;
  for (auto &[name, calls] : callsOf) {
    callersLeft[name] = calls.size();
    for (func::CallOp call : calls)
      callsFrom[call->getParentOfType<func::FuncOp>().getName()].push_back(
          call);
  }
  SmallVector<func::FuncOp> ready;
  for (auto function : program.getOps<func::FuncOp>())
    if (!callsOf.contains(function.getName()))
      ready.push_back(function);
  while (!ready.empty()) {
    func::FuncOp function = ready.pop_back_val();
    auto calls = callsOf.find(function.getName());
    if (calls != callsOf.end() && function.isPrivate() &&
        !function.isDeclaration())
      replaceArguments(function, calls->second);
    for (func::CallOp call : callsFrom[function.getName()])
      if (--callersLeft[call.getCallee()] == 0)
        if (auto callee = program.lookupSymbol<func::FuncOp>(call.getCallee()))
          ready.push_back(callee);
  }
}
