//===- layer_rows.h - How many rows each layer ran for ----------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_LAYER_ROWS_H
#define GEMCUT_RUNTIME_CLI_LAYER_ROWS_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace gemcut::cli {

/// "layers 0-14: 512 rows, layers 15-34: 1 row" of `layers` counters.
std::string describeLayerRows(const uint64_t *rows, size_t layers);

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_LAYER_ROWS_H
