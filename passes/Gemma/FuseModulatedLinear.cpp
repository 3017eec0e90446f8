//===- FuseModulatedLinear.cpp - Projection times a row -------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-modulated-linear"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSEMODULATEDLINEARPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FuseModulatedLinear
    : gemma::impl::FuseModulatedLinearPassBase<FuseModulatedLinear> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto product : gemma::collectOps<gemma::GeluMulOp>(getOperation()))
      if (succeeded(fuse(rewriter, product)))
        ++numFused;
  }

private:
  LogicalResult fuse(IRRewriter &rewriter, gemma::GeluMulOp product) {
    gemma::LinearOp linear = gemma::getPlainLinear(product.getGate());
    if (!linear) {
      LDBG() << "the gate is no plain linear of its own: " << product;
      return failure();
    }
    if (product.getUp().getDefiningOp<gemma::LinearOp>()) {
      LDBG() << "the other operand is a linear too: " << product;
      return failure();
    }
    rewriter.setInsertionPoint(product);
    auto fused = gemma::ModulatedLinearOp::create(
        rewriter, rewriter.getFusedLoc({linear.getLoc(), product.getLoc()}),
        product.getType(), linear.getInput(), linear.getWeights().front(),
        product.getUp());
    gemma::copyLayer(product, fused);
    rewriter.replaceOp(product, fused);
    rewriter.eraseOp(linear);
    return success();
  }
};

} // namespace
