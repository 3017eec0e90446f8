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
  // gemcut_team.next_chunk is the team's first field.
  auto claim = [&](OpBuilder &nested, Location nestedLoc, ValueRange) {
    Value one = arith::ConstantOp::create(nested, nestedLoc,
                                          nested.getI64IntegerAttr(1));
    Value chunk = LLVM::AtomicRMWOp::create(
        nested, nestedLoc, LLVM::AtomicBinOp::add, context.team, one,
        LLVM::AtomicOrdering::monotonic);
    Value more = arith::CmpIOp::create(nested, nestedLoc,
                                       arith::CmpIPredicate::slt, chunk, total);
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
  func::CallOp::create(builder, loc, TypeRange{}, "gemcut_team_barrier",
                       ValueRange{context.team});
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
