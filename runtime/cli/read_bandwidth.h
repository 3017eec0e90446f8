//===- read_bandwidth.h - How fast this machine reads memory ----*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_READ_BANDWIDTH_H
#define GEMCUT_RUNTIME_CLI_READ_BANDWIDTH_H

#include "runtime/core/team.h"

#include <cstddef>

namespace gemcut::cli {

/// Reads `bytes` bytes once with all threads of the team and returns the
/// seconds. Each thread claims pieces and reads four sequential streams in a
/// piece, with the widest loads that the CPU has. `data` is 64-byte aligned.
double timeRead(Team &team, const uint8_t *data, size_t bytes);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_READ_BANDWIDTH_H
