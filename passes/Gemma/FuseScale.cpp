//===- FuseScale.cpp - linear and scale -----------------------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-scale"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSESCALEPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FuseScale : gemma::impl::FuseScalePassBase<FuseScale> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto scale : gemma::collectOps<gemma::ScaleOp>(getOperation()))
      if (succeeded(fuse(rewriter, scale)))
        ++numFused;
  }

private:
  LogicalResult fuse(IRRewriter &rewriter, gemma::ScaleOp scale) {
    auto linear = scale.getInput().getDefiningOp<gemma::LinearOp>();
    if (!linear || !linear->hasOneUse() || linear.getCapAttr()) {
      LDBG() << "input is no uncapped linear of its own: " << scale;
      return failure();
    }
    float factor =
        linear.getScale().convertToFloat() * scale.getFactor().convertToFloat();
    rewriter.setInsertionPoint(scale);
    auto fused = gemma::LinearOp::create(
        rewriter, rewriter.getFusedLoc({linear.getLoc(), scale.getLoc()}),
        scale.getType(), linear.getInput(), linear.getWeights(),
        rewriter.getF32FloatAttr(factor), FloatAttr());
    gemma::copyLayer(scale, fused);
    rewriter.replaceOp(scale, fused);
    rewriter.eraseOp(linear);
    return success();
  }
};

} // namespace
