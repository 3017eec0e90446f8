//===- FunctionRun.h - One call of one function in the interpreter --------===//

#ifndef GEMCUT_COMPILER_REFERENCE_FUNCTIONRUN_H
#define GEMCUT_COMPILER_REFERENCE_FUNCTIONRUN_H

#include "compiler/Reference/Interpreter.h"

#include "dialects/Gemma/GemmaOps.h"

namespace gemcut::reference {

using TensorRef = std::shared_ptr<const Tensor>;

/// Executes a function body. Values die with their last use.
class FunctionRun {
public:
  FunctionRun(Interpreter &interpreter, std::optional<int64_t> layer)
      : interpreter(interpreter), resources(interpreter.resources),
        layer(layer) {}

  /// Results of `function`; nothing if the observer stopped.
  mlir::FailureOr<std::vector<RuntimeValue>>
  run(mlir::func::FuncOp function, std::vector<RuntimeValue> arguments);

  bool hasStopped() const { return stopped; }

private:
  mlir::LogicalResult execute(mlir::Operation *op);
  mlir::LogicalResult call(mlir::func::CallOp op);

  // Symbols and elementary ops.
  mlir::LogicalResult execute(gemma::GetWeightOp op);
  mlir::LogicalResult execute(gemma::GetCacheOp op);
  mlir::LogicalResult execute(gemma::EmbedOp op);
  mlir::LogicalResult execute(gemma::LinearOp op);
  mlir::LogicalResult execute(gemma::RmsNormOp op);
  mlir::LogicalResult execute(gemma::RopeTableOp op);
  mlir::LogicalResult execute(gemma::RopeOp op);
  mlir::LogicalResult execute(gemma::KvWriteOp op);
  mlir::LogicalResult execute(gemma::AttentionOp op);
  mlir::LogicalResult execute(gemma::GeluMulOp op);
  mlir::LogicalResult execute(gemma::AddOp op);
  mlir::LogicalResult execute(gemma::ScaleOp op);
  mlir::LogicalResult execute(gemma::ScaleByOp op);
  mlir::LogicalResult execute(gemma::SliceOp op);
  mlir::LogicalResult execute(gemma::SoftcapOp op);
  mlir::LogicalResult execute(gemma::SelectLastOp op);
  mlir::LogicalResult execute(gemma::SoftmaxOp op);
  mlir::LogicalResult execute(gemma::TopExpertsOp op);
  mlir::LogicalResult execute(gemma::ExpertGatedLinearOp op);
  mlir::LogicalResult execute(gemma::ExpertLinearOp op);
  // Fused ops.
  mlir::LogicalResult execute(gemma::QuantizeOp op);
  mlir::LogicalResult execute(gemma::ExpertQuantizeOp op);
  mlir::LogicalResult execute(gemma::AdaptOp op);
  mlir::LogicalResult execute(gemma::PleInputsOp op);
  mlir::LogicalResult execute(gemma::PrepareQkvOp op);
  mlir::LogicalResult execute(gemma::PrepareKvOp op);
  mlir::LogicalResult execute(gemma::PrepareQOp op);
  mlir::LogicalResult execute(gemma::GatedLinearOp op);
  mlir::LogicalResult execute(gemma::ModulatedLinearOp op);
  mlir::LogicalResult execute(gemma::ResidualNormOp op);
  mlir::LogicalResult execute(gemma::RouteOp op);

  // Operands by kind.
  const RuntimeValue &get(mlir::Value value) { return values.at(value); }
  const Tensor &tensor(mlir::Value value) {
    return *std::get<TensorRef>(get(value));
  }
  const Positions &positions(mlir::Value value) {
    return std::get<Positions>(get(value));
  }
  const Weight &weight(mlir::Value value) {
    return std::get<Weight>(get(value));
  }
  /// The values of a weight vector; empty for an absent operand.
  mlir::FailureOr<std::vector<float>> vector(mlir::Operation *op,
                                             mlir::Value value);
  /// The KV state `value`, which must be the newest of its cache.
  mlir::FailureOr<KvState> state(mlir::Operation *op, mlir::Value value);

  /// Binds a result; a row tensor of element type q8 is quantized first.
  mlir::LogicalResult set(mlir::Value result, Tensor value);
  mlir::LogicalResult set(mlir::Operation *op, mlir::Value result,
                          llvm::Expected<Tensor> value);
  mlir::LogicalResult fail(mlir::Operation *op, llvm::Error error) {
    return op->emitOpError() << llvm::toString(std::move(error));
  }

  /// Norms, rotates and stores K and V: the common part of the prepare ops.
  template <typename PrepareOp>
  mlir::LogicalResult prepareKv(PrepareOp op, const Tensor &key,
                                const Tensor &value, mlir::Value result);
  /// The common part of top_experts and route: binds `weights` and `experts`,
  /// results of `op`, to the choice that `probs` make; `scale` may be absent.
  mlir::LogicalResult choose(mlir::Operation *op, const Tensor &probs,
                             mlir::Value scale, mlir::Value weights,
                             mlir::Value experts);
  mlir::FailureOr<Tensor> prepareQ(mlir::Operation *op, const Tensor &query,
                                   mlir::Value norm, mlir::Value table,
                                   float eps);

  /// Tells the observer about the row tensors among the results of `op`.
  void observe(mlir::Operation *op);

  Interpreter &interpreter;
  const Resources &resources;
  /// The layer of the call that runs this function, if it is one layer's.
  const std::optional<int64_t> layer;
  struct Less {
    bool operator()(mlir::Value a, mlir::Value b) const {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    }
  };
  std::map<mlir::Value, RuntimeValue, Less> values;
  bool stopped = false;
};

inline float toFloat(const llvm::APFloat &value) {
  return value.convertToFloat();
}

} // namespace gemcut::reference
#endif // GEMCUT_COMPILER_REFERENCE_FUNCTIONRUN_H
