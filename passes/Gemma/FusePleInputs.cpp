//===- FusePleInputs.cpp - Per-layer inputs -------------------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-ple-inputs"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSEPLEINPUTSPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FusePleInputs : gemma::impl::FusePleInputsPassBase<FusePleInputs> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto scale : gemma::collectOps<gemma::ScaleOp>(getOperation()))
      if (succeeded(fuse(rewriter, scale)))
        ++numFused;
  }

private:
  /// The weighted norm that defines `value`, if nothing else reads it.
  static gemma::RmsNormOp getNorm(Value value) {
    auto norm = value.getDefiningOp<gemma::RmsNormOp>();
    return norm && norm.getWeight() && value.hasOneUse() ? norm
                                                         : gemma::RmsNormOp();
  }

  LogicalResult fuse(IRRewriter &rewriter, gemma::ScaleOp scale) {
    auto add = scale.getInput().getDefiningOp<gemma::AddOp>();
    if (!add || !add->hasOneUse()) {
      LDBG() << "input is no sum of its own: " << scale;
      return failure();
    }
    Value token = add.getRhs();
    gemma::RmsNormOp norm = getNorm(add.getLhs());
    if (!norm) {
      norm = getNorm(add.getRhs());
      token = add.getLhs();
    }
    if (!norm) {
      LDBG() << "no operand of the sum is a weighted norm: " << add;
      return failure();
    }
    rewriter.setInsertionPoint(scale);
    auto fused = gemma::PleInputsOp::create(
        rewriter,
        rewriter.getFusedLoc({norm.getLoc(), add.getLoc(), scale.getLoc()}),
        scale.getType(), norm.getInput(), token, norm.getWeight(),
        norm.getEpsAttr(), scale.getFactorAttr());
    gemma::copyLayer(scale, fused);
    rewriter.replaceOp(scale, fused);
    gemma::eraseUnused(rewriter, {add, norm});
    return success();
  }
};

} // namespace
