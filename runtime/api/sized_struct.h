//===- sized_struct.h - Structs that know their size ------------*- C++ -*-===//
//
// Structs of gemcut.h begin with struct_size, the size that the caller knows. A
// caller may be older than this library, then its struct is shorter, or newer.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_API_SIZED_STRUCT_H
#define GEMCUT_RUNTIME_API_SIZED_STRUCT_H

#include "runtime/core/error.h"

#include <algorithm>
#include <cstring>

namespace gemcut::api {

/// Above any size that a struct will have: an uninitialised size is found.
constexpr size_t kLargestStruct = 4096;

template <typename T>
[[nodiscard]] gemcut_status checkSize(const T &given, const char *name) {
  if (given.struct_size >= sizeof(size_t) &&
      given.struct_size <= kLargestStruct)
    return GEMCUT_OK;
  return fail(GEMCUT_INVALID_ARGUMENT,
              "struct_size of %s is %zu, but %zu was expected; initialise it "
              "with its macro of gemcut.h",
              name, given.struct_size, sizeof(T));
}

/// `out`, which holds the defaults, gets the fields that `given` (null: none)
/// has. GEMCUT_INVALID_ARGUMENT: a field behind those known here is not zero.
template <typename T>
[[nodiscard]] gemcut_status readStruct(const T *given, const char *name,
                                       T &out) {
  if (!given)
    return GEMCUT_OK;
  if (gemcut_status status = checkSize(*given, name))
    return status;
  auto *bytes = reinterpret_cast<const char *>(given);
  for (size_t i = sizeof(T); i < given->struct_size; ++i)
    if (bytes[i])
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "%s sets a field at byte %zu that this version of the "
                  "library does not know",
                  name, i);
  std::memcpy(&out, given, std::min(sizeof(T), given->struct_size));
  out.struct_size = sizeof(T);
  return GEMCUT_OK;
}

/// Writes the fields that `out` (null: none) has room for.
template <typename T>
[[nodiscard]] gemcut_status writeStruct(T values, const char *name, T *out) {
  if (!out)
    return GEMCUT_OK;
  if (gemcut_status status = checkSize(*out, name))
    return status;
  values.struct_size = out->struct_size;
  std::memcpy(out, &values, std::min(sizeof(T), out->struct_size));
  return GEMCUT_OK;
}

} // namespace gemcut::api

#endif // GEMCUT_RUNTIME_API_SIZED_STRUCT_H
