//===- json_reader.h - Values from JSON -------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_JSON_READER_H
#define GEMCUT_RUNTIME_TEXT_JSON_READER_H

#include "runtime/abi/status.h"
#include "runtime/text/value.h"

namespace gemcut::text {

/// Reads one JSON text (RFC 8259, UTF-8, nesting at most 100). All strings and
/// keys are marked as untrusted. Integers keep all their digits; of equal keys
/// the last counts. GEMCUT_INVALID_ARGUMENT, with a sentence in `error` that
/// names line and column: it is none, or something stands behind it.
[[nodiscard]] gemcut_status parseJson(std::string_view json, Value *out,
                                      std::string *error);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_JSON_READER_H
