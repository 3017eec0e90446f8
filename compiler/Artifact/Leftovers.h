//===- Leftovers.h - What ended programs left behind ------------*- C++ -*-===//
//
// Temporary files and folders are removed when they are done with, and most of
// them on signals. A program that is killed removes nothing: the next one does,
// told by locks, which end with their program.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_LEFTOVERS_H
#define GEMCUT_COMPILER_ARTIFACT_LEFTOVERS_H

#include "llvm/ADT/StringRef.h"

namespace gemcut::artifact {

/// Keeps a temporary file or folder from being a leftover.
class Claim {
public:
  Claim() = default;
  explicit Claim(llvm::StringRef path);
  Claim(Claim &&other) : fd(other.fd) { other.fd = -1; }
  Claim &operator=(Claim &&) = delete;
  ~Claim();

private:
  int fd = -1; ///< holds a lock; -1 where the filesystem has none
};

/// Removes files and folders called PREFIX-XXXXXX, or that and a suffix, X
/// being a hexadecimal digit, which this user made a minute ago or earlier and
/// nobody claims. What cannot be removed stays.
void removeLeftovers(llvm::StringRef prefix);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_LEFTOVERS_H
