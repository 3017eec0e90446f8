//===- FuseQuantize.cpp - Rounding where the value is computed ------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-fuse-quantize"

namespace gemcut::gemma {
#define GEN_PASS_DEF_FUSEQUANTIZEPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct FuseQuantize : gemma::impl::FuseQuantizePassBase<FuseQuantize> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto quantize : gemma::collectOps<gemma::QuantizeOp>(getOperation()))
      if (succeeded(fuse(rewriter, quantize)))
        ++numFused;
  }

private:
  LogicalResult fuse(IRRewriter &rewriter, gemma::QuantizeOp quantize) {
    auto value = dyn_cast<OpResult>(quantize.getInput());
    if (!value) {
      LDBG() << "input is an argument: " << quantize;
      return failure();
    }
    if (quantize.getScale()) {
      LDBG() << "stages that compute values do not read a scale: " << quantize;
      return failure();
    }
    Operation *producer = value.getOwner();
    if (auto residual = dyn_cast<gemma::ResidualNormOp>(producer);
        residual && value == residual.getSum())
      return addQuantizedSum(rewriter, residual, quantize);
    if (!isa<gemma::RmsNormOp, gemma::AttentionOp, gemma::GatedLinearOp,
             gemma::ModulatedLinearOp, gemma::ExpertGatedLinearOp,
             gemma::ResidualNormOp>(producer)) {
      LDBG() << "the producer has no quantized result: " << *producer;
      return failure();
    }
    // A row's own scale needs the whole row, which a chunk of these is not.
    bool perRow = isa<gemma::U8Type>(getElementTypeOrSelf(quantize.getType()));
    if (perRow && !isa<gemma::RmsNormOp, gemma::ResidualNormOp>(producer)) {
      LDBG() << "the producer has no whole rows: " << *producer;
      return failure();
    }
    if (!value.hasOneUse()) {
      LDBG() << "the value is also read as f32: " << *producer;
      return failure();
    }
    rewriter.modifyOpInPlace(producer,
                             [&] { value.setType(quantize.getType()); });
    rewriter.replaceOp(quantize, value);
    return success();
  }

  LogicalResult addQuantizedSum(IRRewriter &rewriter,
                                gemma::ResidualNormOp residual,
                                gemma::QuantizeOp quantize) {
    if (residual.getNext()) {
      LDBG() << "the second result is taken: " << residual;
      return failure();
    }
    rewriter.setInsertionPoint(residual);
    auto fused = gemma::ResidualNormOp::create(
        rewriter, residual.getLoc(), residual.getSum().getType(),
        quantize.getType(), residual.getInput(), residual.getNorm(),
        residual.getResidual(), residual.getScalar(), /*next_norm=*/Value(),
        residual.getEpsAttr());
    gemma::copyLayer(residual, fused);
    rewriter.replaceOp(quantize, fused.getNext());
    rewriter.replaceOp(residual, fused.getSum());
    return success();
  }
};

} // namespace
