//===- replace_file.h - Whether a file may take a name ----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_REPLACE_FILE_H
#define GEMCUT_RUNTIME_CORE_REPLACE_FILE_H

#include "runtime/abi/status.h"

namespace gemcut {

/// For what is written beside `path` and then renamed: nothing or a regular
/// file must be there. GEMCUT_INVALID_ARGUMENT: a directory, a device, a pipe, a
/// socket or the running program is, which a file must not replace.
[[nodiscard]] gemcut_status checkReplaceable(const char *path);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_REPLACE_FILE_H
