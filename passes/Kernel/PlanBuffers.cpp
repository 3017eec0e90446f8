//===- PlanBuffers.cpp - Offsets of buffers in their function's frame -----===//

#include "passes/Kernel/BufferLiveness.h"
#include "passes/Kernel/Passes.h"

#define DEBUG_TYPE "kernel-plan-buffers"

namespace gemcut::kernel {
#define GEN_PASS_DEF_PLANBUFFERSPASS
#include "passes/Kernel/Passes.h.inc"
} // namespace gemcut::kernel

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

namespace {

struct Placed {
  LiveBuffer buffer;
  int64_t offset, bytes;
};

/// The start of the smallest gap of at least `bytes` bytes between the buffers
/// that are alive together with `buffer`; behind all of them if there is none.
int64_t findBestGap(const LiveBuffer &buffer, int64_t bytes,
                    ArrayRef<Placed> placed) {
  SmallVector<const Placed *> alive;
  for (const Placed &other : placed)
    if (buffer.overlaps(other.buffer))
      alive.push_back(&other);
  llvm::sort(alive, [](const Placed *a, const Placed *b) {
    return std::make_pair(a->offset, a) < std::make_pair(b->offset, b);
  });
  int64_t end = 0, best = -1, bestBytes = 0;
  for (const Placed *other : alive) {
    int64_t gap = other->offset - end;
    if (gap >= bytes && (best < 0 || gap < bestBytes)) {
      best = end;
      bestBytes = gap;
    }
    end = std::max(end, other->offset + other->bytes);
  }
  return best < 0 ? end : best;
}

struct PlanBuffers : kernel::impl::PlanBuffersPassBase<PlanBuffers> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        planFunction(function);
    Builder builder(&getContext());
    int64_t arena = 0;
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr)) {
        int64_t depth = getDepth(function);
        function->setAttr(kArenaBytesAttr, builder.getI64IntegerAttr(depth));
        arena = std::max(arena, depth);
      }
    module->setAttr(kArenaBytesAttr, builder.getI64IntegerAttr(arena));
  }

  void planFunction(func::FuncOp function) {
    for (auto alloc : llvm::make_early_inc_range(
             function.getBody().front().getOps<AllocOp>()))
      if (alloc.use_empty())
        alloc.erase();
    SmallVector<LiveBuffer> buffers = getLiveBuffers(function);
    llvm::sort(buffers, [](const LiveBuffer &a, const LiveBuffer &b) {
      // Kept buffers first, at the start of the frame.
      auto key = [](const LiveBuffer &buffer) {
        return std::make_tuple(!buffer.alloc->hasAttr(kKeptAttr),
                               -getAllocBytes(buffer.alloc), buffer.first,
                               buffer.last);
      };
      return key(a) < key(b);
    });
    Builder builder(&getContext());
    SmallVector<Placed> placed;
    int64_t frame = 0, total = 0;
    for (const LiveBuffer &buffer : buffers) {
      int64_t bytes = getAllocBytes(buffer.alloc);
      int64_t offset = findBestGap(buffer, bytes, placed);
      AllocOp(buffer.alloc).setOffsetAttr(builder.getI64IntegerAttr(offset));
      placed.push_back({buffer, offset, bytes});
      frame = std::max(frame, offset + bytes);
      total += bytes;
    }
    function->setAttr(kFrameBytesAttr, builder.getI64IntegerAttr(frame));
    numBuffers += buffers.size();
    numReused += total - frame;
  }

  /// Bytes of the frame of `function` and of the deepest chain of its callees.
  static int64_t getDepth(func::FuncOp function) {
    int64_t deepest = 0;
    function.walk([&](func::CallOp call) {
      auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
          call, call.getCalleeAttr());
      if (callee && !callee.isExternal())
        deepest = std::max(deepest, getDepth(callee));
    });
    return deepest +
           function->getAttrOfType<IntegerAttr>(kFrameBytesAttr).getInt();
  }
};

} // namespace
