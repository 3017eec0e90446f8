//===- CheckpointError.h - Which file and tensor is at fault ----*- C++ -*-===//
//
// What programs need to know of an error about a checkpoint beside its
// sentence.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_CHECKPOINT_CHECKPOINTERROR_H
#define GEMCUT_FRONTENDS_CHECKPOINT_CHECKPOINTERROR_H

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

/// The same sentence as an error about `file` and `tensor`; what an error knows
/// already is kept. Errors of other classes than StringError stay as they are.
llvm::Error about(llvm::Error error, llvm::StringRef file,
                  llvm::StringRef tensor = "");

} // namespace gemcut::checkpoint

#endif // GEMCUT_FRONTENDS_CHECKPOINT_CHECKPOINTERROR_H
