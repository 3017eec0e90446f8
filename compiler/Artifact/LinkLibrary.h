//===- LinkLibrary.h - Objects and the API to a library ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_LINKLIBRARY_H
#define GEMCUT_COMPILER_ARTIFACT_LINKLIBRARY_H

#include "compiler/Artifact/LinkExecutable.h"

namespace gemcut::artifact {

/// What a library is made of.
struct LibraryParts {
  std::string name;                             ///< "tiny" of libtiny.so
  std::string triple;                           ///< of the target
  llvm::ArrayRef<llvm::ArrayRef<char>> objects; ///< levels and the bundle's
  std::string bundleFunction;                   ///< the bundle's global symbol
  uint64_t blobBytes;     ///< of the sections and their footer
  std::string apiArchive; ///< libgemcut_api.a
};

/// Fails if the archive or a file that shared libraries are linked with is
/// missing, and says which package holds it.
llvm::Error checkLibraryInputs(llvm::StringRef apiArchive, bool isShared,
                               const Toolchain &toolchain);

/// Both return the bytes of the library up to its blob, which whoever writes
/// the file puts right behind them.

/// A shared library that exports the functions of gemcut.h (version GEMCUT_1)
/// and the bundle's, and needs the C and mathematics libraries only.
llvm::Expected<std::vector<uint8_t>>
linkSharedLibrary(const LibraryParts &parts, const Toolchain &toolchain);

/// Objects as one, with all their symbols. `what`: for messages.
llvm::Expected<std::vector<uint8_t>>
linkObjects(llvm::ArrayRef<llvm::ArrayRef<char>> objects, llvm::StringRef what);

/// An archive of two objects: the runtime, the same for all models, of which a
/// program with several models takes one; and the model, whose only global
/// symbol is the bundle's function. All else is local. Errors: more than
/// the 9.9 GB that a member of an archive can have, or than longestStaticBlob.
llvm::Expected<std::vector<uint8_t>>
linkStaticLibrary(const LibraryParts &parts);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_LINKLIBRARY_H
