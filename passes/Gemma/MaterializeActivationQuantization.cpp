//===- MaterializeActivationQuantization.cpp - Explicit rounding ----------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Products.h"
#include "passes/Gemma/Rewrites.h"

#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "gemma-materialize-activation-quantization"

namespace gemcut::gemma {
#define GEN_PASS_DEF_MATERIALIZEACTIVATIONQUANTIZATIONPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct MaterializeActivationQuantization
    : gemma::impl::MaterializeActivationQuantizationPassBase<
          MaterializeActivationQuantization> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(quantizeInputs(function, symbols)))
        return signalPassFailure();
  }

private:
  LogicalResult quantizeInputs(func::FuncOp function, SymbolTable &symbols) {
    SmallVector<Operation *> products;
    WalkResult walk = function.walk([&](Operation *op) {
      if (gemma::getProductWeights(op).empty())
        return WalkResult::advance();
      FailureOr<Format> format = gemma::getProductFormat(op, symbols);
      if (failed(format))
        return WalkResult::interrupt();
      // The input is operand 0 of every product.
      if (isQuantized(*format) && !isQ8(op->getOperand(0)))
        products.push_back(op);
      return WalkResult::advance();
    });
    if (walk.wasInterrupted())
      return failure();

    llvm::SetVector<Value> inputs;
    for (Operation *op : products)
      inputs.insert(op->getOperand(0));
    DenseMap<Value, Value> quantized;
    for (Operation *op : products)
      op->setOperand(0, getQuantized(op->getOperand(0), inputs, quantized));
    // Nobody reads f32 rows any more whose quantized ones are selected from.
    for (Value input : inputs)
      if (auto select = input.getDefiningOp<gemma::SelectLastOp>();
          select && select->use_empty())
        select.erase();
    return success();
  }

  static bool isQ8(Value value) {
    return isa<gemma::Q8Type>(getElementTypeOrSelf(value));
  }

  Value getQuantized(Value input, const llvm::SetVector<Value> &inputs,
                     DenseMap<Value, Value> &quantized) {
    if (Value known = quantized.lookup(input))
      return known;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(input);
    Value result;
    auto select = input.getDefiningOp<gemma::SelectLastOp>();
    if (select && inputs.contains(select.getInput())) {
      // All rows are quantized anyway; the last of them is among these.
      Value rows = getQuantized(select.getInput(), inputs, quantized);
      builder.setInsertionPointAfter(select);
      auto last = gemma::SelectLastOp::create(
          builder, input.getLoc(), gemma::getQuantizedType(input.getType()),
          rows);
      gemma::copyLayer(select, last);
      result = last;
    } else {
      auto quantize = gemma::QuantizeOp::create(
          builder, input.getLoc(), gemma::getQuantizedType(input.getType()),
          input);
      if (Operation *producer = input.getDefiningOp())
        gemma::copyLayer(producer, quantize);
      ++numQuantized;
      result = quantize;
    }
    quantized[input] = result;
    return result;
  }
};

} // namespace
