//===- ProductInputs.cpp - Which values the matrices multiply -------------===//

#include "compiler/Calibration/ProductInputs.h"

#include "passes/Gemma/Products.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::calibration;

static int64_t getColumns(Value value) {
  return cast<ShapedType>(value.getType()).getShape().back();
}

std::vector<ProductInput>
gemcut::calibration::findProductInputs(ModuleOp module) {
  llvm::StringSet<> tables;
  std::vector<ProductInput> inputs;
  module.walk([&](Operation *op) {
    for (Value matrix : gemma::getProductWeights(op)) {
      auto weight = matrix.getDefiningOp<gemma::GetWeightOp>();
      Value input = op->getOperand(0);
      if (weight && getColumns(matrix) == getColumns(input))
        inputs.push_back({weight.getWeight().str(), input, getColumns(input)});
    }
    if (auto embed = dyn_cast<gemma::EmbedOp>(op))
      if (auto table = embed.getTable().getDefiningOp<gemma::GetWeightOp>())
        tables.insert(table.getWeight());
  });
  for (ProductInput &input : inputs)
    input.isTable = tables.contains(input.weight);
  return inputs;
}
