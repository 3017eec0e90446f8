//===- Products.cpp - Products and the formats of their weights -----------===//

#include "passes/Gemma/Products.h"

using namespace mlir;
using namespace gemcut;

SmallVector<Value> gemma::getProductWeights(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return linear.getWeights();
  if (auto gated = dyn_cast<GatedLinearOp>(op))
    return {gated.getGate(), gated.getUp()};
  if (auto modulated = dyn_cast<ModulatedLinearOp>(op))
    return {modulated.getWeight()};
  if (auto gated = dyn_cast<ExpertGatedLinearOp>(op))
    return {gated.getMatrices()};
  if (auto experts = dyn_cast<ExpertLinearOp>(op))
    return {experts.getMatrices()};
  return {};
}

FailureOr<gemma::ProductForm>
gemma::getProductForm(Operation *op, const SymbolTable &symbols) {
  WeightOp first;
  for (Value value : getProductWeights(op)) {
    auto get = value.getDefiningOp<GetWeightOp>();
    if (!get)
      return op->emitOpError("multiplies a value that is no gemma.get_weight; "
                             "formats are chosen before layers are outlined");
    auto weight = symbols.lookup<WeightOp>(get.getWeight());
    if (!weight || !weight.getFormat()) {
      InFlightDiagnostic error = op->emitOpError()
                                 << "multiplies weight '" << get.getWeight()
                                 << "', which has no format; run "
                                    "gemma-assign-formats first";
      if (weight)
        error.attachNote(weight.getLoc()) << "declared here";
      return error;
    }
    if (!first)
      first = weight;
    if (weight.getFormat() != first.getFormat())
      return op->emitOpError()
             << "multiplies '" << first.getSymName() << "' as "
             << stringifyFormat(first.getFormat()->getValue()) << " and '"
             << weight.getSymName() << "' as "
             << stringifyFormat(weight.getFormat()->getValue())
             << "; the weights of one product need one format, so give both "
                "names the same in the recipe";
    if (weight.getInputScaleAttr() != first.getInputScaleAttr())
      return op->emitOpError()
             << "multiplies '" << first.getSymName() << "' and '"
             << weight.getSymName()
             << "', which round their one input under different scales";
  }
  return ProductForm{first.getFormat()->getValue(), first.getInputScaleAttr()};
}
