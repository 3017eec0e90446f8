//===- CheckpointError.h - Which file and tensor is at fault ----*- C++ -*-===//
//
// What programs need to know of an error about a checkpoint beside its
// sentence.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_CHECKPOINT_CHECKPOINTERROR_H
#define GEMCUT_FRONTENDS_CHECKPOINT_CHECKPOINTERROR_H

#include "frontends/Checkpoint/WeightSource.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace gemcut::checkpoint {

class CheckpointError : public llvm::ErrorInfo<CheckpointError> {
public:
  static char ID;

  /// Malformed, or valid and not supported.
  enum class Kind { Malformed, Unsupported };

  CheckpointError(std::string file, std::string tensor, std::string message,
                  Kind kind = Kind::Malformed)
      : file(std::move(file)), tensor(std::move(tensor)),
        message(std::move(message)), kind(kind) {}
  void log(llvm::raw_ostream &stream) const override;
  std::error_code convertToErrorCode() const override;

  const std::string file, tensor; ///< empty: none is known
  const std::string message;      ///< the whole sentence
  const Kind kind;
};

/// "FILE: tensor 'TENSOR' WHAT".
llvm::Error
tensorError(llvm::StringRef file, llvm::StringRef tensor, llvm::StringRef what,
            CheckpointError::Kind kind = CheckpointError::Kind::Malformed);

/// The same about a tensor of `weights` by its official name, which follows the
/// name that it has in files if that is another one.
llvm::Error
weightError(const WeightSource &weights, llvm::StringRef file,
            llvm::StringRef name, llvm::StringRef what,
            CheckpointError::Kind kind = CheckpointError::Kind::Malformed);

/// Says where the NaN or the infinity lies that element `element` of a tensor
/// reads as: in the tensor itself, in the scale of a block, or in the tensor of
/// its scales.
llvm::Error notFiniteError(const WeightSource &weights, llvm::StringRef name,
                           int64_t element, float value);

/// The same sentence as an error about `file` and `tensor`; what an error knows
/// already is kept. Errors of other classes than StringError stay as they are.
llvm::Error about(llvm::Error error, llvm::StringRef file,
                  llvm::StringRef tensor = "");

} // namespace gemcut::checkpoint

#endif // GEMCUT_FRONTENDS_CHECKPOINT_CHECKPOINTERROR_H
