//===- Header.h - The header of a GGUF file ---------------------*- C++ -*-===//
//
// Parses and checks all that comes before the data. Works on bytes, so that it
// can be tested and fuzzed without files.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GGUF_HEADER_H
#define GEMCUT_FRONTENDS_GGUF_HEADER_H

#include "frontends/Checkpoint/ElementType.h"
#include "frontends/GGUF/Metadata.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace gemcut::gguf {

struct TensorEntry {
  std::string name;
  checkpoint::ElementType type = checkpoint::ElementType::F32;
  /// Row-major: the file's dimensions in reverse order.
  llvm::SmallVector<int64_t, 4> shape;
  uint64_t offset = 0; ///< from the start of the file, in bytes
  uint64_t bytes = 0;
};

struct Header {
  Metadata metadata; ///< values refer to the parsed bytes
  std::vector<TensorEntry> tensors;
};

/// Parses a file of `fileLength` bytes from `prefix`, its first bytes (all that
/// precede the data, or more). Every count, length and offset is checked before
/// it is used. Errors name `fileName`, the key or tensor, what was found and
/// what is expected: another magic or version (2 and 3 are supported), a file
/// that is cut short, counts that the file cannot hold, unknown types, keys or
/// tensors that occur twice, an alignment that is no power of two from 8 to
/// 2^20, more than four dimensions, rows that are not whole blocks, products of
/// dimensions beyond 63 bits, data that are misaligned, overlap or leave the
/// file. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
llvm::Expected<Header> parseHeader(llvm::ArrayRef<uint8_t> prefix,
                                   uint64_t fileLength,
                                   llvm::StringRef fileName);

} // namespace gemcut::gguf

#endif // GEMCUT_FRONTENDS_GGUF_HEADER_H
