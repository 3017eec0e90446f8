//===- FitMemory.h - Options that a memory limit leaves ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_FITMEMORY_H
#define GEMCUT_COMPILER_DRIVER_FITMEMORY_H

#include "compiler/Driver/LoadedModel.h"
#include "compiler/Driver/MemoryPlan.h"
#include "compiler/Driver/Options.h"
#include "compiler/Driver/Reporter.h"

namespace gemcut::driver {

/// Positions below which a longer context is worth an int8 KV cache and smaller
/// prompt chunks, where the model was made for so many.
constexpr int64_t kComfortableContext = 4096;
/// What one sequence gets before memory goes to a second one.
constexpr int64_t kUsefulContext = 32768;
/// What is chosen at most: requests that a server on a small machine runs at
/// once. More of them gain little, and have to be asked for.
constexpr int64_t kUsefulSlots = 4;
/// The shortest context that is chosen.
constexpr int64_t kLeastContext = 256;

/// Not even the least plan keeps to a limit.
class MemoryLimitError : public llvm::ErrorInfo<MemoryLimitError> {
public:
  static char ID;

  MemoryLimitError(std::string message, uint64_t needed, uint64_t limit)
      : message(std::move(message)), needed(needed), limit(limit) {}
  void log(llvm::raw_ostream &stream) const override;
  std::error_code convertToErrorCode() const override;

  const std::string message;    ///< the whole sentence
  const uint64_t needed, limit; ///< bytes
};

/// Plans the program without dumps and times.
llvm::Expected<MemoryPlan> planMemory(const LoadedModel &model,
                                      const PlanOptions &options,
                                      int64_t l2Bytes, Reporter &reporter);

/// `given`, with what it leaves open chosen such that the plan takes at most
/// `limit` bytes: the first of a row of measures, each costing more speed or
/// accuracy than the one before, that leaves a comfortable context; then the
/// longest context that fits, up to a useful one, as many slots as fit, up to a
/// useful number, and the longest context that fits with all of them, up to
/// what the model was made for. A context or slots that were given are kept.
/// MemoryLimitError: the least plan does not fit; its arithmetic.
llvm::Expected<PlanOptions> fitMemory(const LoadedModel &model,
                                      const PlanOptions &given, uint64_t limit,
                                      int64_t l2Bytes, Reporter &reporter);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_FITMEMORY_H
