//===- LibraryFiles.h - What build systems want to know ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_LIBRARYFILES_H
#define GEMCUT_COMPILER_ARTIFACT_LIBRARYFILES_H

#include "compiler/Artifact/OutputFile.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <vector>

namespace gemcut::artifact {

/// Files that are written, but have no names before they are committed.
using LibraryFiles = std::vector<std::unique_ptr<OutputFile>>;

/// Prepares, for `folder`, which holds lib<name>.so, lib<name>.a or both:
/// gemcut.h; <name>.pc for pkg-config; <name>Config.cmake, which gives CMake's
/// find_package(<name>) the target gemcut::<name> (the shared library where
/// there is one) and gemcut::<name>_static. All paths in them are relative to
/// their place, so that the folder can be moved. `description` is for people.
llvm::Expected<LibraryFiles> prepareLibraryFiles(llvm::StringRef folder,
                                                 llvm::StringRef name,
                                                 llvm::StringRef description);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_LIBRARYFILES_H
