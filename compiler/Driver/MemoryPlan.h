//===- MemoryPlan.h - What the executable will need -------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_MEMORYPLAN_H
#define GEMCUT_COMPILER_DRIVER_MEMORYPLAN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace gemcut::driver {

/// Bytes that a planned kernel module takes at run time, of sequences that are
/// run to the end of the context: the arena and KV sizes are the plan's, the
/// weights are the section's length; the rest follows from
/// runtime/abi/memory_plan.h for GEMCUT_PLANNED_THREADS threads.
struct MemoryPlan {
  uint64_t weightBytes = 0;     ///< mapped from the file
  uint64_t tableBytes = 0;      ///< of them, tables that are read row by row
  uint64_t tableBound = 0;      ///< of which so much is mapped at a time
  uint64_t arenaBytes = 0;      ///< of the entry points but `score`, at most
  uint64_t scoreArenaBytes = 0; ///< of the entry point `score`
  uint64_t kvSlotBytes = 0;
  uint64_t otherBytes = 0;    ///< logits, choice of tokens, ids, the process
  uint64_t generateBytes = 0; ///< of the private ones, those without `score`
  int64_t slots = 1;
  int64_t context = 0;
  uint64_t weightBytesPerToken = 0; ///< read by a decode step of one row
  std::string kvFormula;            ///< how kvSlotBytes comes about

  uint64_t residentWeightBytes() const {
    return weightBytes - tableBytes + std::min(tableBytes, tableBound);
  }
  uint64_t privateBytes() const {
    return arenaBytes + kvSlotBytes * uint64_t(slots) + otherBytes;
  }
  uint64_t totalBytes() const { return residentWeightBytes() + privateBytes(); }
};

/// Most rows of the entry point `name`: those its ids have room for; 0 without
/// one.
int32_t entryRows(mlir::ModuleOp module, llvm::StringRef name);

/// Reads the plan off a module that the kernel pipeline has planned.
/// `tableBound`: see PlanOptions.
MemoryPlan readMemoryPlan(mlir::ModuleOp module, int64_t slots,
                          int64_t vocabSize, uint64_t tableBound);

/// Lines for people: weights, KV with its formula, arena, the rest, total.
std::string describe(const MemoryPlan &plan);

/// "1.5 GiB", "640 MiB", "12 KiB".
std::string formatBytes(uint64_t bytes);

/// Parses "4G", "512M", "1.5GiB", "123456" (bytes; units are powers of 1024).
llvm::Expected<uint64_t> parseBytes(llvm::StringRef text);

/// "weights 1.2 GiB, KV 57.0 MiB, ...": what adds up to the total.
std::string addends(const MemoryPlan &plan);

/// Error if the plan needs more than `limit` bytes (0: no limit): found, limit,
/// and what lowers it.
llvm::Error checkLimit(const MemoryPlan &plan, uint64_t limit);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_MEMORYPLAN_H
