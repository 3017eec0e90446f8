//===- ids.h - Lists of token ids on the command line -----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_IDS_H
#define GEMCUT_RUNTIME_CLI_IDS_H

#include "runtime/abi/status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemcut::cli {

/// Reads a whole file ("-": standard input). GEMCUT_SYSTEM_ERROR says why not.
[[nodiscard]] gemcut_status readFile(const char *path, std::string &text);

/// Parses ids separated by commas and white space. GEMCUT_INVALID_ARGUMENT: an
/// element is no integer of 32 bits, is negative, or there is none at all.
[[nodiscard]] gemcut_status parseIds(const std::string &text,
                                     std::vector<int32_t> &ids);

/// As parseIds, for an argument that is a list or @FILE.
[[nodiscard]] gemcut_status readIds(const char *argument,
                                    std::vector<int32_t> &ids);

/// GEMCUT_INVALID_ARGUMENT unless all ids are in [0, limit).
[[nodiscard]] gemcut_status checkIds(const std::vector<int32_t> &ids,
                                     int32_t limit);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_IDS_H
