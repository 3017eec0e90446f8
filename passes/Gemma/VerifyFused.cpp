//===- VerifyFused.cpp - Every op has a kernel stage ----------------------===//

#include "passes/Gemma/Passes.h"

#define DEBUG_TYPE "gemma-verify-fused"

namespace gemcut::gemma {
#define GEN_PASS_DEF_VERIFYFUSEDPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct VerifyFused : gemma::impl::VerifyFusedPassBase<VerifyFused> {
  void runOnOperation() override {
    bool anyLeft = false;
    getOperation().walk([&](Operation *op) {
      auto product = dyn_cast<gemma::GeluMulOp>(op);
      if (isa<gemma::AddOp, gemma::ScaleOp, gemma::ScaleByOp, gemma::SoftcapOp,
              gemma::RopeOp, gemma::KvWriteOp, gemma::SoftmaxOp,
              gemma::TopExpertsOp>(op) ||
          (product && !isAdapted(product))) {
        report(op) << "; the fusions do not cover how it is used here";
        anyLeft = true;
      } else if (auto slice = dyn_cast<gemma::SliceOp>(op);
                 slice && !isStridedRead(slice)) {
        report(op) << " unless a modulator, a call or a select_last reads it";
        anyLeft = true;
      }
    });
    anyLeft ? signalPassFailure() : markAllAnalysesPreserved();
  }

private:
  static InFlightDiagnostic report(Operation *op) {
    InFlightDiagnostic error = op->emitOpError();
    if (auto layer = gemma::getLayer(op))
      error << "in layer " << *layer << " ";
    error << "has no kernel stage";
    return error;
  }

  /// True if an adapter stands between the products and their GELU.
  static bool isAdapted(gemma::GeluMulOp product) {
    return llvm::any_of(product->getOperands(), [](Value operand) {
      return operand.getDefiningOp<gemma::AdaptOp>();
    });
  }

  /// True if every reader takes rows that lie further apart than they are long.
  static bool isStridedRead(gemma::SliceOp slice) {
    return llvm::all_of(slice->getUses(), [&](OpOperand &use) {
      auto modulated = dyn_cast<gemma::ModulatedLinearOp>(use.getOwner());
      return isa<gemma::SelectLastOp, gemma::GeluMulOp, func::CallOp>(
                 use.getOwner()) ||
             (modulated && modulated.getModulator() == slice.getResult());
    });
  }
};

} // namespace
