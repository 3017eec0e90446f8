//===- ColumnErrors.h - What rounding errors of columns cost ----*- C++ -*-===//
//
// A matrix W is rounded to Q for its products y = W x. With the second moments
// H[i, j] = mean of x[i] x[j] of its inputs, a row's errors e = w - q cost the
// mean square e H e^T of what they change in y. A column of large inputs costs
// more than one of small inputs, and the error of one column can be undone in
// part by columns whose inputs go along with it.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_ARTIFACT_COLUMNERRORS_H
#define GEMCUT_COMPILER_ARTIFACT_COLUMNERRORS_H

#include <cstdint>
#include <vector>

namespace gemcut::artifact {

/// Second moments of the inputs of a matrix: those of columns of one block, for
/// blocks along the diagonal; other pairs count as unrelated.
struct InputMoments {
  int64_t columns = 0;
  int64_t block = 0; ///< columns of a block, a multiple of 32; the last block
                     ///< may have fewer
  /// Per block of `width` columns (width, width), row-major and symmetric.
  std::vector<float> values;

  InputMoments() = default;
  /// Zeros.
  InputMoments(int64_t columns, int64_t block);

  int64_t blocks() const { return (columns + block - 1) / block; }
  /// Columns of block `index`.
  int64_t width(int64_t index) const;
  /// The (width, width) moments of block `index`.
  float *at(int64_t index) { return values.data() + index * block * block; }
  const float *at(int64_t index) const {
    return values.data() + index * block * block;
  }
  /// Adds x x^T of one input of `columns` values.
  void add(const float *input);
  /// The part of it that block `index` keeps; blocks are independent.
  void addToBlock(int64_t index, const float *input);
};

/// How a matrix is rounded column by column under its input moments, as GPTQ
/// does (Frantar et al. 2022, arXiv:2210.17323, algorithm 1): with the upper
/// triangular U of inv(H) = U^T U, the error d of column i is followed by
///
///   w[j] -= d * U[i, j] / U[i, i]     for all j > i of the block,
///
/// which is the best that the columns behind it can do, and what is left costs
/// d^2 / U[i, i]^2. Different from the paper: H is cut into blocks.
class ColumnErrors {
public:
  /// `damping`, a share of the mean of H's diagonal, is added to its diagonal:
  /// moments of few inputs say less than they seem to. Columns without any
  /// input cost next to nothing.
  explicit ColumnErrors(const InputMoments &moments, double damping = 0.01);

  int64_t getColumns() const { return columns; }
  /// End of the block that `column` is in.
  int64_t getBlockEnd(int64_t column) const;
  /// 1 / U[i, i]^2 for every column i.
  const float *getCosts() const { return costs.data(); }
  /// U[i, j] / U[i, i] at index j - column - 1, for j from column + 1 to the
  /// end of the block.
  const float *getFeedback(int64_t column) const;

private:
  int64_t columns, block;
  std::vector<float> costs;
  std::vector<float> feedback; ///< (columns, block), from the diagonal on
};

} // namespace gemcut::artifact

#endif // GEMCUT_COMPILER_ARTIFACT_COLUMNERRORS_H
