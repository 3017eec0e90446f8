//===- StageEmitter.cpp - What a kernel builder gets ----------------------===//

#include "targets/Common/StageEmitter.h"

#include "targets/Common/EmitObject.h"
#include "targets/Common/Intrinsics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <functional>

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

void gemcut::targets::forbidInlining(func::FuncOp function, bool keepOrder,
                                     int64_t vscale) {
  Builder builder(function.getContext());
  SmallVector<Attribute> attributes = {builder.getStringAttr("noinline")};
  if (keepOrder)
    attributes.push_back(builder.getStringAttr(kKeepOrderAttribute));
  if (vscale) // the least and the largest, in 32 bits each
    attributes.push_back(builder.getStrArrayAttr(
        {"vscale_range", std::to_string(vscale << 32 | vscale)}));
  function->setAttr("passthrough", builder.getArrayAttr(attributes));
}

func::FuncOp gemcut::targets::getScaledKernel(
    StageEmitter &e, StringRef name, FunctionType type,
    function_ref<func::FuncOp(StringRef, const VectorIsa &, int64_t)> getForm) {
  ArrayRef<VectorIsa::ScaledForm> forms = e.getIsa().getScaledForms();
  if (forms.empty())
    return getForm(name, e.getIsa(), /*vscale=*/0);
  func::FuncOp function = e.getOrCreateFunction(
      (name + "_scaled").str(), type, [&](Emitter &body, ValueRange arguments) {
        auto call = [&](func::FuncOp form) {
          func::CallOp::create(body.getBuilder(), body.getLoc(), form,
                               arguments);
        };
        Value vscale =
            callIntrinsic(body, "llvm.vscale.i64", body.i64Type(), {});
        std::function<void(size_t)> choose = [&](size_t index) {
          if (index == forms.size())
            return call(getForm(name, e.getIsa(), /*vscale=*/0));
          int64_t own = forms[index].vscale;
          body.ifElse(
              body.equal(vscale, body.i64(own)),
              [&] {
                call(getForm((name + "_" + llvm::Twine(128 * own)).str(),
                             *forms[index].isa, own));
              },
              [&] { choose(index + 1); });
        };
        choose(0);
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  forbidInlining(function);
  return function;
}
