//===- SignedWords.h - One row in signed form, sums in words ----*- C++ -*-===//
//
// SignedRow's products on levels whose products of bytes are added in 16-bit
// words (IsaLevel::wordRows), for weights of 2 and 4 bits under row scales.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_SIGNEDWORDS_H
#define GEMCUT_TARGETS_COMMON_KERNELS_SIGNEDWORDS_H

#include "targets/Common/Kernels/MicroKernel.h"

namespace gemcut::targets {

/// As buildSignedRowKernel.
void buildSignedWordsKernel(Emitter &e, const VectorIsa &isa,
                            const MicroKernelShape &shape,
                            mlir::ValueRange arguments);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_SIGNEDWORDS_H
