//===- Errors.cpp - llvm::Error to Python's exceptions --------------------===//

#include "compiler/Python/native/Errors.h"

#include "compiler/Driver/FitMemory.h"
#include "compiler/Driver/Reporter.h"
#include "compiler/Driver/UsageError.h"
#include "frontends/Checkpoint/CheckpointError.h"
#include "frontends/Json/Unsupported.h"

namespace py = pybind11;
using namespace gemcut;
using namespace pybind11::literals;

/// Makes `name` of gemcut.errors the exception in flight.
template <typename... Arguments>
[[noreturn]] static void throwError(const char *name,
                                    Arguments &&...arguments) {
  py::object type = py::module_::import("gemcut.errors").attr(name);
  py::object instance = type(std::forward<Arguments>(arguments)...);
  PyErr_SetObject(type.ptr(), instance.ptr());
  throw py::error_already_set();
}

void gemcut::python::raise(llvm::Error error) {
  if (!error)
    return;
  if (error.isA<driver::CancelledError>()) {
    llvm::consumeError(std::move(error));
    throwError("CancelledError", "cancelled; nothing was written");
  }
  if (error.isA<driver::UsageError>())
    throwError("UsageError", llvm::toString(std::move(error)));
  // Copied: nothing is thrown through frames of LLVM.
  std::string message, file, tensor;
  uint64_t needed = 0, limit = 0;
  enum { Other, Checkpoint, Unsupported, Memory } kind = Other;
  llvm::handleAllErrors(
      std::move(error),
      [&](const checkpoint::CheckpointError &e) {
        bool isKnown = e.kind == checkpoint::CheckpointError::Kind::Unsupported;
        kind = isKnown ? Unsupported : Checkpoint;
        message = e.message, file = e.file, tensor = e.tensor;
      },
      [&](const gemcut::UnsupportedError &e) {
        kind = Unsupported;
        message = e.getMessage();
      },
      [&](const driver::MemoryLimitError &e) {
        kind = Memory;
        message = e.message, needed = e.needed, limit = e.limit;
      },
      [&](const llvm::ErrorInfoBase &e) { message = e.message(); });
  auto orNone = [](const std::string &text) -> py::object {
    return text.empty() ? py::object(py::none()) : py::str(text);
  };
  switch (kind) {
  case Checkpoint:
    throwError("CheckpointError", message, "file"_a = orNone(file),
               "tensor"_a = orNone(tensor));
  case Unsupported:
    throwError("UnsupportedError", message, "file"_a = orNone(file),
               "tensor"_a = orNone(tensor));
  case Memory:
    throwError("OutOfMemoryPlan", message, "needed"_a = needed,
               "limit"_a = limit);
  case Other:
    throwError("GemcutError", message);
  }
}
