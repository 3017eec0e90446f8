//===- formats.h - The formats of strings -----------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_FORMATS_H
#define GEMCUT_RUNTIME_CONSTRAIN_FORMATS_H

#include <string>
#include <string_view>

namespace gemcut::constrain {

/// The pattern, to be matched as a whole, of strings with a format of JSON
/// schema (draft 2020-12, validation, section 7.3). It admits a part of them,
/// whose members are valid in any reading: no 29th of February, no leap second,
/// IPv6 addresses in full. Null for an unknown format.
const char *findFormat(std::string_view name);

/// The names of all known formats: "date, ...".
std::string listFormats();

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_FORMATS_H
