//===- Library.h - A compiled model in this process -------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_PYTHON_ENGINE_LIBRARY_H
#define GEMCUT_COMPILER_PYTHON_ENGINE_LIBRARY_H

#include "compiler/Python/engine/Api.h"
#include "runtime/abi/executable.h"

#include <memory>
#include <stdexcept>
#include <string>

namespace gemcut::python {

/// A failure of the runtime; becomes gemcut.EngineError or a class of it.
struct EngineFailure : std::runtime_error {
  EngineFailure(gemcut_status status, const std::string &message)
      : std::runtime_error(message), status(status) {}
  gemcut_status status;
};

/// The code of a model and an engine that runs it. Sessions share it; it leaves
/// the process with the last of them. Thread-safe.
class Library {
public:
  Library() = default;
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;
  ~Library();

  /// Loads what `gemcut compile` wrote. `level` and `weights` may be empty.
  /// EngineFailure: it is none, is damaged, or does not fit this CPU.
  static std::shared_ptr<Library> open(const std::string &path,
                                       const std::string &level,
                                       const std::string &weights);

  /// EngineFailure with the sentence of the thread's last error, unless OK.
  void check(gemcut_status status) const;

  Api api;
  gemcut_engine *engine = nullptr;

private:
  const gemcut_bundle *openShared(const std::string &path);
  const gemcut_bundle *openExecutable(const std::string &path);

  void *handle = nullptr;
  gemcut_executable *executable = nullptr;
};

} // namespace gemcut::python

#endif // GEMCUT_COMPILER_PYTHON_ENGINE_LIBRARY_H
