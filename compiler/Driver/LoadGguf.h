//===- LoadGguf.h - Everything a GGUF file says -----------------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_DRIVER_LOADGGUF_H
#define GEMCUT_COMPILER_DRIVER_LOADGGUF_H

#include "compiler/Driver/LoadedModel.h"

namespace gemcut::driver {

/// Reads a .gguf file, the first part of a split one included: configuration,
/// weights, tokenizer and chat template (`chatTemplate`: as in loadModel). One
/// error for whatever is missing, malformed or not supported.
llvm::Expected<LoadedModel> loadGguf(llvm::StringRef path,
                                     const WeightOptions &weights,
                                     llvm::StringRef chatTemplate);

} // namespace gemcut::driver

#endif // GEMCUT_COMPILER_DRIVER_LOADGGUF_H
