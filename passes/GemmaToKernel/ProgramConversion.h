//===- ProgramConversion.h - A gemma module as a kernel module --*- C++ -*-===//
//
// ProgramConversion owns the new module: packed weights, caches and one
// function per way a gemma function is called. FunctionConversion writes one
// function.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_PASSES_GEMMATOKERNEL_PROGRAMCONVERSION_H
#define GEMCUT_PASSES_GEMMATOKERNEL_PROGRAMCONVERSION_H

#include "passes/GemmaToKernel/Passes.h"
#include "passes/GemmaToKernel/WeightGroups.h"

namespace gemcut::gemma_to_kernel {

/// What a caller finds behind one result of a converted function.
struct ResultSource {
  enum Kind {
    Output,   ///< the next output buffer
    Argument, ///< what it passed as argument `index`
    Cache,    ///< the cache named `symbol`
    Result,   ///< the same as result `index`
  };
  Kind kind;
  unsigned index = 0;
  mlir::FlatSymbolRefAttr symbol;
};

/// Where the results of `function` come from. Error: a result that no stage
/// writes.
mlir::FailureOr<llvm::SmallVector<ResultSource>>
getResultSources(mlir::func::FuncOp function);

class ProgramConversion {
public:
  ProgramConversion(mlir::ModuleOp source, Format kvFormat);

  /// Converts every entry point and what it calls. The source stays as it is.
  mlir::LogicalResult run();

  mlir::ModuleOp getTarget() { return *target; }
  int64_t getStageCount() const { return stageCount; }
  int64_t getPackedCount() const { return packed.size(); }
  const WeightGroups &getGroups() const { return groups; }
  Format getKvFormat() const { return kvFormat; }
  void countStage() { ++stageCount; }

  /// The buffer of a row tensor; `?` rows become `maxRows`. Rows of positions
  /// are (slot, position) pairs. Null for tensors that are no rows.
  kernel::BufferType getBufferType(mlir::Type type, int64_t maxRows) const;
  kernel::CacheType getCacheType(gemma::KvType type) const;

  /// The function that does what `source` does for operands of these types:
  /// (rows, operands, weight groups, outputs).
  mlir::FailureOr<mlir::func::FuncOp>
  getFunction(mlir::func::FuncOp source, int64_t maxRows,
              llvm::ArrayRef<mlir::Type> argumentTypes);

  /// Symbols and joint type of a group of declared weights, declaring their
  /// packed forms on first use. Errors: no format, no such packed form.
  mlir::FailureOr<std::pair<mlir::ArrayAttr, kernel::WeightType>>
  getPacked(mlir::Operation *user, const WeightGroup &group);

  /// The cache of the gemma cache `name`, declared on first use.
  mlir::FlatSymbolRefAttr getCache(mlir::FlatSymbolRefAttr name);

private:
  struct Instance {
    mlir::func::FuncOp source;
    int64_t maxRows;
    llvm::SmallVector<mlir::Type> argumentTypes;
    mlir::func::FuncOp target;
  };

  mlir::ModuleOp source;
  Format kvFormat;
  WeightGroups groups;
  mlir::OwningOpRef<mlir::ModuleOp> target;
  mlir::SymbolTable sourceSymbols, targetSymbols;
  llvm::MapVector<mlir::StringAttr, kernel::PackedOp> packed;
  llvm::MapVector<mlir::StringAttr, kernel::CacheOp> caches;
  llvm::SmallVector<Instance> instances;
  int64_t stageCount = 0;

  mlir::LogicalResult convertEntry(mlir::func::FuncOp entry);
  mlir::FailureOr<kernel::PackedOp>
  declarePacked(mlir::Operation *user, mlir::Location loc, mlir::StringRef name,
                llvm::MutableArrayRef<gemma::WeightOp> sources,
                kernel::Layout layout, bool hasExperts);
};

/// Converts the body of one function.
class FunctionConversion {
public:
  FunctionConversion(ProgramConversion &program, mlir::func::FuncOp source,
                     mlir::func::FuncOp target, int64_t maxRows)
      : program(program), source(source), target(target), maxRows(maxRows),
        builder(target.getContext()) {}

  /// The arguments of an entry point: (rows, ids, logits).
  mlir::LogicalResult convertEntry();
  /// The arguments of a layer function, see ProgramConversion::getFunction.
  mlir::LogicalResult convertLayer();

private:
  ProgramConversion &program;
  mlir::func::FuncOp source, target;
  int64_t maxRows;
  mlir::OpBuilder builder;
  mlir::Value rows;
  llvm::DenseMap<mlir::Value, mlir::Value> values;
  llvm::DenseMap<mlir::Value, mlir::Value> destinations;
  llvm::DenseMap<int64_t, mlir::Value> constants;
  llvm::SmallVector<std::pair<WeightGroup, mlir::Value>> weights;

  mlir::LogicalResult convertBody();
  mlir::LogicalResult convertOp(mlir::Operation *op);
  /// Operands are rows, states or weights where the op expects them.
  mlir::LogicalResult checkOperands(mlir::Operation *op);
  mlir::LogicalResult emitRowsExpected(mlir::Operation *op,
                                       mlir::Value operand);
  mlir::LogicalResult convert(mlir::func::ReturnOp op);
  mlir::LogicalResult convert(mlir::func::CallOp op);

  // RowConversions.cpp
  mlir::LogicalResult convert(gemma::GetWeightOp op);
  mlir::LogicalResult convert(gemma::GetCacheOp op);
  mlir::LogicalResult convert(gemma::EmbedOp op);
  mlir::LogicalResult convert(gemma::SliceOp op);
  mlir::LogicalResult convert(gemma::SelectLastOp op);
  mlir::LogicalResult convert(gemma::RmsNormOp op);
  mlir::LogicalResult convert(gemma::QuantizeOp op);
  mlir::LogicalResult convert(gemma::RopeTableOp op);
  mlir::LogicalResult convert(gemma::GeluMulOp op);
  mlir::LogicalResult convert(gemma::AdaptOp op);
  mlir::LogicalResult convert(gemma::PleInputsOp op);
  mlir::LogicalResult convert(gemma::PrepareQkvOp op);
  mlir::LogicalResult convert(gemma::PrepareKvOp op);
  mlir::LogicalResult convert(gemma::PrepareQOp op);
  mlir::LogicalResult convert(gemma::AttentionOp op);
  mlir::LogicalResult convert(gemma::ResidualNormOp op);

  // ProductConversions.cpp
  mlir::LogicalResult convert(gemma::LinearOp op);
  mlir::LogicalResult convert(gemma::GatedLinearOp op);
  mlir::LogicalResult convert(gemma::ModulatedLinearOp op);
  mlir::LogicalResult convert(gemma::RouteOp op);
  mlir::LogicalResult convert(gemma::ExpertQuantizeOp op);
  mlir::LogicalResult convert(gemma::ExpertGatedLinearOp op);
  mlir::LogicalResult convert(gemma::ExpertLinearOp op);
  /// Success if the grouped rows of `result` stay inside the function.
  mlir::LogicalResult keepInside(mlir::OpResult result);
  mlir::LogicalResult convertProduct(mlir::Operation *op, mlir::Value input,
                                     mlir::Value modulator,
                                     kernel::Epilogue epilogue,
                                     mlir::FloatAttr scale,
                                     mlir::FloatAttr cap);

  mlir::Value lookup(mlir::Value value) { return values.lookup(value); }
  /// The row count of a row tensor: the argument or a constant.
  mlir::Value getRows(mlir::Value tensor);
  mlir::Value getConstant(int64_t value);
  /// The address of a group's packed weights; null after an error.
  mlir::Value getWeight(mlir::Operation *user, const WeightGroup &group);
  mlir::Value getVector(mlir::Operation *user, mlir::Value vector);
  /// The buffer that `result` is written to: the function's output or a new
  /// one.
  mlir::Value getOutput(mlir::Value result);
  /// A buffer of the function's own.
  mlir::Value createBuffer(mlir::Location loc, int64_t bufferRows,
                           int64_t columns, kernel::Element element);
};

} // namespace gemcut::gemma_to_kernel

#endif // GEMCUT_PASSES_GEMMATOKERNEL_PROGRAMCONVERSION_H
