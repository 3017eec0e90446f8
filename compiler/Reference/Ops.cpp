//===- Ops.cpp - Rows, attention and elementwise ops ----------------------===//

#include "compiler/Reference/Ops.h"

#include "compiler/Reference/Parallel.h"
#include "dialects/Gemma/GemmaOps.h"

#include <algorithm>
#include <cmath>

using namespace gemcut;
using namespace gemcut::reference;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

Expected<std::vector<float>> reference::readVector(const Resources &resources,
                                                   const Weight &weight) {
  std::vector<float> values(weight.rows * weight.columns);
  if (Error error = resources.weights.readF32(
          weight.name, weight.firstRow * weight.columns, values))
    return std::move(error);
  return values;
}

Expected<Tensor> reference::embed(const Resources &resources, const Ids &ids,
                                  const Weight &table, float scale) {
  Tensor result(ids.size(), table.columns);
  for (int64_t r = 0; r < result.rows; ++r) {
    if (ids[r] < 0 || ids[r] >= table.rows)
      return llvm::createStringError(
          "token id %d (row %lld) is outside the vocabulary of %lld of '%s'",
          ids[r], (long long)r, (long long)table.rows, table.name.c_str());
    if (Error error = resources.weights.readF32(
            table.name, (table.firstRow + ids[r]) * table.columns,
            result.row(r)))
      return std::move(error);
    for (float &x : result.row(r))
      x = scale * x;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Norms and rotation
//===----------------------------------------------------------------------===//

Tensor reference::rmsNorm(const Tensor &input, ArrayRef<float> weight,
                          float eps, int64_t group) {
  Tensor result(input.rows, input.columns);
  for (int64_t r = 0; r < input.rows; ++r) {
    for (int64_t g = 0; g < input.columns; g += group) {
      ArrayRef<float> x = input.row(r).slice(g, group);
      double squares = 0;
      for (float value : x)
        squares += double(value) * value;
      double factor = 1 / std::sqrt(squares / group + eps);
      for (int64_t i = 0; i < group; ++i)
        result.row(r)[g + i] =
            float(x[i] * factor * (weight.empty() ? 1.0 : weight[i]));
    }
  }
  return result;
}

Tensor reference::ropeTable(const Positions &positions, int64_t headDim,
                            int64_t pairs, float theta, float factor) {
  llvm::SmallVector<float> frequencies =
      gemma::ropeFrequencies(theta, headDim, pairs, factor);
  Tensor result(positions.size(), 2 * pairs);
  for (int64_t r = 0; r < result.rows; ++r) {
    for (int64_t j = 0; j < pairs; ++j) {
      float angle = float(positions[r]) * frequencies[j];
      result.row(r)[j] = float(std::cos(double(angle)));
      result.row(r)[pairs + j] = float(std::sin(double(angle)));
    }
  }
  return result;
}

Tensor reference::rope(const Tensor &input, const Tensor &table,
                       int64_t headDim) {
  Tensor result = input;
  int64_t pairs = table.columns / 2, half = headDim / 2;
  for (int64_t r = 0; r < input.rows; ++r) {
    ArrayRef<float> cosines = table.row(r).take_front(pairs);
    ArrayRef<float> sines = table.row(r).drop_front(pairs);
    for (int64_t head = 0; head < input.columns; head += headDim) {
      ArrayRef<float> x = input.row(r).slice(head, headDim);
      for (int64_t j = 0; j < pairs; ++j) {
        double c = cosines[j], s = sines[j];
        result.row(r)[head + j] = float(x[j] * c - x[j + half] * s);
        result.row(r)[head + j + half] = float(x[j + half] * c + x[j] * s);
      }
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

KvState reference::kvWrite(const Tensor &key, const Tensor &value,
                           const Positions &positions, KvState state) {
  for (int64_t r = 0; r < key.rows; ++r)
    state.cache->entries[positions[r]] = {key.row(r).vec(), value.row(r).vec()};
  return {state.cache, ++state.cache->version};
}

Tensor reference::attention(const Resources &resources, const Tensor &query,
                            const KvCache &kv, const Positions &positions,
                            int64_t heads) {
  Tensor result(query.rows, query.columns);
  const int64_t d = kv.headDim;
  parallelFor(query.rows, resources.threads, [&](int64_t r) {
    std::vector<const KvCache::Entry *> visible = kv.visibleFrom(positions[r]);
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t g = h / (heads / kv.heads);
      ArrayRef<float> q = query.row(r).slice(h * d, d);
      std::vector<double> probability(visible.size());
      double largest = -INFINITY, total = 0;
      for (size_t t = 0; t < visible.size(); ++t) {
        const float *key = visible[t]->key.data() + g * d;
        double score = 0;
        for (int64_t i = 0; i < d; ++i)
          score += double(key[i]) * q[i];
        probability[t] = score;
        largest = std::max(largest, score);
      }
      for (double &p : probability)
        total += p = std::exp(p - largest);
      std::vector<double> sum(d);
      for (size_t t = 0; t < visible.size(); ++t) {
        const float *value = visible[t]->value.data() + g * d;
        for (int64_t i = 0; i < d; ++i)
          sum[i] += probability[t] / total * value[i];
      }
      for (int64_t i = 0; i < d; ++i)
        result.row(r)[h * d + i] = float(sum[i]);
    }
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Elementwise ops
//===----------------------------------------------------------------------===//

/// result = f(input), element by element, rounded once.
template <typename Function>
static Tensor map(const Tensor &input, Function f) {
  Tensor result(input.rows, input.columns);
  for (size_t i = 0; i < input.values.size(); ++i)
    result.values[i] = float(f(double(input.values[i])));
  return result;
}

/// result = f(a, b), element by element, rounded once.
template <typename Function>
static Tensor map(const Tensor &a, const Tensor &b, Function f) {
  Tensor result(a.rows, a.columns);
  for (size_t i = 0; i < a.values.size(); ++i)
    result.values[i] = float(f(double(a.values[i]), double(b.values[i])));
  return result;
}

static double gelu(double u) {
  const double sqrtTwoOverPi = 0.79788456080286535588;
  return u / 2 * (1 + std::tanh(sqrtTwoOverPi * (u + 0.044715 * u * u * u)));
}

Tensor reference::geluMul(const Tensor &gate, const Tensor &up) {
  return map(gate, up, [](double g, double u) { return gelu(g) * u; });
}

Tensor reference::add(const Tensor &lhs, const Tensor &rhs) {
  return map(lhs, rhs, [](double a, double b) { return a + b; });
}

Tensor reference::scale(const Tensor &input, float factor) {
  return map(input, [=](double x) { return factor * x; });
}

Tensor reference::softcap(const Tensor &input, float cap) {
  return map(input, [=](double x) { return cap * std::tanh(x / cap); });
}

Tensor reference::slice(const Tensor &input, int64_t offset, int64_t columns) {
  Tensor result(input.rows, columns);
  for (int64_t r = 0; r < input.rows; ++r)
    llvm::copy(input.row(r).slice(offset, columns), result.row(r).begin());
  return result;
}

Tensor reference::selectLast(const Tensor &input) {
  Tensor result(1, input.columns);
  llvm::copy(input.row(input.rows - 1), result.row(0).begin());
  return result;
}

Tensor reference::softmax(const Tensor &input) {
  Tensor result(input.rows, input.columns);
  for (int64_t r = 0; r < input.rows; ++r) {
    ArrayRef<float> x = input.row(r);
    double largest = *std::max_element(x.begin(), x.end()), total = 0;
    for (float value : x)
      total += std::exp(value - largest);
    for (auto [out, value] : llvm::zip_equal(result.row(r), x))
      out = float(std::exp(value - largest) / total);
  }
  return result;
}
