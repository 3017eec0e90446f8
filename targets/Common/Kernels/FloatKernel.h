//===- FloatKernel.h - Products with bf16 and f32 weights -------*- C++ -*-===//
//
// f32 rows times tiles of bf16 or f32 weights, summed in f32.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_FLOATKERNEL_H
#define GEMCUT_TARGETS_COMMON_KERNELS_FLOATKERNEL_H

#include "targets/Common/Kernels/MicroKernel.h"

namespace gemcut::targets {

/// The body of getMicroKernel's function for bf16 and f32 weights. Sums of few
/// rows have several chains, so that their last bits depend on the number of
/// rows.
void buildFloatKernel(Emitter &e, const VectorIsa &isa,
                      const MicroKernelShape &shape,
                      mlir::ValueRange arguments);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_FLOATKERNEL_H
