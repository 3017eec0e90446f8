//===- LinearOps.cpp - Products with weights ------------------------------===//

#include "compiler/Reference/Ops.h"

#include "compiler/Reference/Parallel.h"
#include "compiler/Reference/RowProducts.h"

#include <mutex>

using namespace gemcut;
using namespace gemcut::reference;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

/// Rows of W that a thread reads at once.
static constexpr int64_t kRowsRead = 16;

Expected<Tensor> reference::linear(const Resources &resources,
                                   const Tensor &input,
                                   ArrayRef<Weight> weights, float scale) {
  int64_t outputs = 0;
  for (const Weight &weight : weights)
    outputs += weight.rows;
  Tensor result(input.rows, outputs);
  const int64_t columns = input.columns;
  auto transpose = [](const Tensor &rows) {
    return transposeInBlocks(rows.values.data(), rows.rows, rows.columns,
                             kRowBlock);
  };
  std::vector<double> transposed = transpose(input);
  float roundedUnder = 0;
  std::mutex mutex;
  Error failure = Error::success();
  (void)!!failure;

  int64_t firstOutput = 0;
  for (const Weight &weight : weights) {
    if (weight.inputScale != roundedUnder) {
      roundedUnder = weight.inputScale;
      transposed =
          transpose(roundedUnder == 0 ? input : roundInt8(input, roundedUnder));
    }
    int64_t blocks = (weight.rows + kRowsRead - 1) / kRowsRead;
    parallelFor(blocks, resources.threads, [&](int64_t block) {
      int64_t first = block * kRowsRead;
      int64_t count = std::min(kRowsRead, weight.rows - first);
      std::vector<float> w(count * columns);
      if (Error error = resources.weights.readF32(
              weight.name, (weight.firstRow + first) * columns, w)) {
        std::lock_guard<std::mutex> lock(mutex);
        failure = llvm::joinErrors(std::move(failure), std::move(error));
        return;
      }
      std::vector<double> outputs =
          transposeInBlocks(w.data(), count, columns, kOutputBlock);
      for (int64_t r0 = 0; r0 < input.rows; r0 += kRowBlock)
        for (int64_t n0 = 0; n0 < count; n0 += kOutputBlock) {
          double sums[kOutputBlock][kRowBlock];
          multiplyBlocks(outputs.data() + n0 * columns,
                         transposed.data() + r0 * columns, columns, sums[0]);
          for (int64_t n = n0; n < count && n < n0 + kOutputBlock; ++n)
            for (int64_t r = r0; r < input.rows && r < r0 + kRowBlock; ++r) {
              double y = sums[n - n0][r - r0];
              if (weight.outputScale != 0)
                y = roundInt8(float(y), weight.outputScale);
              result.row(r)[firstOutput + first + n] = float(scale * y);
            }
        }
    });
    resources.weights.done(weight.name);
    firstOutput += weight.rows;
  }
  if (failure)
    return std::move(failure);
  return result;
}

void reference::adapt(const Tensor &input, ArrayRef<float> a, ArrayRef<float> b,
                      int64_t index, int64_t rank, int64_t offset,
                      Tensor &result) {
  const int64_t inputs = input.columns;
  const int64_t outputs = b.size() * inputs / a.size();
  a = a.drop_front(index * rank * inputs);
  b = b.drop_front(index * rank * outputs);
  for (int64_t r = 0; r < input.rows; ++r) {
    std::vector<double> sums(outputs);
    for (int64_t k = 0; k < rank; ++k) {
      double t = 0;
      for (int64_t c = 0; c < inputs; ++c)
        t += double(a[k * inputs + c]) * input.row(r)[c];
      for (int64_t j = 0; j < outputs; ++j)
        sums[j] += b[k * outputs + j] * t;
    }
    for (int64_t j = 0; j < outputs; ++j)
      result.row(r)[offset + j] += float(sums[j]);
  }
}
