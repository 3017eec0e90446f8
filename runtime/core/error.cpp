//===- error.cpp - The sentence behind a status ---------------------------===//

#include "runtime/core/error.h"

#include <cstdarg>
#include <cstdio>

static thread_local char lastError[1024];

const char *gemcut_last_error() { return lastError; }

gemcut_status gemcut::fail(gemcut_status status, const char *format, ...) {
  // Formatted aside first, so that an argument may be gemcut_last_error()
  // itself.
  char text[sizeof(lastError)];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  __builtin_memcpy(lastError, text, sizeof(text));
  return status;
}
