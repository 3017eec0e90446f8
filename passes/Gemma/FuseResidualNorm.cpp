//===- FuseResidualNorm.cpp - Post-norm, sum, next norm -------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-residual-norm"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSERESIDUALNORMPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FuseResidualNorm
    : gemma::impl::FuseResidualNormPassBase<FuseResidualNorm> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto add : gemma::collectOps<gemma::AddOp>(getOperation()))
      if (succeeded(fuse(rewriter, add)))
        ++numFused;
  }

private:
  /// The row norm that defines `value`, if nothing else reads it.
  static gemma::RmsNormOp getPostNorm(Value value) {
    auto norm = value.getDefiningOp<gemma::RmsNormOp>();
    return gemma::isRowNorm(norm) && value.hasOneUse() &&
                   !gemma::isInt8Rows(value.getType())
               ? norm
               : gemma::RmsNormOp();
  }

  /// True if all that reads `norm` is a sum, for which it is the post-norm.
  static bool isPostNorm(gemma::RmsNormOp norm) {
    return norm->hasOneUse() && isa<gemma::AddOp>(*norm->user_begin());
  }

  /// The first row norm that reads `sum` with the given eps and whose weight
  /// can be had at `point`.
  static gemma::RmsNormOp getNextNorm(Value sum, FloatAttr eps,
                                      Operation *point) {
    gemma::RmsNormOp first;
    for (Operation *user : sum.getUsers()) {
      auto norm = dyn_cast<gemma::RmsNormOp>(user);
      if (norm && gemma::isRowNorm(norm) && !isPostNorm(norm) &&
          norm.getEpsAttr() == eps && norm->getBlock() == point->getBlock() &&
          (!first || norm->isBeforeInBlock(first)))
        first = norm;
    }
    return first && succeeded(gemma::makeAvailable(first.getWeight(), point))
               ? first
               : gemma::RmsNormOp();
  }

  LogicalResult fuse(IRRewriter &rewriter, gemma::AddOp add) {
    gemma::RmsNormOp norm = getPostNorm(add.getRhs());
    Value residual = add.getLhs();
    if (!norm) {
      norm = getPostNorm(add.getLhs());
      residual = add.getRhs();
    }
    if (!norm) {
      LDBG() << "no operand is a row norm of its own: " << add;
      return failure();
    }
    SmallVector<Location> locs{norm.getLoc(), add.getLoc()};

    // What the fused op's first result replaces, and where it stands.
    Operation *last = add;
    Value scalar;
    if (add->hasOneUse())
      if (auto scale = dyn_cast<gemma::ScaleByOp>(*add->user_begin());
          scale && scale->getBlock() == add->getBlock()) {
        scalar = scale.getScalar();
        last = scale;
        locs.push_back(scale.getLoc());
      }
    Value sum = last->getResult(0);
    gemma::RmsNormOp next = getNextNorm(sum, norm.getEpsAttr(), last);
    if (next)
      locs.push_back(next.getLoc());

    rewriter.setInsertionPoint(last);
    auto fused = gemma::ResidualNormOp::create(
        rewriter, rewriter.getFusedLoc(locs), sum.getType(),
        next ? next.getResult().getType() : Type(), norm.getInput(),
        norm.getWeight(), residual, scalar, next ? next.getWeight() : Value(),
        norm.getEpsAttr());
    gemma::copyLayer(add, fused);
    if (next) {
      rewriter.replaceOp(next, fused.getNext());
      ++numNext;
    }
    rewriter.replaceOp(last, fused.getSum());
    gemma::eraseUnused(rewriter,
                       {last == add ? nullptr : add.getOperation(), norm});
    return success();
  }
};

} // namespace
