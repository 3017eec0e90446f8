//===- OutputFile.h - A file that appears only when complete ----*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_OUTPUTFILE_H
#define GEMCUT_COMPILER_ARTIFACT_OUTPUTFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace gemcut::artifact {

/// A new file beside its final name. Until `commit` nothing of it has a name
/// where the filesystem supports that (O_TMPFILE), so a killed process leaves
/// nothing; elsewhere it has a hidden temporary name, which is removed on
/// errors and signals. A symbolic link at `path` is itself replaced.
class OutputFile {
public:
  /// Whether the file may do without a name until it is committed.
  enum class Naming { Late, Early };

  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  /// Errors: `path` is a directory or a device, or its directory is missing or
  /// not writable.
  static llvm::Expected<std::unique_ptr<OutputFile>>
  create(llvm::StringRef path, Naming naming = Naming::Late);

  int descriptor() const { return fd; }
  llvm::StringRef path() const { return finalPath; }

  /// Fails if `path` is, under this or another name, one of `inputs`: replacing
  /// it would lose what the output is made from.
  static llvm::Error refuseInputs(llvm::StringRef path,
                                  llvm::ArrayRef<std::string> inputs);

  /// Fails if the filesystem has fewer than `bytes` free.
  llvm::Error requireSpace(uint64_t bytes) const;

  /// Changes the name that `commit` gives, within the same folder.
  void setPath(llvm::StringRef path) { finalPath = path.str(); }

  /// Gives the file its name, replacing an older file, with `mode` (0755).
  llvm::Error commit(unsigned mode);

private:
  OutputFile() = default;

  std::string finalPath, temporaryPath;
  int fd = -1;
  bool named = false; ///< temporaryPath exists
};

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_OUTPUTFILE_H
