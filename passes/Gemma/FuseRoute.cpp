//===- FuseRoute.cpp - Probabilities and the choice of experts ------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-route"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSEROUTEPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FuseRoute : gemma::impl::FuseRoutePassBase<FuseRoute> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto choice : gemma::collectOps<gemma::TopExpertsOp>(getOperation()))
      if (succeeded(fuse(rewriter, choice)))
        ++numFused;
  }

private:
  LogicalResult fuse(IRRewriter &rewriter, gemma::TopExpertsOp choice) {
    auto softmax = choice.getProbs().getDefiningOp<gemma::SoftmaxOp>();
    if (!softmax || !softmax->hasOneUse()) {
      LDBG() << "probabilities are no softmax of its own: " << choice;
      return failure();
    }
    rewriter.setInsertionPoint(choice);
    auto fused = gemma::RouteOp::create(
        rewriter, rewriter.getFusedLoc({softmax.getLoc(), choice.getLoc()}),
        choice.getWeights().getType(), choice.getExperts().getType(),
        softmax.getInput(), choice.getScale());
    gemma::copyLayer(choice, fused);
    rewriter.replaceOp(choice, fused);
    rewriter.eraseOp(softmax);
    return success();
  }
};

} // namespace
