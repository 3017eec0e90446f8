//===- MeasuredInputs.h - Second moments over a text ------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_CALIBRATION_MEASUREDINPUTS_H
#define GEMCUT_COMPILER_CALIBRATION_MEASUREDINPUTS_H

#include "compiler/Artifact/ColumnErrors.h"
#include "frontends/Checkpoint/WeightSource.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace gemcut::calibration {

/// Called after every input that was measured: tokens that have run, those of
/// the present sequence as far as it has come; tokens in all. False: stop.
using MeasureProgress = std::function<bool(uint64_t done, uint64_t total)>;

/// What a text says of the inputs of every product: the second moments over its
/// tokens, computed by the reference interpreter. Thread-safe once made.
///
/// Moments of up to 512 columns are kept whole, larger ones in blocks of 128
/// along the diagonal: 512 bytes for each column of each distinct input.
class MeasuredInputs {
public:
  /// Runs `sequences` of token ids, each from position 0 on, through @forward
  /// of `module`, which is as imported and not needed afterwards; the output
  /// matrix is not multiplied. `threads`: 0 for one per core. Fails with a
  /// diagnostic where the interpreter does, and without one when it is stopped.
  static mlir::FailureOr<std::unique_ptr<MeasuredInputs>>
  measure(mlir::ModuleOp module, const checkpoint::WeightSource &weights,
          llvm::ArrayRef<std::vector<int32_t>> sequences, unsigned threads,
          const MeasureProgress &progress);

  /// What errors of this matrix cost; null if its input was not seen. A matrix
  /// that is also the table of token embeddings counts both uses alike: as a
  /// table, errors of all its columns cost the same.
  std::shared_ptr<const artifact::ColumnErrors> get(llvm::StringRef tensor);

private:
  struct Use {
    size_t moments; ///< index
    bool isTable;
  };
  llvm::StringMap<Use> uses; ///< by matrix
  std::vector<artifact::InputMoments> moments;
  std::mutex mutex;
  /// By moments and use: matrices of one input share them while one is in use.
  std::map<std::pair<size_t, bool>, std::weak_ptr<const artifact::ColumnErrors>>
      made;
};

/// Cuts a text's ids at each `bos` and after `longest` tokens, and keeps the
/// first `most` tokens. Sequences of one token say nothing and are dropped.
std::vector<std::vector<int32_t>> cutSequences(llvm::ArrayRef<int32_t> ids,
                                               int32_t bos, int64_t longest,
                                               int64_t most);

} // namespace gemcut::calibration

#endif // GEMCUT_COMPILER_CALIBRATION_MEASUREDINPUTS_H
