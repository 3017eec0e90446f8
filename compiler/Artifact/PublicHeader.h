//===- PublicHeader.h - gemcut.h, as text -----------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_PUBLICHEADER_H
#define GEMCUT_COMPILER_ARTIFACT_PUBLICHEADER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace gemcut::artifact {

/// runtime/abi/gemcut.h with what it includes from this project in place: the
/// one header of a library.
llvm::StringRef publicHeader();

/// The functions that it declares.
llvm::ArrayRef<const char *> publicFunctions();

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_PUBLICHEADER_H
