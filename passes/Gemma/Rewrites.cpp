//===- Rewrites.cpp - What several gemma passes need ----------------------===//

#include "passes/Gemma/Rewrites.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace gemcut;

bool gemma::isPlain(LinearOp linear) {
  return linear && linear.getWeights().size() == 1 && !linear.getCapAttr() &&
         linear.getScale().isExactlyValue(1.0);
}

gemma::LinearOp gemma::getPlainLinear(Value value) {
  auto linear = value.getDefiningOp<LinearOp>();
  return isPlain(linear) && value.hasOneUse() ? linear : LinearOp();
}

bool gemma::isRowNorm(RmsNormOp norm) {
  return norm && norm.getWeight() &&
         int64_t(norm.getGroup()) == getColumns(norm.getInput());
}

int64_t gemma::getColumns(Value rows) {
  return cast<RankedTensorType>(rows.getType()).getShape().back();
}

bool gemma::hasRows(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() > 0 && tensor.isDynamicDim(0);
}

LogicalResult gemma::makeAvailable(Value value, Operation *point) {
  // Collects users before what they use.
  llvm::SetVector<Operation *> moved;
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (!op || op->getBlock() != point->getBlock() ||
        op->isBeforeInBlock(point) || moved.contains(op))
      continue;
    if (op == point || !isPure(op))
      return failure();
    moved.insert(op);
    llvm::append_range(pending, op->getOperands());
  }
  SmallVector<Operation *> order = moved.takeVector();
  llvm::sort(order,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : order)
    op->moveBefore(point);
  return success();
}

void gemma::eraseUnused(RewriterBase &rewriter, ArrayRef<Operation *> ops) {
  llvm::SetVector<Operation *> once(ops.begin(), ops.end());
  for (Operation *op : once)
    if (op && op->use_empty())
      rewriter.eraseOp(op);
}
