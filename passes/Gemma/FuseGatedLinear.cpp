//===- FuseGatedLinear.cpp - Gate, up and GELU ----------------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-gated-linear"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSEGATEDLINEARPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FuseGatedLinear : gemma::impl::FuseGatedLinearPassBase<FuseGatedLinear> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto product : gemma::collectOps<gemma::GeluMulOp>(getOperation()))
      if (succeeded(fuse(rewriter, product)))
        ++numFused;
  }

private:
  LogicalResult fuse(IRRewriter &rewriter, gemma::GeluMulOp product) {
    gemma::LinearOp gate = gemma::getPlainLinear(product.getGate());
    gemma::LinearOp up = gemma::getPlainLinear(product.getUp());
    if (!gate || !up) {
      LDBG() << "an operand is no plain linear of its own: " << product;
      return failure();
    }
    if (gate.getInput() != up.getInput()) {
      LDBG() << "gate and up read different inputs: " << product;
      return failure();
    }
    Value gateWeight = gate.getWeights().front();
    Value upWeight = up.getWeights().front();
    rewriter.setInsertionPoint(product);
    auto fused = gemma::GatedLinearOp::create(
        rewriter,
        rewriter.getFusedLoc({gate.getLoc(), up.getLoc(), product.getLoc()}),
        product.getType(), gate.getInput(), gateWeight, upWeight);
    gemma::copyLayer(product, fused);
    rewriter.replaceOp(product, fused);
    gemma::eraseUnused(rewriter, {gate, up});
    return success();
  }
};

} // namespace
