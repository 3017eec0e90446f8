//===- UsageError.h - The command line is at fault --------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_USAGEERROR_H
#define GEMCUT_COMPILER_DRIVER_USAGEERROR_H

#include "llvm/Support/Error.h"

#include <string>

namespace gemcut::driver {

/// A flag has a value that no input could make right: exit code 2, where every
/// other error is 1.
class UsageError : public llvm::ErrorInfo<UsageError> {
public:
  static char ID;

  explicit UsageError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream &stream) const override;
  std::error_code convertToErrorCode() const override;

private:
  std::string message;
};

/// The same message as a usage error.
llvm::Error asUsageError(llvm::Error error);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_USAGEERROR_H
