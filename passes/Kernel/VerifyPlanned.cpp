//===- VerifyPlanned.cpp - Checks that plans are complete and sound -------===//

#include "passes/Kernel/BufferLiveness.h"
#include "passes/Kernel/Passes.h"

#define DEBUG_TYPE "kernel-verify-planned"

namespace gemcut::kernel {
#define GEN_PASS_DEF_VERIFYPLANNEDPASS
#include "passes/Kernel/Passes.h.inc"
} // namespace gemcut::kernel

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

namespace {

/// Bytes [offset, offset + bytes) of something, and who has them.
struct Range {
  Operation *op;
  int64_t offset, bytes;

  int64_t getEnd() const { return offset + bytes; }
  bool overlaps(const Range &other) const {
    return offset < other.getEnd() && other.offset < getEnd();
  }
};

struct VerifyPlanned : kernel::impl::VerifyPlannedPassBase<VerifyPlanned> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ok = true;
    checkAttribute(module, kContextAttr, "gemma-convert-to-kernel");
    checkWeights(module);
    checkCaches(module);
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        checkFrame(function);
    checkAttribute(module, kArenaBytesAttr, "kernel-plan-buffers");
    module.walk([&](StageOpInterface stage) { checkStage(stage); });
    ok ? markAllAnalysesPreserved() : signalPassFailure();
  }

private:
  bool ok = true;

  InFlightDiagnostic fail(Operation *op) {
    ok = false;
    return op->emitOpError();
  }

  /// The value of an integer attribute, or 0 after an error.
  int64_t checkAttribute(Operation *op, StringRef name, StringRef pass) {
    if (auto value = op->getAttrOfType<IntegerAttr>(name))
      return value.getInt();
    fail(op) << "has no " << name << "; run " << pass;
    return 0;
  }

  /// Ranges are 64-byte aligned, in order inside [0, limit), and disjoint.
  void checkRanges(MutableArrayRef<Range> ranges, int64_t limit,
                   StringRef where) {
    llvm::sort(ranges, [](const Range &a, const Range &b) {
      return std::make_pair(a.offset, a.bytes) <
             std::make_pair(b.offset, b.bytes);
    });
    const Range *furthest = nullptr;
    for (const Range &range : ranges) {
      checkRange(range, limit, where);
      if (furthest && furthest->overlaps(range))
        reportOverlap(range, *furthest);
      if (!furthest || range.getEnd() > furthest->getEnd())
        furthest = &range;
    }
  }

  void checkRange(const Range &range, int64_t limit, StringRef where) {
    if (range.offset % 64)
      fail(range.op) << "offset " << range.offset << " is not a multiple of 64";
    if (range.offset < 0 || range.getEnd() > limit)
      fail(range.op) << "bytes " << range.offset << " to " << range.getEnd()
                     << " leave the " << limit << " bytes of " << where;
  }

  void reportOverlap(const Range &range, const Range &other) {
    InFlightDiagnostic error = fail(range.op);
    error << "bytes " << range.offset << " to " << range.getEnd()
          << " overlap storage that is in use at the same time";
    error.attachNote(other.op->getLoc())
        << "which has bytes " << other.offset << " to " << other.getEnd();
  }

  void checkWeights(ModuleOp module) {
    int64_t limit =
        checkAttribute(module, kWeightBytesAttr, "kernel-plan-weights");
    SmallVector<Range> ranges;
    llvm::StringMap<Range> byName;
    for (auto op : module.getOps<PackedOp>()) {
      if (!op.getOffset()) {
        fail(op) << "has no offset; run kernel-plan-weights";
        continue;
      }
      ranges.push_back({op, int64_t(*op.getOffset()),
                        cast<WeightType>(op.getType()).getByteSize()});
      byName[op.getSymName()] = ranges.back();
    }
    checkRanges(ranges, limit, "the weight section");
    module.walk([&](WeightAddressOp op) {
      const Range *before = nullptr;
      for (auto name : op.getWeights().getAsRange<FlatSymbolRefAttr>()) {
        auto found = byName.find(name.getValue());
        if (found == byName.end())
          return;
        if (before && before->getEnd() != found->second.offset)
          fail(op) << "reads '" << name.getValue()
                   << "' directly behind bytes up to " << before->getEnd()
                   << ", but it starts at " << found->second.offset;
        before = &found->second;
      }
    });
  }

  void checkCaches(ModuleOp module) {
    int64_t limit = checkAttribute(module, kKvSlotBytesAttr, "kernel-plan-kv");
    SmallVector<Range> ranges;
    for (auto op : module.getOps<CacheOp>()) {
      auto type = cast<CacheType>(op.getType());
      if (!op.getOffset() || !type.getCapacity())
        fail(op) << "has no offset or capacity; run kernel-plan-kv";
      else
        ranges.push_back({op, int64_t(*op.getOffset()), type.getByteSize()});
    }
    checkRanges(ranges, limit, "a slot");
  }

  void checkFrame(func::FuncOp function) {
    int64_t limit =
        checkAttribute(function, kFrameBytesAttr, "kernel-plan-buffers");
    SmallVector<std::pair<LiveBuffer, Range>> placed;
    for (LiveBuffer &buffer : getLiveBuffers(function)) {
      if (!buffer.alloc.getOffset()) {
        fail(buffer.alloc) << "has no offset; run kernel-plan-buffers";
        continue;
      }
      Range range{buffer.alloc, int64_t(*buffer.alloc.getOffset()),
                  getAllocBytes(buffer.alloc)};
      checkRange(range, limit, "the frame");
      for (auto &[other, otherRange] : placed)
        if (buffer.overlaps(other) && range.overlaps(otherRange))
          reportOverlap(range, otherRange);
      placed.emplace_back(buffer, range);
    }
  }

  void checkStage(StageOpInterface stage) {
    if (!stage.getStagePartition())
      fail(stage) << "has no partition; run kernel-partition-stages";
    if (isa<GemvOp, GemmOp>(stage.getOperation()) && !stage->hasAttr("tile"))
      fail(stage) << "has no tile; run kernel-partition-stages";
  }
};

} // namespace
