//===- Errors.h - llvm::Error to Python's exceptions ------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_PYTHON_NATIVE_ERRORS_H
#define GEMCUT_COMPILER_PYTHON_NATIVE_ERRORS_H

#include "llvm/Support/Error.h"

#include <pybind11/pybind11.h>

namespace gemcut::python {

/// Throws the exception of gemcut.errors that belongs to the class of `error`,
/// with its fields; does nothing on success. The GIL must be held.
void raise(llvm::Error error);

/// The value, or raise().
template <typename T> T take(llvm::Expected<T> result) {
  if (!result)
    raise(result.takeError());
  return std::move(*result);
}

} // namespace gemcut::python

#endif // GEMCUT_COMPILER_PYTHON_NATIVE_ERRORS_H
