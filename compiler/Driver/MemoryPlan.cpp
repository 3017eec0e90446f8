//===- MemoryPlan.cpp - What the executable will need ---------------------===//

#include "compiler/Driver/MemoryPlan.h"

#include "dialects/Kernel/KernelOps.h"
#include "runtime/abi/memory_plan.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

#include <fmt/format.h>

#include <map>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::driver;

static int64_t intAttr(Operation *op, StringRef name) {
  auto attribute = op->getAttrOfType<IntegerAttr>(name);
  return attribute ? attribute.getInt() : 0;
}

static func::FuncOp findEntry(ModuleOp module, StringRef name) {
  for (auto function : module.getOps<func::FuncOp>()) {
    auto entry = function->getAttrOfType<StringAttr>(kernel::kEntryAttr);
    if (entry && entry.getValue() == name)
      return function;
  }
  return nullptr;
}

/// The part of the matrices of `packed` that one row reads, experts times
/// bytes of one.
static uint64_t expertBytes(ModuleOp module, kernel::PackedOp packed) {
  int64_t experts = *packed.getExperts(), chosen = experts;
  module.walk([&](Operation *op) {
    auto read = [&](auto stage) {
      if (stage.getWeight().getType() == packed.getType())
        chosen = std::min(chosen, int64_t(stage.getChosen()));
    };
    if (auto gated = dyn_cast<kernel::ExpertGatedOp>(op))
      read(gated);
    else if (auto sum = dyn_cast<kernel::ExpertSumOp>(op))
      read(sum);
  });
  auto type = cast<kernel::WeightType>(packed.getType());
  return uint64_t(type.getByteSize() / experts * chosen);
}

/// Bytes of packed weights behind the entry point `decode`: all of them but
/// tables of which single rows are read, of which one row counts, and experts,
/// of which the chosen ones count.
static uint64_t decodeBytes(ModuleOp module) {
  uint64_t bytes = 0;
  llvm::StringSet<> seen;
  func::FuncOp decode = findEntry(module, "decode");
  if (!decode)
    return 0;
  decode.walk([&](kernel::WeightAddressOp address) {
    for (auto name : address.getWeights().getAsRange<FlatSymbolRefAttr>()) {
      if (!seen.insert(name.getValue()).second)
        continue;
      auto packed = module.lookupSymbol<kernel::PackedOp>(name.getAttr());
      auto type = cast<kernel::WeightType>(packed.getType());
      if (packed.getExperts()) {
        bytes += expertBytes(module, packed);
        continue;
      }
      bytes += type.getLayout() == kernel::Layout::Rows
                   ? uint64_t(type.getTableRowBytes())
                   : uint64_t(type.getByteSize());
    }
  });
  return bytes;
}

static std::string kvFormula(ModuleOp module) {
  struct Kind {
    int64_t count = 0;
    kernel::CacheType type;
  };
  std::map<std::pair<int64_t, int64_t>, Kind> kinds;
  for (auto cache : module.getOps<kernel::CacheOp>()) {
    auto type = cast<kernel::CacheType>(cache.getType());
    Kind &kind = kinds[{type.getWindow() == 0, type.getHeadDim()}];
    ++kind.count;
    kind.type = type;
  }
  std::vector<std::string> terms;
  for (auto &[key, kind] : kinds) {
    kernel::CacheType type = kind.type;
    // With a scale of 4 bytes beside a row of int8.
    std::string row = type.getFormat() == Format::Int8
                          ? fmt::format("({} + 4)", type.getHeadDim())
                          : fmt::format("{}", type.getHeadDim());
    int64_t bytes = type.getFormat() == Format::F32    ? 4
                    : type.getFormat() == Format::BF16 ? 2
                                                       : 1;
    terms.push_back(fmt::format(
        "{} {} layer{} x 2 x {} head{} x {} x {} positions x {} B", kind.count,
        type.getWindow() ? "sliding" : "global", kind.count == 1 ? "" : "s",
        type.getHeads(), type.getHeads() == 1 ? "" : "s", row,
        type.getCapacity(), bytes));
  }
  return llvm::join(terms, " + ");
}

int32_t gemcut::driver::entryRows(ModuleOp module, StringRef name) {
  func::FuncOp entry = findEntry(module, name);
  return entry
             ? int32_t(cast<kernel::BufferType>(entry.getArgument(1).getType())
                           .getRows())
             : 0;
}

static uint64_t tableBytes(ModuleOp module) {
  uint64_t bytes = 0;
  for (auto packed : module.getOps<kernel::PackedOp>()) {
    auto type = cast<kernel::WeightType>(packed.getType());
    if (type.getLayout() == kernel::Layout::Rows)
      bytes += uint64_t(type.getByteSize());
  }
  return bytes;
}

MemoryPlan gemcut::driver::readMemoryPlan(ModuleOp module, int64_t slots,
                                          int64_t vocabSize,
                                          uint64_t tableBound) {
  MemoryPlan plan;
  plan.weightBytes = uint64_t(intAttr(module, kernel::kWeightBytesAttr));
  plan.tableBytes = tableBytes(module);
  plan.tableBound = tableBound;
  for (auto function : module.getOps<func::FuncOp>())
    if (auto entry = function->getAttrOfType<StringAttr>(kernel::kEntryAttr)) {
      uint64_t &bytes =
          entry == "score" ? plan.scoreArenaBytes : plan.arenaBytes;
      bytes =
          std::max(bytes, uint64_t(intAttr(function, kernel::kArenaBytesAttr)));
    }
  plan.kvSlotBytes = uint64_t(intAttr(module, kernel::kKvSlotBytesAttr));
  plan.context = intAttr(module, kernel::kContextAttr);
  plan.slots = slots;
  plan.weightBytesPerToken = decodeBytes(module);
  plan.kvFormula = kvFormula(module);

  gemcut_model_info info = {};
  info.vocab_size = int32_t(vocabSize);
  info.context = int32_t(plan.context);
  info.decode_max_rows = entryRows(module, "decode");
  info.score_chunk = entryRows(module, "score");
  info.two_stage_head = entryRows(module, "rescore") > 0;
  info.arena_bytes = plan.arenaBytes;
  info.score_arena_bytes = plan.scoreArenaBytes;
  info.kv_slot_bytes = plan.kvSlotBytes;
  plan.otherBytes =
      gemcut_private_bytes(&info, int32_t(slots), GEMCUT_PLANNED_THREADS) -
      plan.arenaBytes - plan.kvSlotBytes * uint64_t(slots);
  plan.generateBytes =
      gemcut_generate_bytes(&info, int32_t(slots), GEMCUT_PLANNED_THREADS);
  return plan;
}

std::string gemcut::driver::formatBytes(uint64_t bytes) {
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = double(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return unit ? fmt::format("{:.1f} {}", value, units[unit])
              : fmt::format("{} B", bytes);
}

llvm::Expected<uint64_t> gemcut::driver::parseBytes(StringRef text) {
  StringRef number =
      text.take_while([](char c) { return llvm::isDigit(c) || c == '.'; });
  std::string unit = text.drop_front(number.size()).trim().lower();
  double value;
  int shift = unit.empty() || unit == "b"                    ? 0
              : unit == "k" || unit == "kib" || unit == "kb" ? 10
              : unit == "m" || unit == "mib" || unit == "mb" ? 20
              : unit == "g" || unit == "gib" || unit == "gb" ? 30
              : unit == "t" || unit == "tib" || unit == "tb" ? 40
                                                             : -1;
  if (number.empty() || number.getAsDouble(value) || shift < 0 ||
      value * double(uint64_t(1) << shift) < 1 ||
      value * double(uint64_t(1) << shift) >= 0x1p63)
    return llvm::createStringError(
        "found size '" + text.str() +
        "', expected a positive number with K, M, G or T below 8388608T, such "
        "as 4G or 512M");
  return uint64_t(value * double(uint64_t(1) << shift));
}

std::string gemcut::driver::describe(const MemoryPlan &plan) {
  std::string tables;
  if (plan.tableBytes)
    tables = fmt::format(
        "  tables    {:>11}  of the weights, read row by row; {} stay mapped\n",
        formatBytes(plan.tableBytes),
        formatBytes(std::min(plan.tableBytes, plan.tableBound)));
  return fmt::format(
      "memory plan\n"
      "  weights   {:>11}  mapped from the file, {} read per token\n"
      "{}"
      "  KV cache  {:>11}  {} slot{} of {} positions: {}\n"
      "  arena     {:>11}  activations\n"
      "  other     {:>11}  logits, choice of tokens, the process\n"
      "  total     {:>11}  of which private: {}, without score {}\n",
      formatBytes(plan.weightBytes), formatBytes(plan.weightBytesPerToken),
      tables, formatBytes(plan.kvSlotBytes * uint64_t(plan.slots)), plan.slots,
      plan.slots == 1 ? "" : "s", plan.context, plan.kvFormula,
      formatBytes(plan.arenaBytes), formatBytes(plan.otherBytes),
      formatBytes(plan.totalBytes()), formatBytes(plan.privateBytes()),
      formatBytes(plan.generateBytes));
}

std::string gemcut::driver::addends(const MemoryPlan &plan) {
  std::string tables;
  if (plan.tableBytes)
    tables = ", tables " +
             formatBytes(std::min(plan.tableBytes, plan.tableBound)) + " of " +
             formatBytes(plan.tableBytes);
  return "weights " + formatBytes(plan.weightBytes - plan.tableBytes) + tables +
         ", KV " + formatBytes(plan.kvSlotBytes * uint64_t(plan.slots)) +
         ", arena " + formatBytes(plan.arenaBytes) + ", other " +
         formatBytes(plan.otherBytes);
}

llvm::Error gemcut::driver::checkLimit(const MemoryPlan &plan, uint64_t limit) {
  if (!limit || plan.totalBytes() <= limit)
    return llvm::Error::success();
  return llvm::createStringError(
      "the model needs " + formatBytes(plan.totalBytes()) + " (" +
      addends(plan) + "), but --max-ram is " + formatBytes(limit) +
      "; a smaller --context, fewer --slots or a smaller --quant lower it");
}
