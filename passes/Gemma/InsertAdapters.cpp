//===- InsertAdapters.cpp - Products of adapters --------------------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#define DEBUG_TYPE "gemma-insert-adapters"

namespace gemcut::gemma {
#define GEN_PASS_DEF_INSERTADAPTERSPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

struct InsertAdapters : gemma::impl::InsertAdaptersPassBase<InsertAdapters> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (auto linear : gemma::collectOps<gemma::LinearOp>(function))
        insert(linear, symbols);
  }

private:
  void insert(gemma::LinearOp linear, const SymbolTable &symbols) {
    OpBuilder builder(linear);
    builder.setInsertionPointAfter(linear);
    Value result = linear.getResult();
    Operation *first = nullptr;
    int64_t offset = 0;
    for (Value weight : linear.getWeights()) {
      int64_t place = offset;
      offset += cast<RankedTensorType>(weight.getType()).getDimSize(0);
      auto get = weight.getDefiningOp<gemma::GetWeightOp>();
      auto declared =
          get ? symbols.lookup<gemma::WeightOp>(get.getWeight()) : nullptr;
      auto pair = declared
                      ? declared->getAttrOfType<ArrayAttr>(gemma::kAdapterAttr)
                      : ArrayAttr();
      if (!pair)
        continue;
      SmallVector<Value, 2> matrices;
      for (auto symbol : pair.getAsRange<FlatSymbolRefAttr>()) {
        auto matrix = symbols.lookup<gemma::WeightOp>(symbol.getValue());
        matrices.push_back(gemma::GetWeightOp::create(
            builder, linear.getLoc(), matrix.getType(), symbol));
        gemma::copyLayer(linear, matrices.back().getDefiningOp());
      }
      auto adapt = gemma::AdaptOp::create(
          builder, linear.getLoc(), result.getType(), result, linear.getInput(),
          matrices[0], matrices[1],
          declared->getAttrOfType<IntegerAttr>(gemma::kAdapterRankAttr),
          builder.getI64IntegerAttr(place));
      gemma::copyLayer(linear, adapt);
      first = first ? first : adapt;
      result = adapt.getResult();
      ++numInserted;
    }
    if (first)
      linear.getResult().replaceAllUsesExcept(result, first);
  }
};

} // namespace
