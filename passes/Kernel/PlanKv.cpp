//===- PlanKv.cpp - Capacities and offsets of KV caches -------------------===//

#include "passes/Kernel/Passes.h"

#include "mlir/IR/AttrTypeSubElements.h"

#define DEBUG_TYPE "kernel-plan-kv"

namespace gemcut::kernel {
#define GEN_PASS_DEF_PLANKVPASS
#include "passes/Kernel/Passes.h.inc"
} // namespace gemcut::kernel

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

namespace {

constexpr int64_t kSlotAlignment = 4096;

struct PlanKv : kernel::impl::PlanKvPassBase<PlanKv> {
  using PlanKvPassBase::PlanKvPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Builder builder(&getContext());
    int64_t positions = context;
    if (auto known = module->getAttrOfType<IntegerAttr>(kContextAttr))
      positions = positions ? positions : known.getInt();
    if (positions <= 0) {
      module.emitError()
          << "no context to plan for: the module has no positive "
          << kContextAttr << " and option context is " << int64_t(context);
      return signalPassFailure();
    }
    module->setAttr(kContextAttr, builder.getI64IntegerAttr(positions));

    int64_t chunk = getLargestChunk(module);
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](CacheType type) {
      return CacheType::get(type.getContext(), type.getHeads(),
                            type.getHeadDim(), type.getFormat(),
                            type.getWindow(),
                            getCapacity(type.getWindow(), chunk, positions));
    });
    replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);

    int64_t end = 0;
    for (auto cache : module.getOps<CacheOp>()) {
      auto type = cast<CacheType>(cache.getType());
      cache.setOffsetAttr(builder.getI64IntegerAttr(end));
      end += type.getByteSize();
      ++(type.getWindow() ? numRings : numLinear);
    }
    module->setAttr(kKvSlotBytesAttr, builder.getI64IntegerAttr(gemcut_round_up(
                                          end, kSlotAlignment)));
  }

  static int64_t getCapacity(int64_t window, int64_t chunk, int64_t positions) {
    int64_t needed =
        window ? std::min(window - 1 + chunk, positions) : positions;
    return gemcut_round_up(needed, GEMCUT_KV_BLOCK);
  }

  /// The most rows that one step writes to a cache.
  static int64_t getLargestChunk(ModuleOp module) {
    int64_t chunk = 1;
    for (auto function : module.getOps<func::FuncOp>())
      if (auto entry = function->getAttrOfType<StringAttr>(kEntryAttr);
          entry && entry != "rescore") // whose rows are weight tiles
        for (Type type : function.getArgumentTypes())
          if (auto buffer = dyn_cast<BufferType>(type))
            chunk = std::max(chunk, buffer.getRows());
    return chunk;
  }
};

} // namespace
