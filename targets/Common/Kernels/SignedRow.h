//===- SignedRow.h - One row times weights under row scales -----*- C++ -*-===//
//
// Products of a lone row in another form than RowScaleKernel's: inputs are the
// signed operand of the dot products, weights the unsigned one, most of which
// stay where they are in their bytes. That is about half of the instructions
// per byte of weights where dot products take inputs from memory, and two
// thirds where sums are words (SignedWords.h).
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_SIGNEDROW_H
#define GEMCUT_TARGETS_COMMON_KERNELS_SIGNEDROW_H

#include "targets/Common/Kernels/MicroKernel.h"

namespace gemcut::targets {

/// Whether products of `format` with a lone row have this form.
bool hasSignedRow(const VectorIsa &isa, Format format);

/// Bytes of a u8 row in signed form: q, the scale as it was, and as i32 the sum
/// of q, padding included.
int64_t signedRowBytes(int64_t columns);
/// Where the sum is.
int64_t signedSumOffset(int64_t columns);

/// Writes the u8 row at `row` to `target` in signed form. Only where some
/// format has one.
void emitSignedRow(Emitter &e, const VectorIsa &isa, int64_t columns,
                   mlir::Value row, mlir::Value target);

/// buildRowScaleKernel's result, bit for bit, for one row in signed form and
/// one tile; tiles where sums are words.
void buildSignedRowKernel(Emitter &e, const VectorIsa &isa,
                          const MicroKernelShape &shape,
                          mlir::ValueRange arguments);

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_SIGNEDROW_H
