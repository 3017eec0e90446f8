//===- MappedFile.h - A file, mapped for reading ----------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHECKPOINT_MAPPEDFILE_H
#define GEMCUT_FRONTENDS_CHECKPOINT_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <utility>

namespace gemcut::checkpoint {

/// Owns the mapping of a whole file, which must not change meanwhile.
class MappedFile {
public:
  /// Errors: a file that cannot be opened or mapped, or that is none (a
  /// directory, a pipe).
  static llvm::Expected<MappedFile> open(llvm::StringRef path);

  MappedFile(MappedFile &&other)
      : name(std::move(other.name)), content(std::exchange(other.content, {})) {
  }
  MappedFile &operator=(MappedFile &&other) {
    std::swap(name, other.name);
    std::swap(content, other.content);
    return *this;
  }
  ~MappedFile();

  const std::string &path() const { return name; }
  llvm::ArrayRef<uint8_t> bytes() const { return content; }

private:
  MappedFile() = default;

  std::string name;
  llvm::ArrayRef<uint8_t> content;
};

/// An error if `path` is there and neither a regular file nor a directory:
/// reading a device or a pipe may not end. Links are followed.
llvm::Error refuseSpecialFile(llvm::StringRef path);

/// Drops the pages that lie wholly inside `range`, a part of a mapped file,
/// from this process's memory; a later read brings them back. Thread-safe.
void releasePages(llvm::ArrayRef<uint8_t> range);

} // namespace gemcut::checkpoint

#endif // GEMCUT_FRONTENDS_CHECKPOINT_MAPPEDFILE_H
