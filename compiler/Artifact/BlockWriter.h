//===- BlockWriter.h - Pieces of a file, written block by block -*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_BLOCKWRITER_H
#define GEMCUT_COMPILER_ARTIFACT_BLOCKWRITER_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <mutex>
#include <vector>

namespace gemcut::artifact {

/// Bytes of a block: a huge page of x86 and of ARM with 4 KiB pages.
constexpr uint64_t kBlockBytes = uint64_t(2) << 20;
/// What Linux maps around a fault at any rate (fault_around_bytes).
constexpr uint64_t kSmallWriteBytes = uint64_t(64) << 10;

/// Writes a range of a file in blocks that lie on multiples of kBlockBytes of
/// the file, each with one call as soon as all its pieces have come. A
/// filesystem with large folios then caches a block as one huge page, and a
/// process maps it as one (compiler/Docs/decisions/20261125-mapped-weights).
/// What no piece covers is written as zero. Blocks under way are in memory.
class BlockWriter {
public:
  /// The range is [begin, begin + length) of the file; offsets below count from
  /// `begin`.
  BlockWriter(int descriptor, uint64_t begin, uint64_t length);

  /// Announces pieces that cover [offset, offset + length) exactly once. All
  /// are announced before the first is written. `isScattered`: a process will
  /// read small parts of it only. Their blocks are written in small calls,
  /// because a fault can map the whole of what is cached as one folio.
  void expect(uint64_t offset, uint64_t length, bool isScattered = false);

  /// A piece of what was announced. Thread-safe. OutputError as writeAt.
  llvm::Error write(const void *data, uint64_t length, uint64_t offset);

private:
  int descriptor;
  uint64_t begin, end;         ///< of the range, in the file
  std::vector<uint64_t> left;  ///< bytes to come, by block of the range
  std::vector<bool> scattered; ///< by block
  std::mutex mutex;            ///< guards `left` and `open`
  llvm::DenseMap<uint64_t, std::vector<char>> open; ///< by index into `left`

  uint64_t blockStart(uint64_t index) const;
};

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_BLOCKWRITER_H
