//===- GrowSection.h - A section whose bytes follow the file ----*- C++ -*-===//
//
// Gigabytes of weights do not go through the linker: it places a section of a
// few bytes, and what is written behind the linked file becomes its content.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_GROWSECTION_H
#define GEMCUT_COMPILER_ARTIFACT_GROWSECTION_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace gemcut::artifact {

/// Gives the section `name` of the 64-bit little-endian ELF file that begins at
/// byte `begin` of `file` a length of `length` bytes, which are those behind
/// `file`, and fills `file` up so far that they begin on a multiple of
/// GEMCUT_BLOB_ALIGNMENT. Where a segment holds the section, it is the last one
/// and grows alike. Long sections begin on huge pages in the file and in
/// memory. Errors: the file has no such section, or something lies behind it in
/// memory.
llvm::Error growSection(std::vector<uint8_t> &file, size_t begin,
                        llvm::StringRef name, uint64_t length);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_GROWSECTION_H
