//===- RowProducts.cpp - Sums of products, many at a time -----------------===//

#include "compiler/Reference/RowProducts.h"

#include "compiler/Artifact/VectorCode.h"

#include <cstring>

using namespace gemcut;
using namespace gemcut::reference;

std::vector<double> reference::transposeInBlocks(const float *values,
                                                 int64_t rows, int64_t columns,
                                                 int64_t size) {
  int64_t blocks = (rows + size - 1) / size;
  std::vector<double> transposed(blocks * columns * size);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k)
      transposed[((r / size) * columns + k) * size + r % size] =
          values[r * columns + k];
  return transposed;
}

typedef double Vector __attribute__((vector_size(kRowBlock * 8)));

GEMCUT_MULTIVERSION
static void multiply(const double *outputs, const double *rows, int64_t columns,
                     double *sums) {
  Vector sum[kOutputBlock] = {};
  for (int64_t k = 0; k < columns; ++k) {
    Vector x;
    std::memcpy(&x, rows + k * kRowBlock, sizeof(x));
    for (int64_t n = 0; n < kOutputBlock; ++n)
      sum[n] += outputs[k * kOutputBlock + n] * x;
  }
  std::memcpy(sums, sum, sizeof(sum));
}

void reference::multiplyBlocks(const double *outputs, const double *rows,
                               int64_t columns, double *sums) {
  multiply(outputs, rows, columns, sums);
}
