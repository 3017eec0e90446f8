//===- RowProducts.h - Sums of products, many at a time ---------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_REFERENCE_ROWPRODUCTS_H
#define GEMCUT_COMPILER_REFERENCE_ROWPRODUCTS_H

#include "compiler/Reference/Tensor.h"

namespace gemcut::reference {

/// Rows of the input, and outputs, whose sums are in registers at a time.
constexpr int64_t kRowBlock = 8, kOutputBlock = 4;

/// `rows` rows of `columns` values as blocks of `size` rows, (block, column,
/// row in block), padded with 0.
std::vector<double> transposeInBlocks(const float *values, int64_t rows,
                                      int64_t columns, int64_t size);

/// sums[n, r] = sum_k outputs[k, n] * rows[k, r], k ascending, of blocks of
/// kOutputBlock and kRowBlock. All values are float32, so products are exact
/// and fused multiply-adds give the same bits.
void multiplyBlocks(const double *outputs, const double *rows, int64_t columns,
                    double *sums);

} // namespace gemcut::reference

#endif // GEMCUT_COMPILER_REFERENCE_ROWPRODUCTS_H
