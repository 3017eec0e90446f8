//===- LocalSymbols.h - Hiding what an object defines -----------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_ARTIFACT_LOCALSYMBOLS_H
#define GEMCUT_COMPILER_ARTIFACT_LOCALSYMBOLS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace gemcut::artifact {

/// The relocatable ELF object with every symbol that it defines local, but
/// those in `global`. Its sections leave their COMDAT groups, so that a linker
/// that has seen a group of the same name elsewhere does not drop them.
llvm::Expected<std::vector<uint8_t>>
localizeSymbols(llvm::ArrayRef<uint8_t> object,
                llvm::ArrayRef<llvm::StringRef> global);

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_LOCALSYMBOLS_H
