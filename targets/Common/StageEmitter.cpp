//===- StageEmitter.cpp - What a kernel builder gets ----------------------===//

#include "targets/Common/StageEmitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

Value StageEmitter::rowAddress(TypedValue<kernel::BufferType> buffer,
                               Value row) {
  return at(get(buffer), mul(row, buffer.getType().getRowBytes()));
}

void StageEmitter::forChunks(Value total, function_ref<void(Value)> body) {
  OpBuilder &builder = getBuilder();
  Location loc = getLoc();
  auto claim = [&](OpBuilder &nested, Location nestedLoc, ValueRange) {
    Value chunk =
        func::CallOp::create(nested, nestedLoc, nested.getI64Type(),
                             "gemcut_team_claim",
                             ValueRange{context.team, context.thread, total})
            .getResult(0);
    Value zero = arith::ConstantOp::create(nested, nestedLoc,
                                           nested.getI64IntegerAttr(0));
    Value more = arith::CmpIOp::create(nested, nestedLoc,
                                       arith::CmpIPredicate::sge, chunk, zero);
    scf::ConditionOp::create(nested, nestedLoc, more, chunk);
  };
  auto run = [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
    OpBuilder::InsertionGuard guard(builder);
    builder.restoreInsertionPoint(nested.saveInsertionPoint());
    body(arguments.front());
    scf::YieldOp::create(builder, nestedLoc);
  };
  scf::WhileOp::create(builder, loc, TypeRange{builder.getI64Type()},
                       ValueRange{}, claim, run);
  barrier();
}

void StageEmitter::barrier() {
  ++barriers;
  func::CallOp::create(getBuilder(), getLoc(), TypeRange{},
                       "gemcut_team_barrier",
                       ValueRange{context.team, context.thread});
}

void gemcut::targets::makeInternal(func::FuncOp function) {
  function.setPrivate();
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(function.getContext(),
                                           LLVM::linkage::Linkage::Internal));
}

func::FuncOp StageEmitter::getOrCreateFunction(
    StringRef name, FunctionType type,
    function_ref<void(Emitter &, ValueRange)> fill) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto function = func::FuncOp::create(builder, getLoc(), name, type);
  makeInternal(function);
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  Emitter emitter(builder, getLoc());
  fill(emitter, entry->getArguments());
  return function;
}

ValueRange StageEmitter::call(func::FuncOp callee, ValueRange arguments) {
  return func::CallOp::create(getBuilder(), getLoc(), callee, arguments)
      .getResults();
}

void gemcut::targets::forbidInlining(func::FuncOp function) {
  function->setAttr(
      "passthrough",
      Builder(function.getContext()).getStrArrayAttr({"noinline"}));
}
