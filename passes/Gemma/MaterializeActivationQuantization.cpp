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
    SymbolTable table(getOperation());
    symbols = &table;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(quantizeInputs(function)))
        return signalPassFailure();
  }

private:
  /// A value, and how products want it rounded.
  struct Input {
    Value value;
    Format format; ///< of the weights
    FlatSymbolRefAttr scale;

    bool operator==(const Input &other) const {
      return value == other.value && scale == other.scale &&
             hasRowScales(format) == hasRowScales(other.format);
    }
  };

  const SymbolTable *symbols = nullptr;
  SmallVector<Input> inputs; ///< of all products of a function
  SmallVector<std::pair<Input, Value>> quantized;

  LogicalResult quantizeInputs(func::FuncOp function) {
    inputs.clear();
    quantized.clear();
    SmallVector<Operation *> products;
    WalkResult walk = function.walk([&](Operation *op) {
      if (gemma::getProductWeights(op).empty())
        return WalkResult::advance();
      FailureOr<gemma::ProductForm> form = gemma::getProductForm(op, *symbols);
      if (failed(form))
        return WalkResult::interrupt();
      // The input is operand 0 of every product.
      Value input = op->getOperand(0);
      if (isQuantized(form->format) && !gemma::isInt8Rows(input.getType())) {
        if (Value experts = getOwnRows(op, *form)) {
          quantizeForExperts(op, experts, *form);
          return WalkResult::advance();
        }
        products.push_back(op);
        inputs.push_back({input, form->format, form->inputScale});
      }
      return WalkResult::advance();
    });
    if (walk.wasInterrupted())
      return failure();

    llvm::SetVector<Value> values;
    for (auto [product, input] : llvm::zip_equal(products, inputs)) {
      product->setOperand(0, getQuantized(input));
      values.insert(input.value);
    }
    // Nobody reads f32 rows any more whose quantized ones are selected from.
    for (Value value : values)
      if (auto select = value.getDefiningOp<gemma::SelectLastOp>();
          select && select->use_empty())
        select.erase();
    return success();
  }

  Value getQuantized(const Input &input) {
    for (auto &[known, result] : quantized)
      if (known == input)
        return result;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(input.value);
    Location loc = input.value.getLoc();
    Type type = gemma::getQuantizedType(input.value.getType(), input.format);
    Value result;
    auto select = input.value.getDefiningOp<gemma::SelectLastOp>();
    Input all = input;
    if (select)
      all.value = select.getInput();
    if (select && llvm::is_contained(inputs, all)) {
      // All rows are quantized anyway; the last of them is among these.
      Value rows = getQuantized(all);
      builder.setInsertionPointAfter(select);
      auto last = gemma::SelectLastOp::create(builder, loc, type, rows);
      gemma::copyLayer(select, last);
      result = last;
    } else {
      result = createQuantize(builder, input, type);
      ++numQuantized;
    }
    quantized.push_back({input, result});
    return result;
  }

  /// The choice of experts that product `op` is of, if each of them reads a row
  /// under a scale of its own; null otherwise.
  static Value getOwnRows(Operation *op, const gemma::ProductForm &form) {
    if (!hasRowScales(form.format))
      return {};
    if (auto linear = dyn_cast<gemma::ExpertLinearOp>(op))
      return linear.getExperts();
    auto gated = dyn_cast<gemma::ExpertGatedLinearOp>(op);
    return gated && form.inputScale ? gated.getExperts() : Value();
  }

  void quantizeForExperts(Operation *op, Value experts,
                          const gemma::ProductForm &form) {
    OpBuilder builder(op);
    Value input = op->getOperand(0);
    auto rows = cast<RankedTensorType>(input.getType());
    auto matrices =
        cast<RankedTensorType>(gemma::getProductWeights(op).front().getType());
    int64_t chosen = cast<RankedTensorType>(experts.getType()).getDimSize(1);
    auto type = RankedTensorType::get(
        {rows.getDimSize(0), chosen * matrices.getDimSize(2)},
        rows.getElementType());
    auto quantize = gemma::ExpertQuantizeOp::create(
        builder, input.getLoc(), gemma::getQuantizedType(type, form.format),
        input, experts, getScale(builder, op, form.inputScale));
    gemma::copyLayer(op, quantize);
    op->setOperand(0, quantize);
    ++numQuantized;
  }

  /// The value of the scale `name`, for the layer of `user`, which may be null.
  Value getScale(OpBuilder &builder, Operation *user, FlatSymbolRefAttr name) {
    if (!name)
      return {};
    auto weight = symbols->lookup<gemma::WeightOp>(name.getAttr());
    auto get = gemma::GetWeightOp::create(
        builder, user ? user->getLoc() : weight.getLoc(), weight.getType(),
        name);
    if (user)
      gemma::copyLayer(user, get);
    return get;
  }

  Value createQuantize(OpBuilder &builder, const Input &input, Type type) {
    Location loc = input.value.getLoc();
    Operation *producer = input.value.getDefiningOp();
    Value scale = getScale(builder, producer, input.scale);
    auto quantize =
        gemma::QuantizeOp::create(builder, loc, type, input.value, scale);
    if (producer)
      gemma::copyLayer(producer, quantize);
    return quantize;
  }
};

} // namespace
