//===- Run.h - A command beside Python's signals and callbacks --*- C++ -*-===//

#ifndef GEMCUT_COMPILER_PYTHON_NATIVE_RUN_H
#define GEMCUT_COMPILER_PYTHON_NATIVE_RUN_H

#include "compiler/Driver/Reporter.h"

#include <pybind11/pybind11.h>

#include <functional>
#include <optional>

namespace gemcut::python {

/// Runs `command` on a thread of its own, without the GIL. The calling thread
/// hands what the command reports to `onEvent` (which may be None) as
///
///   onEvent("phase" | "note", TEXT, "", 0, 0)
///   onEvent("progress", ACTIVITY, UNIT, DONE, TOTAL)
///
/// and looks at signals. An exception of either, such as KeyboardInterrupt,
/// cancels the command and is raised when it has ended. Of progress only the
/// latest is told. Then raises what `command` failed with.
void run(const std::function<llvm::Error(driver::Reporter &)> &command,
         const pybind11::object &onEvent);

/// The result of a command that has one.
template <typename T>
T runFor(const std::function<llvm::Expected<T>(driver::Reporter &)> &command,
         const pybind11::object &onEvent) {
  std::optional<T> result;
  run(
      [&](driver::Reporter &reporter) -> llvm::Error {
        auto made = command(reporter);
        if (!made)
          return made.takeError();
        result = std::move(*made);
        return llvm::Error::success();
      },
      onEvent);
  return std::move(*result);
}

} // namespace gemcut::python

#endif // GEMCUT_COMPILER_PYTHON_NATIVE_RUN_H
