//===- CollectStages.cpp - The stages of a planned program ----------------===//

#include "compiler/Explain/CollectStages.h"

#include "passes/Kernel/StageWork.h"

#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::explain;
using kernel::Arithmetic;

namespace {

/// The names in a location, in order.
SmallVector<StringRef> getNames(Location location) {
  SmallVector<StringRef> names;
  location->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      names.push_back(name.getName().getValue());
    return WalkResult::advance();
  });
  return names;
}

/// What an op is called in the checkpoint. In a layer's function without the
/// layer's own name: the same for all equal layers. An op that was fused from
/// several is called by the first and the last of them that are in its layer.
std::string getStageName(Operation *op) {
  SmallVector<StringRef> names = getNames(op->getLoc());
  auto function = op->getParentOfType<func::FuncOp>();
  SmallVector<StringRef> layer = getNames(function.getLoc());
  if (!layer.empty() && !function->hasAttr(kernel::kEntryAttr)) {
    SmallVector<StringRef> inside;
    for (StringRef name : names)
      if (name.consume_front(layer.front()) && name.consume_front("."))
        inside.push_back(name);
    if (!inside.empty())
      names = inside;
  }
  if (names.empty())
    return op->getName().stripDialect().str();
  return names.front() == names.back()
             ? names.front().str()
             : (names.front() + " .. " + names.back()).str();
}

std::string describeWeight(kernel::WeightType type) {
  return fmt::format("{} x {} {}", type.getRows(), type.getColumns(),
                     stringifyFormat(type.getFormat()).str());
}

std::string describeCache(kernel::CacheType type) {
  return fmt::format("{} x {} {}, {}", type.getHeads(), type.getHeadDim(),
                     stringifyFormat(type.getFormat()).str(),
                     type.getWindow()
                         ? fmt::format("window {}", type.getWindow())
                         : "all positions");
}

/// The operand that makes a stage what it is: its matrix, else its cache, else
/// its widest buffer.
std::string getShape(Operation *op) {
  kernel::WeightType weight;
  kernel::CacheType cache;
  kernel::BufferType buffer;
  for (Type type : op->getOperandTypes()) {
    if (auto found = dyn_cast<kernel::WeightType>(type);
        found && found.getLayout() != kernel::Layout::Vector && !weight)
      weight = found;
    else if (auto found = dyn_cast<kernel::CacheType>(type))
      cache = found;
    else if (auto found = dyn_cast<kernel::BufferType>(type);
             found && (!buffer || found.getColumns() > buffer.getColumns()))
      buffer = found;
  }
  std::string text =
      weight   ? describeWeight(weight)
      : cache  ? describeCache(cache)
      : buffer ? fmt::format("{} {}", buffer.getColumns(),
                             stringifyElement(buffer.getElement()).str())
               : "";
  if (auto epilogue = op->getAttrOfType<kernel::EpilogueAttr>("epilogue");
      epilogue && epilogue.getValue() != kernel::Epilogue::None)
    text += ", " + stringifyEpilogue(epilogue.getValue()).str();
  return text;
}

std::string describePartition(kernel::StageOpInterface stage) {
  kernel::PartitionAttr partition = stage.getStagePartition();
  return partition
             ? fmt::format("{}, {}",
                           stringifyPartitionDim(partition.getDim()).str(),
                           partition.getSize())
             : "";
}

const char *stringify(Arithmetic arithmetic) {
  switch (arithmetic) {
  case Arithmetic::None:
    return "";
  case Arithmetic::Int8:
    return "int8";
  case Arithmetic::Bf16:
    return "bf16";
  case Arithmetic::F32:
    return "f32";
  }
  llvm_unreachable("all kinds of arithmetic are listed");
}

StageKind makeKind(kernel::StageOpInterface stage) {
  kernel::StageWork work = kernel::getStageWork(stage);
  StageKind kind;
  kind.name = getStageName(stage);
  kind.kernel = stage->getName().stripDialect().str();
  kind.shape = getShape(stage);
  kind.arithmetic = stringify(work.arithmetic);
  kind.partition = describePartition(stage);
  kind.barriers = stage.getBarrierCount();
  kind.weightBytes = work.weightBytes;
  kind.tableBytesPerRow = work.tableBytesPerRow;
  kind.expertBytes = work.expertBytes;
  kind.experts = work.experts;
  kind.expertsPerRow = work.expertsPerRow;
  kind.bufferBytesPerRow = work.bufferBytesPerRow;
  kind.cacheReadBytesPerPosition = work.cacheReadBytesPerPosition;
  kind.cacheWrittenBytesPerRow = work.cacheWrittenBytesPerRow;
  kind.window = work.window;
  kind.macsPerRow = work.macsPerRow;
  kind.macsPerRowPosition = work.macsPerRowPosition;
  kind.chunks = work.chunks;
  kind.chunksPerBlock = work.chunksPerBlock;
  kind.rowsPerBlock = work.rowsPerBlock;
  return kind;
}

} // namespace

StageReport gemcut::explain::collectStages(ModuleOp kernelModule) {
  StageReport report;
  DenseMap<Operation *, size_t> kinds; // of an op, which many layers share
  auto getKind = [&](kernel::StageOpInterface stage) {
    auto [known, isNew] = kinds.try_emplace(stage.getOperation());
    if (isNew) {
      StageKind kind = makeKind(stage);
      auto same = llvm::find(report.kinds, kind);
      known->second = size_t(same - report.kinds.begin());
      if (same == report.kinds.end())
        report.kinds.push_back(std::move(kind));
    }
    return known->second;
  };
  for (auto function : kernelModule.getOps<func::FuncOp>()) {
    auto name = function->getAttrOfType<StringAttr>(kernel::kEntryAttr);
    if (!name)
      continue;
    EntryStages &entry = report.entries[name.getValue().str()];
    entry.maxRows =
        cast<kernel::BufferType>(function.getArgument(1).getType()).getRows();
    for (const kernel::StageRun &run : kernel::getStageRuns(function))
      entry.stages.push_back({getKind(run.stage), run.layer, run.rows});
  }
  return report;
}
