//===- MemoryPlan.h - What the executable will need -------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_MEMORYPLAN_H
#define GEMCUT_COMPILER_DRIVER_MEMORYPLAN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>

namespace gemcut::driver {

/// Bytes that a planned kernel module takes at run time. All are exact: the
/// arena and KV sizes are the plan's, the weights are the section's length.
struct MemoryPlan {
  uint64_t weightBytes = 0;     ///< mapped from the file
  uint64_t arenaBytes = 0;      ///< of the entry point that needs most
  uint64_t scoreArenaBytes = 0; ///< of the entry point `score`
  uint64_t kvSlotBytes = 0;
  int64_t slots = 1;
  int64_t context = 0;
  uint64_t weightBytesPerToken = 0; ///< read by a decode step of one row
  std::string kvFormula;            ///< how kvSlotBytes comes about

  uint64_t privateBytes() const {
    return arenaBytes + kvSlotBytes * uint64_t(slots);
  }
  uint64_t totalBytes() const { return weightBytes + privateBytes(); }
};

/// Reads the plan off a module that the kernel pipeline has planned.
MemoryPlan readMemoryPlan(mlir::ModuleOp module, int64_t slots);

/// Lines for people: weights, KV with its formula, arena, total.
std::string describe(const MemoryPlan &plan);

/// "1.5 GiB", "640 MiB", "12 KiB".
std::string formatBytes(uint64_t bytes);

/// Parses "4G", "512M", "1.5GiB", "123456" (bytes; units are powers of 1024).
llvm::Expected<uint64_t> parseBytes(llvm::StringRef text);

/// Error if the plan needs more than `limit` bytes (0: no limit): found, limit,
/// and what lowers it.
llvm::Error checkLimit(const MemoryPlan &plan, uint64_t limit);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_MEMORYPLAN_H
