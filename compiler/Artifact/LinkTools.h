//===- LinkTools.h - The in-process linker and its files --------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_LINKTOOLS_H
#define GEMCUT_COMPILER_ARTIFACT_LINKTOOLS_H

#include "compiler/Artifact/Leftovers.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace gemcut::artifact {

/// Temporary files for the linker, removed in the end and on signals. What a
/// killed program left goes when the next one begins.
class ScratchFiles {
public:
  ScratchFiles();
  ScratchFiles(const ScratchFiles &) = delete;
  ScratchFiles &operator=(const ScratchFiles &) = delete;
  ~ScratchFiles();

  /// The path of a new, empty file.
  llvm::Expected<std::string> create(llvm::StringRef suffix);
  /// The path of a new file that holds `bytes`.
  llvm::Expected<std::string> write(llvm::StringRef suffix,
                                    llvm::ArrayRef<char> bytes);
  /// The paths of new files, one for each of `objects`.
  llvm::Expected<std::vector<std::string>>
  writeAll(llvm::StringRef suffix,
           llvm::ArrayRef<llvm::ArrayRef<char>> objects);

private:
  std::vector<std::string> paths;
  std::vector<Claim> claims;
};

/// Says where `lib/runtime` with the archives of the runtime lies, and
/// `lib/sysroot` with C and C++ libraries if the installation brings its own,
/// before anything is linked. Default: the folder around that of this program.
void setInstallation(llvm::StringRef folder);

/// PATH below the folder of the installation.
std::string inInstallation(llvm::StringRef path);

/// A file that a link reads, and whoever brings it.
struct LinkInput {
  std::string path, package;
};

/// Success if all `inputs` exist, and the archive of the runtime, which the
/// build target `archiveTarget` makes.
llvm::Error checkInputsExist(llvm::ArrayRef<LinkInput> inputs,
                             llvm::StringRef archive,
                             llvm::StringRef archiveTarget);

/// Runs lld as `ld.lld ARGUMENTS -o FILE` and returns the file's bytes. One
/// link at a time; thread-safe. An error holds what the linker reports, behind
/// "linking WHAT failed".
llvm::Expected<std::vector<uint8_t>>
runLinker(std::vector<std::string> arguments, llvm::StringRef what);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_LINKTOOLS_H
