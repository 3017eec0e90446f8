//===- Reporter.cpp - What a command says while it runs -------------------===//

#include "compiler/Driver/Reporter.h"

#include "llvm/Support/raw_ostream.h"

using namespace gemcut::driver;

Reporter::~Reporter() = default;

char CancelledError::ID = 0;

void CancelledError::log(llvm::raw_ostream &stream) const {
  stream << "cancelled; nothing was written";
}

std::error_code CancelledError::convertToErrorCode() const {
  return std::make_error_code(std::errc::operation_canceled);
}

llvm::Error gemcut::driver::checkCancelled(Reporter &reporter) {
  if (reporter.isCancelled())
    return llvm::make_error<CancelledError>();
  return llvm::Error::success();
}
