//===- FileBytes.h - Reading and writing whole ranges of files --*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_FILEBYTES_H
#define GEMCUT_COMPILER_ARTIFACT_FILEBYTES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::artifact {

/// The system refused to write or read the output; whoever knows the file's
/// path puts it in front.
class OutputError : public llvm::ErrorInfo<OutputError> {
public:
  static char ID;

  explicit OutputError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream &stream) const override;
  std::error_code convertToErrorCode() const override;

private:
  std::string message;
};

/// `error` with the path in front if it is an OutputError.
llvm::Error nameOutput(llvm::StringRef path, llvm::Error error);

/// Writes all `length` bytes at `offset`. An OutputError says what the system
/// refused (no space left, ...).
llvm::Error writeAt(int descriptor, const void *data, size_t length,
                    uint64_t offset);

/// The first `length` bytes of the file. OutputError if they cannot be read.
llvm::Expected<std::vector<uint8_t>> readAt(int descriptor, uint64_t length);

/// XXH64 (seed 0) of `length` bytes from `offset` of the file. OutputError if
/// they cannot be read.
llvm::Expected<uint64_t> checksumOf(int descriptor, uint64_t offset,
                                    uint64_t length);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_FILEBYTES_H
