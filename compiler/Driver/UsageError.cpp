//===- UsageError.cpp - The command line is at fault ----------------------===//

#include "compiler/Driver/UsageError.h"

#include "llvm/Support/raw_ostream.h"

using namespace gemcut::driver;

char UsageError::ID = 0;

void UsageError::log(llvm::raw_ostream &stream) const { stream << message; }

std::error_code UsageError::convertToErrorCode() const {
  return std::make_error_code(std::errc::invalid_argument);
}

llvm::Error gemcut::driver::asUsageError(llvm::Error error) {
  return llvm::make_error<UsageError>(llvm::toString(std::move(error)));
}
