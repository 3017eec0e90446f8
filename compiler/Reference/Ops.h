//===- Ops.h - The formula of every gemma op --------------------*- C++ -*-===//
//
// One function per op of dialects/Gemma, written to be read. Values are
// float32; sums, roots and transcendental functions are float64, rounded once
// to the result. Fused ops are calls of the elementary ones, so that a fused
// module gives the same bits as the module it was made from.
//
// Shapes are those the verifiers demand; nothing is checked again here.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_COMPILER_REFERENCE_OPS_H
#define GEMCUT_COMPILER_REFERENCE_OPS_H

#include "compiler/Reference/Tensor.h"
#include "frontends/Checkpoint/WeightSource.h"

#include "llvm/Support/Error.h"

#include <optional>

namespace gemcut::reference {

/// Where weights come from, and how many threads a product may use (0: all).
struct Resources {
  const checkpoint::WeightSource &weights;
  unsigned threads = 0;
};

//===----------------------------------------------------------------------===//
// Rows, attention and elementwise ops: Ops.cpp
//===----------------------------------------------------------------------===//

/// All values of a weight vector. Errors are the source's.
llvm::Expected<std::vector<float>> readVector(const Resources &resources,
                                              const Weight &weight);

/// result[r, :] = scale * table[ids[r], :]. Reads only the rows it needs; an id
/// outside the table is an error that names it.
llvm::Expected<Tensor> embed(const Resources &resources, const Ids &ids,
                             const Weight &table, float scale);

/// Every group of `group` columns times (mean of its squares + eps)^(-1/2)
/// times weight; an empty weight is all ones.
Tensor rmsNorm(const Tensor &input, llvm::ArrayRef<float> weight, float eps,
               int64_t group);

/// (rows, 2 * pairs): cosines, then sines, of the float32 angles
/// float(position) * f[j].
Tensor ropeTable(const Positions &positions, int64_t headDim, int64_t pairs,
                 float theta, float factor = 1.0f);

/// Rotates elements j and j + headDim/2 of every head by the table's angle j.
Tensor rope(const Tensor &input, const Tensor &table, int64_t headDim);

/// Stores the rows of key and value at their positions; returns the new state.
KvState kvWrite(const Tensor &key, const Tensor &value,
                const Positions &positions, KvState state);

/// Causal grouped-query attention; heads in order, scale 1.
Tensor attention(const Resources &resources, const Tensor &query,
                 const KvCache &kv, const Positions &positions, int64_t heads);

/// gelu(gate) * up with the tanh form of GELU.
Tensor geluMul(const Tensor &gate, const Tensor &up);

Tensor add(const Tensor &lhs, const Tensor &rhs);

/// factor * input.
Tensor scale(const Tensor &input, float factor);

/// Columns offset .. offset + columns - 1.
Tensor slice(const Tensor &input, int64_t offset, int64_t columns);

/// The last row alone.
Tensor selectLast(const Tensor &input);

/// cap * tanh(input / cap).
Tensor softcap(const Tensor &input, float cap);

/// exp(x) over their sum, for each row.
Tensor softmax(const Tensor &input);

//===----------------------------------------------------------------------===//
// Products with weights: LinearOps.cpp
//===----------------------------------------------------------------------===//

/// result[r, n] = scale * sum_k W[n, k] * input[r, k], W the weights stacked
/// along their rows. The sum runs over k ascending in float64.
llvm::Expected<Tensor> linear(const Resources &resources, const Tensor &input,
                              llvm::ArrayRef<Weight> weights, float scale = 1);

/// Adds the product of adapter `index` to columns of `result` from `offset` on;
/// see gemma.adapt.
void adapt(const Tensor &input, llvm::ArrayRef<float> a,
           llvm::ArrayRef<float> b, int64_t index, int64_t rank, int64_t offset,
           Tensor &result);

//===----------------------------------------------------------------------===//
// int8: Int8Ops.cpp
//===----------------------------------------------------------------------===//

/// The values that int8 in groups of 32 stand for: q * scale with
/// scale = 2^ceil(log2(max|x| / 127.49)), at least 2^-96, and
/// q = round_to_nearest_even(x / scale). Source: `!gemma.q8`.
Tensor quantize(const Tensor &input);

/// clamp(round_to_nearest_even(x / scale), -128, 127) * scale, each operation
/// rounded to float32.
float roundInt8(float x, float scale);
Tensor roundInt8(const Tensor &input, float scale);

/// The values that int8 under one scale per row stand for, with that scale
/// max|x| / 127.
Tensor quantizeRows(const Tensor &input);

//===----------------------------------------------------------------------===//
// Experts: ExpertOps.cpp
//===----------------------------------------------------------------------===//

/// Chosen experts of each row, as numbers, and the weights of their results.
struct Choice {
  Tensor weights, experts;
};

/// The `count` largest of each row of `probs`, descending; weights are divided
/// by their sum, then multiplied by the expert's scale.
Choice topExperts(const Tensor &probs, llvm::ArrayRef<float> scale,
                  int64_t count);

/// Per row and chosen expert, side by side, gelu(gate input) * (up input) of
/// `width` values. In each expert, gate stands above up. `input` is read as a
/// whole, or has a part for each expert (expertQuantize).
llvm::Expected<Tensor> expertGatedLinear(const Resources &resources,
                                         const Tensor &input,
                                         const Tensor &experts,
                                         const Weight &matrices, int64_t width);

/// Per row the sum over its experts of weight * matrix * their part of `input`,
/// in float64, in ascending order of experts.
llvm::Expected<Tensor> expertLinear(const Resources &resources,
                                    const Tensor &input, const Tensor &experts,
                                    const Tensor &weights,
                                    const Weight &matrices, int64_t outputs);

/// Per row and chosen expert, side by side, `columns` values in all: its part
/// of `input`, or the whole row if all experts read that, as roundInt8 gives it
/// under scale[expert], or quantizeRows where that is 0 or `scale` is empty.
Tensor expertQuantize(const Tensor &input, const Tensor &experts,
                      llvm::ArrayRef<float> scale, int64_t columns);

} // namespace gemcut::reference

#endif // GEMCUT_COMPILER_REFERENCE_OPS_H
