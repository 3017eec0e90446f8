//===- Interpreter.h - Runs gemma functions, slowly and obviously -*- C++
//-*-===//
//
// What every later form of a program is compared with: each op is the formula
// of its description, see Ops.h.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_REFERENCE_INTERPRETER_H
#define GEMCUT_COMPILER_REFERENCE_INTERPRETER_H

#include "compiler/Reference/Ops.h"
#include "compiler/Reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <map>
#include <variant>

namespace gemcut::reference {

/// The value of an SSA value. Row tensors are shared, never changed.
using RuntimeValue = std::variant<std::shared_ptr<const Tensor>, Ids, Positions,
                                  Weight, KvState>;

/// One row tensor that an op has computed, as an observer sees it.
struct Observation {
  /// Names in the op's location: one, or several for a fused op, in order. The
  /// results of gemma.top_experts, which has two names, have one each.
  /// Inside a function that several layers share, "layers.N." has the calling
  /// layer's N.
  llvm::ArrayRef<std::string> names;
  mlir::Operation *op;
  unsigned resultNumber;
  const Tensor &value;
};

enum class Next { Continue, Stop };
using Observer = std::function<Next(const Observation &)>;

/// Runs functions of one module over one sequence. The KV state lives in the
/// interpreter and persists from run to run, so prefill and decode steps are
/// consecutive runs. All positions that were written are kept, windows or not.
///
/// Weights are read where they are used and never kept: memory is that of the
/// live row tensors and KV entries. Weight formats (`gemma.format`) change
/// nothing: the values are those of the source. Not thread-safe; uses threads
/// inside.
class Interpreter {
public:
  /// `module` must be verified and outlive the interpreter, as must `weights`.
  /// `threads`: most threads of one op, 0 for one per core.
  Interpreter(mlir::ModuleOp module, const checkpoint::WeightSource &weights,
              unsigned threads = 0);

  /// Called after every op that computes a row tensor.
  void setObserver(Observer newObserver) { observer = std::move(newObserver); }

  /// Chooses the adapter of gemma.adapt, an index in its weights; nullopt, as
  /// at first: none.
  void setAdapter(std::optional<int64_t> index) { adapter = index; }

  /// Runs `function` on ids[r] at positions[r] and returns its results in
  /// order; none if the observer stopped the run. Arguments are bound by type:
  /// tensor<?xi32> takes the ids, tensor<?xi64> the positions.
  ///
  /// Emits one diagnostic and fails if there is no such function, if it takes
  /// other arguments, if there are no rows or their counts differ, if an id is
  /// outside the vocabulary, if a weight cannot be read, if an op is none of
  /// the gemma dialect, func.call or func.return, or if a KV state is read or
  /// written after a later write.
  mlir::FailureOr<std::vector<Tensor>> run(llvm::StringRef function,
                                           llvm::ArrayRef<int32_t> ids,
                                           llvm::ArrayRef<int64_t> positions);

  /// Forgets all keys and values.
  void resetState() { caches.clear(); }

  /// The state of `gemma.kv_cache @name`; null before its first use.
  const KvCache *getCache(llvm::StringRef name) const;

private:
  friend class FunctionRun;

  mlir::ModuleOp module;
  Resources resources;
  Observer observer;
  std::optional<int64_t> adapter;
  std::map<std::string, KvCache, std::less<>> caches;
  /// Versions at the start of the current run: what get_cache returns.
  std::map<const KvCache *, int64_t> initialVersions;
};

/// The names in a location: of a NameLoc its name, of a fused location those of
/// its parts, in order, each once.
std::vector<std::string> getLocationNames(mlir::Location location);

} // namespace gemcut::reference

#endif // GEMCUT_COMPILER_REFERENCE_INTERPRETER_H
