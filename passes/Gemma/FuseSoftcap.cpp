//===- FuseSoftcap.cpp - linear and softcap -------------------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-softcap"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSESOFTCAPPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FuseSoftcap : gemma::impl::FuseSoftcapPassBase<FuseSoftcap> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto softcap : gemma::collectOps<gemma::SoftcapOp>(getOperation()))
      if (succeeded(fuse(rewriter, softcap)))
        ++numFused;
  }

private:
  LogicalResult fuse(IRRewriter &rewriter, gemma::SoftcapOp softcap) {
    auto linear = softcap.getInput().getDefiningOp<gemma::LinearOp>();
    if (!linear || !linear->hasOneUse() || linear.getCapAttr()) {
      LDBG() << "input is no uncapped linear of its own: " << softcap;
      return failure();
    }
    rewriter.setInsertionPoint(softcap);
    auto fused = gemma::LinearOp::create(
        rewriter, rewriter.getFusedLoc({linear.getLoc(), softcap.getLoc()}),
        softcap.getType(), linear.getInput(), linear.getWeights(),
        linear.getScaleAttr(), softcap.getCapAttr());
    gemma::copyLayer(softcap, fused);
    rewriter.replaceOp(softcap, fused);
    rewriter.eraseOp(linear);
    return success();
  }
};

} // namespace
