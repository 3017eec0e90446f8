//===- Unsupported.h - Valid input that is not supported --------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_JSON_UNSUPPORTED_H
#define GEMCUT_FRONTENDS_JSON_UNSUPPORTED_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace gemcut {

/// The input is well-formed, but asks for what this compiler lacks; the
/// sentence says what is supported. For whoever only reads sentences, a
/// StringError.
class UnsupportedError
    : public llvm::ErrorInfo<UnsupportedError, llvm::StringError> {
public:
  static char ID;
  explicit UnsupportedError(const llvm::Twine &message)
      : ErrorInfo(message, llvm::inconvertibleErrorCode()) {}
};

inline llvm::Error makeUnsupported(const llvm::Twine &message) {
  return llvm::make_error<UnsupportedError>(message);
}

/// An UnsupportedError with the sentence of `error`, which is one.
inline llvm::Error asUnsupported(llvm::Error error) {
  return makeUnsupported(llvm::toString(std::move(error)));
}

} // namespace gemcut

#endif // GEMCUT_FRONTENDS_JSON_UNSUPPORTED_H
