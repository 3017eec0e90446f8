//===- ColumnErrors.cpp - What rounding errors of columns cost ------------===//

#include "compiler/Artifact/ColumnErrors.h"

#include "compiler/Artifact/VectorCode.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace gemcut::artifact;

InputMoments::InputMoments(int64_t columns, int64_t block)
    : columns(columns), block(block), values(size_t(blocks() * block * block)) {
}

int64_t InputMoments::width(int64_t index) const {
  return std::min(block, columns - index * block);
}

/// sums[i, j] += x[i] * x[j], (count, count).
GEMCUT_MULTIVERSION
static void addProducts(const float *x, int64_t count, float *sums) {
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < count; ++j)
      sums[i * count + j] += x[i] * x[j];
}

void InputMoments::add(const float *input) {
  for (int64_t b = 0; b < blocks(); ++b)
    addToBlock(b, input);
}

void InputMoments::addToBlock(int64_t index, const float *input) {
  addProducts(input + index * block, width(index), at(index));
}

/// Replaces the symmetric positive definite (n, n) `matrix` by the upper
/// triangular R with R R^T = matrix. What lies below the diagonal is undefined.
static void factorize(double *matrix, int64_t n) {
  std::vector<double> column(size_t(n), 0.0);
  for (int64_t j = n - 1; j >= 0; --j) {
    double diagonal = std::sqrt(matrix[j * n + j]);
    matrix[j * n + j] = diagonal;
    for (int64_t i = 0; i < j; ++i)
      column[size_t(i)] = matrix[i * n + j] /= diagonal;
    for (int64_t k = 0; k < j; ++k)
      for (int64_t i = k; i < j; ++i)
        matrix[k * n + i] -= column[size_t(k)] * column[size_t(i)];
  }
}

/// The inverse of the upper triangular (n, n) `matrix`, in place.
static void invertUpper(double *matrix, int64_t n) {
  for (int64_t i = n - 1; i >= 0; --i) {
    double *row = matrix + i * n;
    double inverse = 1 / row[i];
    std::vector<double> result(size_t(n), 0.0);
    // Row i of the inverse: -(row i right of the diagonal) times the inverse of
    // what lies below, over the diagonal.
    for (int64_t k = i + 1; k < n; ++k) {
      double factor = -row[k] * inverse;
      const double *below = matrix + k * n;
      for (int64_t j = k; j < n; ++j)
        result[size_t(j)] += factor * below[j];
    }
    row[i] = inverse;
    for (int64_t j = i + 1; j < n; ++j)
      row[j] = result[size_t(j)];
  }
}

ColumnErrors::ColumnErrors(const InputMoments &moments, double damping)
    : columns(moments.columns), block(moments.block), costs(size_t(columns)),
      feedback(size_t(columns * block)) {
  assert(block > 0 && block % 32 == 0 && "blocks hold whole groups");
  double trace = 0;
  for (int64_t b = 0; b < moments.blocks(); ++b)
    for (int64_t i = 0; i < moments.width(b); ++i)
      trace += moments.at(b)[i * moments.width(b) + i];
  // Without any input all columns count alike.
  double added = trace > 0 ? damping * trace / double(columns) : 1;
  std::vector<double> matrix;
  for (int64_t b = 0; b < moments.blocks(); ++b) {
    int64_t n = moments.width(b);
    matrix.assign(moments.at(b), moments.at(b) + n * n);
    for (int64_t i = 0; i < n; ++i)
      matrix[size_t(i * n + i)] += added;
    factorize(matrix.data(), n);
    invertUpper(matrix.data(), n);
    for (int64_t i = 0; i < n; ++i) {
      const double *row = matrix.data() + i * n;
      costs[size_t(b * block + i)] = float(1 / (row[i] * row[i]));
      float *out = feedback.data() + (b * block + i) * block;
      for (int64_t j = i + 1; j < n; ++j)
        out[j - i - 1] = float(row[j] / row[i]);
    }
  }
}

int64_t ColumnErrors::getBlockEnd(int64_t column) const {
  return std::min(columns, (column / block + 1) * block);
}

const float *ColumnErrors::getFeedback(int64_t column) const {
  return feedback.data() + column * block;
}
