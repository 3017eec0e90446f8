//===- MaterializeEntryPoints.cpp - decode, prefill, extend, score --------===//

#include "passes/Gemma/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

#define DEBUG_TYPE "gemma-materialize-entry-points"

namespace gemcut::gemma {
#define GEN_PASS_DEF_MATERIALIZEENTRYPOINTSPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct MaterializeEntryPoints
    : gemma::impl::MaterializeEntryPointsPassBase<MaterializeEntryPoints> {
  using MaterializeEntryPointsPassBase::MaterializeEntryPointsPassBase;

  void runOnOperation() override {
    auto forward = getOperation().lookupSymbol<func::FuncOp>("forward");
    if (!forward || forward.isExternal()) {
      getOperation().emitError("has no function 'forward' with a body to make "
                               "entry points of; the importer writes it");
      return signalPassFailure();
    }
    if (failed(checkType(forward)) ||
        failed(addEntry(forward, "decode", decodeMaxRows)) ||
        failed(addEntry(forward, "prefill", prefillChunk)) ||
        failed(addEntry(forward, "extend", prefillChunk)) ||
        failed(addEntry(forward, "score", scoreChunk)))
      return signalPassFailure();
    forward.erase();
  }

private:
  LogicalResult checkType(func::FuncOp forward) {
    Builder builder(&getContext());
    FunctionType type = forward.getFunctionType();
    auto rows = [&](Type element) {
      return RankedTensorType::get({ShapedType::kDynamic}, element);
    };
    auto logits = type.getNumResults() == 1
                      ? dyn_cast<RankedTensorType>(type.getResult(0))
                      : RankedTensorType();
    if (type.getNumInputs() == 2 && logits && logits.getRank() == 2 &&
        type.getInput(0) == rows(builder.getI32Type()) &&
        type.getInput(1) == rows(builder.getI64Type()) &&
        logits.isDynamicDim(0) && !logits.isDynamicDim(1) &&
        logits.getElementType().isF32())
      return success();
    return forward.emitOpError()
           << "has type " << type
           << ", expected (tensor<?xi32>, tensor<?xi64>) -> tensor<?xVxf32>: "
              "ids, positions, logits";
  }

  LogicalResult addEntry(func::FuncOp forward, StringRef name,
                         int64_t maxRows) {
    if (maxRows <= 0)
      return forward.emitError() << "rows of one call of '" << name
                                 << "' must be positive, found " << maxRows;
    if (Operation *existing = getOperation().lookupSymbol(name)) {
      InFlightDiagnostic error = forward.emitError()
                                 << "cannot make the entry point '" << name
                                 << "': the name is taken";
      error.attachNote(existing->getLoc()) << "by this symbol";
      return error;
    }
    OpBuilder builder(forward);
    func::FuncOp entry = forward.clone();
    entry.setName(name);
    entry.setPublic();
    entry->setAttr(gemma::kEntryAttr, builder.getStringAttr(name));
    entry->setAttr(gemma::kMaxRowsAttr, builder.getI64IntegerAttr(maxRows));
    builder.insert(entry);
    if (name == "prefill")
      selectLast(entry);
    if (name == "extend")
      dropLogits(entry);
    ++numEntries;
    return success();
  }

  void selectLast(func::FuncOp entry) {
    Operation *terminator = entry.getBody().front().getTerminator();
    Value logits = terminator->getOperand(0);
    auto type = cast<RankedTensorType>(logits.getType());
    auto last =
        RankedTensorType::get({1, type.getDimSize(1)}, type.getElementType());
    OpBuilder builder(terminator);
    terminator->setOperand(
        0, gemma::SelectLastOp::create(builder, logits.getLoc(), last, logits));
    entry.setType(builder.getFunctionType(entry.getArgumentTypes(), last));
  }

  /// Keeps what writes keys and values, and what that needs.
  void dropLogits(func::FuncOp entry) {
    Block &block = entry.getBody().front();
    block.getTerminator()->setOperands({});
    entry.setType(
        Builder(&getContext()).getFunctionType(entry.getArgumentTypes(), {}));
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }
};

} // namespace
