//===- Assemble.h - Assembly text -> object code ----------------*- C++ -*-===//

#ifndef GEMCUT_TEST_NUMERICS_ASSEMBLE_H
#define GEMCUT_TEST_NUMERICS_ASSEMBLE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace gemcut::test {

/// The object code of `text` for `triple` with LLVM's `features`
/// ("+avx2,+fma"). Stops the process on text that does not assemble.
llvm::SmallVector<char, 0> assemble(llvm::StringRef text,
                                    llvm::StringRef triple,
                                    llvm::StringRef features);

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_ASSEMBLE_H
