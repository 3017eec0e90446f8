//===- WeightGroups.h - Which weights one packed operand holds --*- C++ -*-===//
//
// A stage reads its weights through one address, so weights that one op reads
// together (q, k and v; gate and up) become one operand, also across calls.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_PASSES_GEMMATOKERNEL_WEIGHTGROUPS_H
#define GEMCUT_PASSES_GEMMATOKERNEL_WEIGHTGROUPS_H

#include "dialects/Gemma/GemmaOps.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

#include <utility>

namespace gemcut::gemma_to_kernel {

/// How a stage reads a group of weights.
enum class WeightUse {
  Product,      ///< tiles, one matrix after the other
  Gated,        ///< tiles of two matrices, alternating
  Experts,      ///< tiles, one expert's matrix after the other
  GatedExperts, ///< the same, of two matrices of each expert
  Table,        ///< single rows
  Vector,       ///< f32 vector
};

/// Weights that one operand of a stage holds.
struct WeightGroup {
  WeightUse use;
  llvm::SmallVector<mlir::Value> values;

  bool operator==(const WeightGroup &other) const {
    return use == other.use && values == other.values;
  }
};

/// The weight groups of a module's functions, and how symbols are used.
class WeightGroups {
public:
  /// Looks at every function of `module`. Errors: recursion, a weight that is
  /// neither a symbol nor an argument, a group that mixes the two.
  mlir::LogicalResult analyze(mlir::ModuleOp module);

  /// The groups that `op` reads, in the order of its operands; for a call, the
  /// groups that the callee takes, in the caller's values.
  llvm::SmallVector<WeightGroup> getGroups(mlir::Operation *op) const;

  /// The groups of arguments that `function` takes from its callers.
  llvm::ArrayRef<WeightGroup>
  getArgumentGroups(mlir::func::FuncOp function) const;

  /// True if `name` is an operand of a product anywhere.
  bool isMultiplied(llvm::StringRef name) const {
    return multiplied.contains(name);
  }

private:
  llvm::MapVector<mlir::Operation *, llvm::SmallVector<WeightGroup>> functions;
  llvm::StringSet<> multiplied;
  llvm::SmallVector<mlir::func::FuncOp> active;
  mlir::SymbolTableCollection symbolTables;

  mlir::LogicalResult analyzeFunction(mlir::func::FuncOp function);
};

/// The function that `call` names; null if there is none with a body.
mlir::func::FuncOp getCallee(mlir::func::CallOp call);

/// True for values that are passed as part of a weight group: results of
/// gemma.get_weight and arguments of `function` that only its groups read.
bool isWeight(mlir::Value value, llvm::ArrayRef<WeightGroup> argumentGroups);

} // namespace gemcut::gemma_to_kernel

#endif // GEMCUT_PASSES_GEMMATOKERNEL_WEIGHTGROUPS_H
