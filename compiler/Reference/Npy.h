//===- Npy.h - NumPy's array file -------------------------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_REFERENCE_NPY_H
#define GEMCUT_COMPILER_REFERENCE_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "compiler/Artifact/OutputFile.h"

#include "llvm/Support/Error.h"

namespace gemcut::reference {

/// Writes a C-ordered little-endian float32 array, format version 1.0 (NumPy
/// Enhancement Proposal 1), and gives the file its name. Errors: the file
/// cannot be written.
llvm::Error writeNpy(artifact::OutputFile &file, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<float> values);

} // namespace gemcut::reference

#endif // GEMCUT_COMPILER_REFERENCE_NPY_H
