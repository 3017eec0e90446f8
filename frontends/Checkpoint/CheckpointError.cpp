//===- CheckpointError.cpp - Which file and tensor is at fault ------------===//

#include "frontends/Checkpoint/CheckpointError.h"

#include "frontends/Json/CheckedJson.h"
#include "frontends/Json/Unsupported.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

using namespace gemcut;
using namespace gemcut::checkpoint;

char CheckpointError::ID = 0;

void CheckpointError::log(llvm::raw_ostream &stream) const {
  stream << message;
}

std::error_code CheckpointError::convertToErrorCode() const {
  return std::make_error_code(std::errc::invalid_argument);
}

llvm::Error gemcut::checkpoint::tensorError(llvm::StringRef file,
                                            llvm::StringRef tensor,
                                            llvm::StringRef what,
                                            CheckpointError::Kind kind) {
  return llvm::make_error<CheckpointError>(
      file.str(), tensor.str(),
      (file + ": tensor " + checked_json::quoteName(tensor) + " " + what).str(),
      kind);
}

llvm::Error gemcut::checkpoint::about(llvm::Error error, llvm::StringRef file,
                                      llvm::StringRef tensor) {
  auto choose = [](llvm::StringRef known, llvm::StringRef given) {
    return (known.empty() ? given : known).str();
  };
  return llvm::handleErrors(
      std::move(error),
      [&](const CheckpointError &known) -> llvm::Error {
        return llvm::make_error<CheckpointError>(choose(known.file, file),
                                                 choose(known.tensor, tensor),
                                                 known.message, known.kind);
      },
      [&](const UnsupportedError &known) -> llvm::Error {
        return llvm::make_error<CheckpointError>(
            file.str(), tensor.str(), known.getMessage(),
            CheckpointError::Kind::Unsupported);
      },
      [&](const llvm::StringError &known) -> llvm::Error {
        return llvm::make_error<CheckpointError>(file.str(), tensor.str(),
                                                 known.getMessage());
      });
}
