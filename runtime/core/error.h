//===- error.h - The sentence behind a status -------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CORE_ERROR_H
#define GEMCUT_RUNTIME_CORE_ERROR_H

#include "runtime/abi/status.h"

/// The sentence that explains this thread's most recent failure. Valid until
/// the thread's next failure; empty when nothing has failed.
extern "C" const char *gemcut_last_error();

namespace gemcut {

/// Stores a formatted sentence (lowercase, no final period, cut at 1023 bytes)
/// for `gemcut_last_error` and returns `status`.
[[nodiscard]] gemcut_status fail(gemcut_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_ERROR_H
