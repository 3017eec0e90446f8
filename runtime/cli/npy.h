//===- npy.h - Streamed float32 matrices in NumPy's format ------*- C++ -*-===//
//
// Format: numpy/lib/format.py, version 1.0, '<f4', C order, two dimensions.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CLI_NPY_H
#define GEMCUT_RUNTIME_CLI_NPY_H

#include "runtime/core/replace_file.h"

#include <cstddef>
#include <cstdio>
#include <string>

namespace gemcut::cli {

/// Writes a (rows, columns) matrix row by row. Rows go to a file of their own,
/// which replaces PATH only in `close`: a run that fails or is killed leaves no
/// half-written file, and of two that write at once the later one wins. Into a
/// pipe they go at once.
class NpyWriter {
public:
  NpyWriter() = default;
  NpyWriter(const NpyWriter &) = delete;
  NpyWriter &operator=(const NpyWriter &) = delete;
  ~NpyWriter();

  [[nodiscard]] gemcut_status open(const char *path, size_t rows,
                                   size_t columns);
  [[nodiscard]] gemcut_status writeRow(const float *row);
  /// All rows must have been written.
  [[nodiscard]] gemcut_status close();

private:
  FILE *file = nullptr; // the stream of `replacement`, or a pipe
  Replacement replacement;
  std::string path;
  bool isDirect = false;
  size_t rowsLeft = 0, columns = 0;
};

/// Reads a (rows, columns) matrix row by row.
class NpyReader {
public:
  NpyReader() = default;
  NpyReader(const NpyReader &) = delete;
  NpyReader &operator=(const NpyReader &) = delete;
  ~NpyReader();

  /// GEMCUT_INVALID_ARGUMENT: not a two-dimensional little-endian float32 array
  /// in C order, or the length of a file (not of a pipe) does not fit its
  /// shape.
  [[nodiscard]] gemcut_status open(const char *path);
  [[nodiscard]] gemcut_status readRow(float *row);

  size_t getRows() const { return rows; }
  size_t getColumns() const { return columns; }

private:
  gemcut_status parseHeader(const char *path);

  FILE *file = nullptr;
  size_t rows = 0, columns = 0;
};

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_NPY_H
