//===- OutlineLayers.cpp - One function for layers of a kind --------------===//

#include "passes/Gemma/Passes.h"
#include "passes/Gemma/Rewrites.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "gemma-outline-layers"

namespace gemcut::gemma {
#define GEN_PASS_DEF_OUTLINELAYERSPASS
#include "passes/Gemma/Passes.h.inc"
} // namespace gemcut::gemma

using namespace mlir;
using namespace gemcut;

namespace {

/// What differs between layers in what it names or picks, not in what it does,
/// and the norm that the first layer begins with: the others' are fused into
/// the end of the layer before.
bool isOutside(Operation *op) {
  return isa<gemma::GetWeightOp, gemma::GetCacheOp, gemma::RopeTableOp,
             gemma::SliceOp, gemma::SelectLastOp>(op) ||
         gemma::isRowNorm(dyn_cast<gemma::RmsNormOp>(op));
}

/// Adjacent ops of one layer.
struct Layer {
  int64_t number;
  SmallVector<Operation *> ops;
};

/// What a layer reads from outside, in order of first use, and gives to it.
struct Interface {
  llvm::SetVector<Value> arguments;
  SmallVector<Value> results;

  explicit Interface(const Layer &layer) {
    DenseSet<Operation *> inside(layer.ops.begin(), layer.ops.end());
    for (Operation *op : layer.ops) {
      for (Value operand : op->getOperands())
        if (!inside.contains(operand.getDefiningOp()))
          arguments.insert(operand);
      // All rows of an op or none: the last layer gives its sum, too, though
      // only its norm is read.
      bool rowsAreRead = llvm::any_of(op->getResults(), [&](Value result) {
        return !isa<gemma::KvType>(result.getType()) && isRead(result, inside);
      });
      for (Value result : op->getResults())
        if (isa<gemma::KvType>(result.getType())
                ? isRead(result, inside) || isFinalState(result, inside)
                : rowsAreRead)
          results.push_back(result);
    }
  }

  static bool isRead(Value value, const DenseSet<Operation *> &inside) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !inside.contains(user);
    });
  }

  /// True if the layer does not write the KV state `value` further.
  static bool isFinalState(Value value, const DenseSet<Operation *> &inside) {
    return llvm::none_of(value.getUsers(), [&](Operation *user) {
      return inside.contains(user) &&
             llvm::any_of(user->getResultTypes(), llvm::IsaPred<gemma::KvType>);
    });
  }
};

struct OutlineLayers : gemma::impl::OutlineLayersPassBase<OutlineLayers> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(gemma::kEntryAttr))
        entries.push_back(function);
    SymbolTable symbols(getOperation());
    // Entry points with equal chunks (prefill, extend) share functions.
    DenseMap<Attribute, SmallVector<func::FuncOp>> kindsByRows;
    for (func::FuncOp entry : entries) {
      if (!llvm::hasSingleElement(entry.getBody())) {
        entry.emitOpError("has control flow; an entry point is one block");
        return signalPassFailure();
      }
      Attribute rows = entry->getAttr(gemma::kMaxRowsAttr);
      SmallVector<func::FuncOp> &kinds =
          kindsByRows[rows ? rows : entry.getNameAttr()];
      for (Layer &layer : collectLayers(entry.getBody().front()))
        outline(layer, entry, symbols, kinds);
    }
  }

private:
  /// Finds the layers of `block` and moves what stays outside in front of them.
  static SmallVector<Layer> collectLayers(Block &block) {
    // Extents first: ops that may stay outside do not end a layer.
    SmallVector<Layer> layers;
    bool open = false;
    for (Operation &op : block) {
      if (isOutside(&op))
        continue;
      std::optional<int64_t> number = gemma::getLayer(&op);
      if (!number) {
        open = false;
        continue;
      }
      if (!open || layers.back().number != *number)
        layers.push_back({*number, {}});
      layers.back().ops.push_back(&op);
      open = true;
    }
    for (Layer &layer : layers) {
      Operation *first = layer.ops.front();
      Operation *end = layer.ops.back()->getNextNode();
      SmallVector<Operation *> inside;
      for (Operation *op = first; op != end;) {
        Operation *next = op->getNextNode();
        bool available = llvm::all_of(op->getOperands(), [&](Value operand) {
          Operation *definition = operand.getDefiningOp();
          return !definition || definition->isBeforeInBlock(first);
        });
        if (isOutside(op) && available)
          op->moveBefore(first);
        else
          inside.push_back(op);
        op = next;
      }
      layer.ops = std::move(inside);
    }
    return layers;
  }

  void outline(const Layer &layer, func::FuncOp entry, SymbolTable &symbols,
               SmallVectorImpl<func::FuncOp> &kinds) {
    Interface interface(layer);
    func::FuncOp built = build(layer, interface, entry);
    func::FuncOp kind;
    for (func::FuncOp known : kinds)
      if (isSameKind(known, built))
        kind = known;
    if (kind) {
      LDBG() << "layer " << layer.number << " is of kind " << kind.getName();
      built.erase();
    } else {
      kind = built;
      kind.setName(
          (entry.getName() + ".layer_kind_" + Twine(kinds.size())).str());
      symbols.insert(kind);
      kinds.push_back(kind);
      ++numKinds;
    }

    OpBuilder builder(layer.ops.front());
    auto call = func::CallOp::create(builder, getLayerLoc(layer), kind,
                                     interface.arguments.getArrayRef());
    call->setAttr(gemma::kLayerAttr, builder.getI64IntegerAttr(layer.number));
    for (auto [inside, outside] :
         llvm::zip_equal(interface.results, call.getResults()))
      inside.replaceAllUsesWith(outside);
    for (Operation *op : llvm::reverse(layer.ops))
      op->erase();
    ++numLayers;
  }

  /// A private function, not yet in the module, that does what `layer` does.
  func::FuncOp build(const Layer &layer, const Interface &interface,
                     func::FuncOp entry) {
    OpBuilder builder(&getContext());
    auto types = [](auto values) {
      return llvm::map_to_vector(values, [](Value v) { return v.getType(); });
    };
    auto function = func::FuncOp::create(
        builder, getLayerLoc(layer), "layer",
        builder.getFunctionType(types(interface.arguments.getArrayRef()),
                                types(ArrayRef<Value>(interface.results))));
    function.setPrivate();
    builder.setInsertionPointToStart(function.addEntryBlock());
    IRMapping mapping;
    mapping.map(interface.arguments.getArrayRef(), function.getArguments());
    for (Operation *op : layer.ops)
      builder.clone(*op, mapping)->removeAttr(gemma::kLayerAttr);
    func::ReturnOp::create(builder, getLayerLoc(layer),
                           llvm::map_to_vector(interface.results, [&](Value v) {
                             return mapping.lookup(v);
                           }));
    return function;
  }

  Location getLayerLoc(const Layer &layer) {
    std::string name = "layers." + std::to_string(layer.number);
    return NameLoc::get(StringAttr::get(&getContext(), name));
  }

  static bool isSameKind(func::FuncOp a, func::FuncOp b) {
    return a.getFunctionType() == b.getFunctionType() &&
           OperationEquivalence::isRegionEquivalentTo(
               &a.getBody(), &b.getBody(),
               OperationEquivalence::IgnoreLocations);
  }
};

} // namespace
