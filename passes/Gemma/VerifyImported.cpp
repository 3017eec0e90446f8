//===- VerifyImported.cpp - What importers may write ----------------------===//

#include "passes/Gemma/Passes.h"

#define DEBUG_TYPE "gemma-verify-imported"

namespace gemcut::gemma {
#define GEN_PASS_DEF_VERIFYIMPORTEDPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct VerifyImported : gemma::impl::VerifyImportedPassBase<VerifyImported> {
  void runOnOperation() override {
    bool anyWrong = false;
    getOperation().walk([&](Operation *op) {
      if (!isa_and_nonnull<gemma::GemmaDialect>(op->getDialect()))
        return;
      if (isa<gemma::QuantizeOp, gemma::ExpertQuantizeOp, gemma::PleInputsOp,
              gemma::PrepareQkvOp, gemma::PrepareKvOp, gemma::PrepareQOp,
              gemma::GatedLinearOp, gemma::ModulatedLinearOp,
              gemma::ResidualNormOp, gemma::RouteOp>(op)) {
        op->emitOpError("is fused; an importer writes elementary ops");
        anyWrong = true;
      }
      if (!op->getLoc()->findInstanceOf<NameLoc>()) {
        op->emitOpError("has no name in its location; an importer gives every "
                        "op the name of its tensor or layer");
        anyWrong = true;
      }
    });
    anyWrong ? signalPassFailure() : markAllAnalysesPreserved();
  }
};

} // namespace
