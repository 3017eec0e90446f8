//===- PackWeights.h - The weight section, streamed -------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_PACKWEIGHTS_H
#define GEMCUT_COMPILER_ARTIFACT_PACKWEIGHTS_H

#include "frontends/Checkpoint/WeightSource.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <functional>

namespace gemcut::artifact {

/// Called now and then from any thread, one at a time: bytes written, bytes in
/// all.
using PackProgress = std::function<void(uint64_t done, uint64_t total)>;

/// A tensor that the checkpoint stores quantized.
struct Conversion {
  std::string tensor;
  /// sqrt(sum of squared errors / sum of squared values); 0: kept exactly.
  double relativeError = 0;
};

/// The tensors of the planned module that `source` stores quantized, in the
/// order of the section, without errors.
std::vector<Conversion> findConversions(mlir::ModuleOp module,
                                        const checkpoint::WeightSource &source);

/// Quantizes and packs the tensors of every `kernel.packed` of the planned
/// module into `descriptor` from `fileOffset` on, on `threads` threads (0: one
/// per core). Reads a few rows at a time and gives pages back, so that memory
/// stays far below the checkpoint's size. The bytes do not depend on the number
/// of threads. Errors: a tensor that cannot be read, a weight that is not
/// finite or too large for its format (by name and index), a write that fails;
/// of several, the first in the order of the section. `conversions`, which may
/// be null, is what findConversions gives; it receives the errors.
llvm::Error packWeights(mlir::ModuleOp module,
                        const checkpoint::WeightSource &source, int descriptor,
                        uint64_t fileOffset, unsigned threads,
                        const PackProgress &progress,
                        std::vector<Conversion> *conversions = nullptr);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_PACKWEIGHTS_H
