//===- LibraryFiles.h - What build systems want to know ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_LIBRARYFILES_H
#define GEMCUT_COMPILER_ARTIFACT_LIBRARYFILES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace gemcut::artifact {

/// Writes into `folder`, which holds lib<name>.so, lib<name>.a or both:
/// gemcut.h; <name>.pc for pkg-config; <name>Config.cmake, which gives CMake's
/// find_package(<name>) the target gemcut::<name> (the shared library where
/// there is one) and gemcut::<name>_static. All paths in them are relative to
/// their place, so that the folder can be moved. `description` is for people.
llvm::Error writeLibraryFiles(llvm::StringRef folder, llvm::StringRef name,
                              llvm::StringRef description);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_LIBRARYFILES_H
