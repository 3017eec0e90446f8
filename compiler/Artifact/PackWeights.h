//===- PackWeights.h - The weight section, streamed -------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_PACKWEIGHTS_H
#define GEMCUT_COMPILER_ARTIFACT_PACKWEIGHTS_H

#include "compiler/Artifact/ColumnErrors.h"
#include "frontends/Checkpoint/WeightSource.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <memory>

namespace gemcut::artifact {

/// Called now and then from any thread, one at a time: bytes written, bytes in
/// all. An error ends the packing.
using PackProgress = std::function<llvm::Error(uint64_t done, uint64_t total)>;

/// What rounding errors of the columns of a tensor of the checkpoint cost;
/// null: all alike. Called from any thread.
using ColumnErrorsOf =
    std::function<std::shared_ptr<const ColumnErrors>(llvm::StringRef tensor)>;

/// A tensor that the checkpoint stores quantized.
struct Conversion {
  std::string tensor;
  std::string stored; ///< its type or bits in the checkpoint
  std::string format; ///< of the packed tensor
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
                        std::vector<Conversion> *conversions = nullptr,
                        const ColumnErrorsOf &columnErrors = {});

/// How far a tensor of the checkpoint is from its packed form.
struct TensorError {
  std::string tensor;
  std::string format;
  int64_t values = 0;
  uint64_t bytes = 0;       ///< packed
  double relativeError = 0; ///< sqrt(sum of squared errors / sum of squares)
  double largestError = 0;  ///< magnitude of the largest error
};

/// Packs as packWeights does, without writing, and says what that changed:
/// matrices and tables in the order of the section. Errors: those of reading.
llvm::Expected<std::vector<TensorError>>
measureErrors(mlir::ModuleOp module, const checkpoint::WeightSource &source,
              unsigned threads, const PackProgress &progress,
              const ColumnErrorsOf &columnErrors = {});

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_PACKWEIGHTS_H
