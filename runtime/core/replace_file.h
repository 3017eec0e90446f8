//===- replace_file.h - Files that appear only when complete ----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_REPLACE_FILE_H
#define GEMCUT_RUNTIME_CORE_REPLACE_FILE_H

#include "runtime/abi/status.h"

#include <cstdio>
#include <string>

namespace gemcut {

/// For what takes the place of `path` when it is complete: nothing or a regular
/// file must be there. GEMCUT_INVALID_ARGUMENT: a directory, a device, a pipe,
/// a socket or the running program is, which a file must not replace.
[[nodiscard]] gemcut_status checkReplaceable(const char *path);

/// A file that takes its name in `commit`. Until then it has none where the
/// filesystem allows that, so that nothing is left of a program that is killed;
/// elsewhere it has a name of its own beside the final one.
class Replacement {
public:
  Replacement() = default;
  Replacement(const Replacement &) = delete;
  Replacement &operator=(const Replacement &) = delete;
  /// Removes what was not committed.
  ~Replacement() { discard(); }

  /// `mode`: the rights of the file. False: errno tells why.
  [[nodiscard]] bool open(const char *path, unsigned mode);
  /// To write to; null before `open`, behind `commit` and `discard`.
  FILE *stream() const { return file; }
  /// Writes what is buffered, with `isDurable` to the disk, and puts the file
  /// in the place of an older one. False: errno tells why, and there is no
  /// file.
  [[nodiscard]] bool commit(bool isDurable);
  void discard();

private:
  bool takeName();

  FILE *file = nullptr;
  std::string path, temporary; // no temporary name: the file has none
};

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_REPLACE_FILE_H
