//===- VerifyFormats.cpp - Formats of weights and activations -------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Products.h"

#define DEBUG_TYPE "gemma-verify-formats"

namespace gemcut::gemma {
#define GEN_PASS_DEF_VERIFYFORMATSPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct VerifyFormats : gemma::impl::VerifyFormatsPassBase<VerifyFormats> {
  void runOnOperation() override {
    bool anyWrong = false;
    for (auto weight : getOperation().getOps<gemma::WeightOp>())
      if (!weight.getFormat()) {
        weight.emitOpError("has no format; run gemma-assign-formats first");
        anyWrong = true;
      }
    // Products repeat what is wrong with their weights.
    if (anyWrong)
      return signalPassFailure();

    SymbolTable symbols(getOperation());
    getOperation().walk([&](Operation *op) {
      if (gemma::getProductWeights(op).empty())
        return;
      FailureOr<gemma::ProductForm> form = gemma::getProductForm(op, symbols);
      if (failed(form)) {
        anyWrong = true;
        return;
      }
      Type element = getElementTypeOrSelf(op->getOperand(0));
      Type expected = Float32Type::get(op->getContext());
      if (isQuantized(form->format))
        expected = getElementTypeOrSelf(
            gemma::getQuantizedType(op->getOperand(0).getType(), form->format));
      if (element == expected)
        return;
      op->emitOpError() << "multiplies " << stringifyFormat(form->format)
                        << " weights with " << element
                        << " activations, expected " << expected
                        << "; run gemma-materialize-activation-quantization "
                           "after the formats are final";
      anyWrong = true;
    });
    anyWrong ? signalPassFailure() : markAllAnalysesPreserved();
  }
};

} // namespace
