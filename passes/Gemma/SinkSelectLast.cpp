//===- SinkSelectLast.cpp - Liveness of rows ------------------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-sink-select-last"

namespace gemcut::gemma {
#define GEN_PASS_DEF_SINKSELECTLASTPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

/// The rewriting of one function. Ops are visited from the last to the first,
/// so all readers of an op are final when it is looked at.
class Sinking {
public:
  explicit Sinking(func::FuncOp function) : rewriter(function.getContext()) {}

  /// True if `op`, which is Rowwise, now runs for one row.
  bool sink(Operation *op) {
    if (op->use_empty() || !llvm::all_of(op->getUsers(), [](Operation *user) {
          return isa<gemma::SelectLastOp>(user);
        })) {
      LDBG() << "all rows are read: " << op->getName();
      return false;
    }
    // Only results that count rows can shrink.
    if (!llvm::all_of(op->getResultTypes(), gemma::hasRows))
      return false;

    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (gemma::hasRows(operand.getType()))
        mapping.map(operand, getLast(operand, op));
    rewriter.setInsertionPoint(op);
    Operation *last = rewriter.clone(*op, mapping);
    for (auto [all, one] : llvm::zip(op->getResults(), last->getResults())) {
      one.setType(getLastType(all.getType()));
      for (Operation *select : llvm::make_early_inc_range(all.getUsers()))
        rewriter.replaceOp(select, one);
    }
    rewriter.eraseOp(op);
    return true;
  }

private:
  IRRewriter rewriter;

  static RankedTensorType getLastType(Type type) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape(tensor.getShape());
    shape.front() = 1;
    return RankedTensorType::get(shape, tensor.getElementType());
  }

  /// The one select_last of `value`, in front of `user` and of its other
  /// readers.
  Value getLast(Value value, Operation *user) {
    SmallVector<gemma::SelectLastOp> selects;
    for (Operation *reader : value.getUsers())
      if (auto select = dyn_cast<gemma::SelectLastOp>(reader);
          select && select->getBlock() == user->getBlock())
        selects.push_back(select);
    gemma::SelectLastOp last;
    for (gemma::SelectLastOp select : selects)
      if (!last || select->isBeforeInBlock(last))
        last = select;
    for (gemma::SelectLastOp select : selects)
      if (select != last)
        rewriter.replaceOp(select, last.getResult());
    if (!last) {
      rewriter.setInsertionPoint(user);
      last = gemma::SelectLastOp::create(rewriter, value.getLoc(),
                                         getLastType(value.getType()), value);
      gemma::copyLayer(user, last);
    } else if (user->isBeforeInBlock(last)) {
      // It moves to where the value is needed first, and into that layer.
      last->moveBefore(user);
      last->removeAttr(gemma::kLayerAttr);
      gemma::copyLayer(user, last);
    }
    return last;
  }
};

struct SinkSelectLast : gemma::impl::SinkSelectLastPassBase<SinkSelectLast> {
  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (op->hasTrait<gemma::Rowwise>())
        ops.push_back(op);
    });
    Sinking sinking(getOperation());
    for (Operation *op : llvm::reverse(ops))
      if (sinking.sink(op))
        ++numSunk;
  }
};

} // namespace
