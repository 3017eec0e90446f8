//===- PlanWeights.cpp - Offsets of packed tensors ------------------------===//

#include "passes/Kernel/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <algorithm>

#define DEBUG_TYPE "kernel-plan-weights"

namespace gemcut::kernel {
#define GEN_PASS_DEF_PLANWEIGHTSPASS
#include "passes/Kernel/Passes.h.inc"
} // namespace gemcut::kernel

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

namespace {

/// Runs above this start on a page, so that advice to the kernel about them
/// (read ahead, hugepages) touches nothing else.
constexpr int64_t kPagedBytes = 1 << 20;

/// Which tensor lies directly behind which, as weight_address ops ask for.
class Runs {
public:
  LogicalResult add(WeightAddressOp op) {
    auto names =
        llvm::to_vector(op.getWeights().getAsRange<FlatSymbolRefAttr>());
    for (size_t i = 0; i + 1 < names.size(); ++i)
      if (failed(link(op, names[i].getAttr(), names[i + 1].getAttr())))
        return failure();
    return success();
  }

  /// The whole run that `name` belongs to, in order.
  SmallVector<StringAttr> getRun(StringAttr name) const {
    while (Link before = previous.lookup(name))
      name = before.name;
    SmallVector<StringAttr> run{name};
    while (Link after = next.lookup(run.back()))
      run.push_back(after.name);
    return run;
  }

private:
  struct Link {
    StringAttr name;
    Operation *user = nullptr;
    explicit operator bool() const { return bool(name); }
  };
  DenseMap<StringAttr, Link> next, previous;

  LogicalResult link(WeightAddressOp op, StringAttr name, StringAttr after) {
    Link known = next.lookup(name), before = previous.lookup(after);
    if (known.name == after)
      return success();
    if (known || before) {
      InFlightDiagnostic error =
          op.emitOpError() << "needs '" << after.getValue()
                           << "' directly behind '" << name.getValue()
                           << "', but "
                           << (known ? "'" + known.name.getValue().str() +
                                           "' must be directly behind it"
                                     : "it must be directly behind '" +
                                           before.name.getValue().str() + "'");
      error.attachNote((known ? known : before).user->getLoc())
          << "because of this one";
      return error;
    }
    if (llvm::is_contained(getRun(name), after))
      return op.emitOpError()
             << "needs '" << after.getValue() << "' directly behind '"
             << name.getValue() << "', but also in front of it";
    next[name] = {after, op};
    previous[after] = {name, op};
    return success();
  }
};

struct PlanWeights : kernel::impl::PlanWeightsPassBase<PlanWeights> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::MapVector<StringAttr, PackedOp> packed;
    for (auto op : module.getOps<PackedOp>())
      packed[op.getSymNameAttr()] = op;

    Runs runs;
    WalkResult walk = module.walk([&](WeightAddressOp op) {
      return failed(checkParts(op, packed)) || failed(runs.add(op))
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (walk.wasInterrupted())
      return signalPassFailure();

    Builder builder(&getContext());
    int64_t end = 0;
    DenseSet<StringAttr> placed;
    for (StringAttr name : getOrder(module, packed)) {
      if (placed.contains(name))
        continue;
      SmallVector<StringAttr> run = runs.getRun(name);
      int64_t bytes = 0;
      bool isTable = false;
      for (StringAttr part : run) {
        auto type = cast<WeightType>(packed[part].getType());
        bytes += type.getByteSize();
        isTable |= type.getLayout() == Layout::Rows;
      }
      int64_t start = gemcut_round_up(
          end, isTable || bytes > kPagedBytes ? GEMCUT_TABLE_PAGE : 64);
      numPadding += start - end;
      end = start;
      for (StringAttr part : run) {
        packed[part].setOffsetAttr(builder.getI64IntegerAttr(end));
        end += cast<WeightType>(packed[part].getType()).getByteSize();
        placed.insert(part);
      }
    }
    module->setAttr(kWeightBytesAttr, builder.getI64IntegerAttr(end));
  }

  /// Padding rows may only follow the last part.
  LogicalResult checkParts(WeightAddressOp op,
                           llvm::MapVector<StringAttr, PackedOp> &packed) {
    for (auto name : op.getWeights().getAsRange<FlatSymbolRefAttr>()) {
      PackedOp part = packed[name.getAttr()];
      int64_t rows = cast<WeightType>(part.getType()).getRows();
      if (name == op.getWeights().getValue().back() ||
          rows % GEMCUT_TILE_ROWS == 0)
        continue;
      InFlightDiagnostic error =
          op.emitOpError() << "joins '" << name.getValue() << "' of " << rows
                           << " rows to the next; only the last part can have "
                              "rows that are no multiple of "
                           << GEMCUT_TILE_ROWS;
      error.attachNote(part.getLoc()) << "declared here";
      return error;
    }
    return success();
  }

  /// All tensors, tables of rows first; among both those of the decode entry by
  /// first use, then those of other entries, then the rest as declared.
  static llvm::SetVector<StringAttr>
  getOrder(ModuleOp module, llvm::MapVector<StringAttr, PackedOp> &packed) {
    llvm::SetVector<StringAttr> order;
    for (bool decode : {true, false})
      for (auto function : module.getOps<func::FuncOp>())
        if (function->hasAttr(kEntryAttr) && isDecode(function) == decode)
          addUses(function, order);
    for (auto &[name, op] : packed)
      order.insert(name);
    auto names = order.takeVector();
    std::stable_partition(names.begin(), names.end(), [&](StringAttr name) {
      return cast<WeightType>(packed[name].getType()).getLayout() ==
             Layout::Rows;
    });
    order.insert_range(names);
    return order;
  }

  static bool isDecode(func::FuncOp function) {
    return function->getAttrOfType<StringAttr>(kEntryAttr) == "decode";
  }

  static void addUses(func::FuncOp function,
                      llvm::SetVector<StringAttr> &order) {
    function.walk([&](Operation *op) {
      if (auto address = dyn_cast<WeightAddressOp>(op))
        for (auto name : address.getWeights().getAsRange<FlatSymbolRefAttr>())
          order.insert(name.getAttr());
      if (auto call = dyn_cast<func::CallOp>(op))
        if (auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
                call, call.getCalleeAttr()))
          addUses(callee, order);
    });
  }
};

} // namespace
