//===- FileBytes.h - Reading and writing whole ranges of files --*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_FILEBYTES_H
#define GEMCUT_COMPILER_ARTIFACT_FILEBYTES_H

#include "llvm/Support/Error.h"

#include <cstddef>
#include <cstdint>

namespace gemcut::artifact {

/// Writes all `length` bytes at `offset`; an error says what the system refused
/// (no space left, ...).
llvm::Error writeAt(int descriptor, const void *data, size_t length,
                    uint64_t offset);

/// XXH64 (seed 0) of `length` bytes from `offset` of the file.
llvm::Expected<uint64_t> checksumOf(int descriptor, uint64_t offset,
                                    uint64_t length);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_FILEBYTES_H
