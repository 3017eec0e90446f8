//===- Ops.cpp - The formula of every gemma op ----------------------------===//

#include "compiler/Reference/Ops.h"

#include "compiler/Reference/Parallel.h"
#include "compiler/Reference/RowProducts.h"
#include "dialects/Gemma/GemmaOps.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>

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

static float roundInt8(float x, float scale) {
  return std::min(std::max(std::nearbyint(x / scale), -128.0f), 127.0f) * scale;
}

//===----------------------------------------------------------------------===//
// linear
//===----------------------------------------------------------------------===//

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
                y = ::roundInt8(float(y), weight.outputScale);
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

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

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

Choice reference::topExperts(const Tensor &probs, ArrayRef<float> scale,
                             int64_t count) {
  Choice choice{Tensor(probs.rows, count), Tensor(probs.rows, count)};
  for (int64_t r = 0; r < probs.rows; ++r) {
    ArrayRef<float> p = probs.row(r);
    std::vector<int64_t> order(p.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::sort(order, [&](int64_t a, int64_t b) {
      return std::pair(-p[a], a) < std::pair(-p[b], b);
    });
    double total = 0;
    for (int64_t i = 0; i < count; ++i)
      total += p[order[i]];
    for (int64_t i = 0; i < count; ++i) {
      choice.weights.row(r)[i] = float(p[order[i]] / total * scale[order[i]]);
      choice.experts.row(r)[i] = float(order[i]);
    }
  }
  return choice;
}

namespace {
/// One of a row's experts: the i-th of row r.
struct Place {
  int64_t r, i;
};
using Places = ArrayRef<Place>;
} // namespace

/// Calls `body` for every chosen expert, ascending, with the places it has.
static Error
forEachExpert(const Tensor &experts,
              llvm::function_ref<Error(int64_t expert, Places places)> body) {
  std::map<int64_t, std::vector<Place>> users;
  for (int64_t r = 0; r < experts.rows; ++r)
    for (int64_t i = 0; i < experts.columns; ++i)
      users[int64_t(experts.row(r)[i])].push_back({r, i});
  for (const auto &[expert, places] : users)
    if (Error error = body(expert, places))
      return error;
  return Error::success();
}

/// What the expert at `place` reads of its row: a part of `width` columns, or
/// the whole row if that has no more.
static ArrayRef<float> partOf(const Tensor &input, Place place, int64_t width) {
  ArrayRef<float> row = input.row(place.r);
  return input.columns == width ? row : row.slice(place.i * width, width);
}

Expected<Tensor> reference::expertGatedLinear(const Resources &resources,
                                              const Tensor &input,
                                              const Tensor &experts,
                                              const Weight &matrices,
                                              int64_t width) {
  Tensor result(input.rows, experts.columns * width);
  Error error =
      forEachExpert(experts, [&](int64_t expert, Places places) -> Error {
        Tensor rows(places.size(), matrices.columns);
        for (auto [index, place] : llvm::enumerate(places))
          llvm::copy(partOf(input, place, matrices.columns),
                     rows.row(index).begin());
        Expected<Tensor> gate = linear(
            resources, rows, matrices.getMatrix(2 * expert, width, expert));
        if (!gate)
          return gate.takeError();
        Expected<Tensor> up = linear(
            resources, rows, matrices.getMatrix(2 * expert + 1, width, expert));
        if (!up)
          return up.takeError();
        Tensor product = geluMul(*gate, *up);
        for (auto [index, place] : llvm::enumerate(places))
          llvm::copy(product.row(index),
                     result.row(place.r).begin() + place.i * width);
        return Error::success();
      });
  if (error)
    return std::move(error);
  return result;
}

Expected<Tensor>
reference::expertLinear(const Resources &resources, const Tensor &input,
                        const Tensor &experts, const Tensor &weights,
                        const Weight &matrices, int64_t outputs) {
  std::vector<double> sums(input.rows * outputs);
  const int64_t width = matrices.columns;
  Error error =
      forEachExpert(experts, [&](int64_t expert, Places places) -> Error {
        Tensor rows(places.size(), width);
        for (auto [index, place] : llvm::enumerate(places))
          llvm::copy(partOf(input, place, width), rows.row(index).begin());
        Expected<Tensor> product = linear(
            resources, rows, matrices.getMatrix(expert, outputs, expert));
        if (!product)
          return product.takeError();
        for (auto [index, place] : llvm::enumerate(places))
          for (int64_t n = 0; n < outputs; ++n)
            sums[place.r * outputs + n] +=
                double(weights.row(place.r)[place.i]) * product->row(index)[n];
        return Error::success();
      });
  if (error)
    return std::move(error);
  Tensor result(input.rows, outputs);
  for (auto [out, sum] : llvm::zip_equal(result.values, sums))
    out = float(sum);
  return result;
}

Tensor reference::quantize(const Tensor &input) {
  Tensor result(input.rows, input.columns);
  for (size_t g = 0; g < input.values.size(); g += GEMCUT_GROUP) {
    const float *x = input.values.data() + g;
    float largest = 0;
    for (int64_t i = 0; i < GEMCUT_GROUP; ++i)
      largest = std::max(largest, std::fabs(x[i]));
    int exponent;
    float mantissa =
        std::frexp(largest * (1.0f / GEMCUT_Q8_LARGEST_QUOTIENT), &exponent);
    // The least power of two that is not below the quotient.
    float scale = std::ldexp(1.0f, mantissa == 0.5f ? exponent - 1 : exponent);
    scale = largest == 0 ? GEMCUT_Q8_LEAST_SCALE
                         : std::max(scale, GEMCUT_Q8_LEAST_SCALE);
    for (int64_t i = 0; i < GEMCUT_GROUP; ++i)
      result.values[g + i] = std::nearbyint(x[i] / scale) * scale;
  }
  return result;
}

Tensor reference::roundInt8(const Tensor &input, float scale) {
  Tensor result = input;
  for (float &x : result.values)
    x = ::roundInt8(x, scale);
  return result;
}

Tensor reference::quantizeRows(const Tensor &input) {
  Tensor result = input;
  for (int64_t r = 0; r < result.rows; ++r) {
    float largest = 0;
    for (float x : result.row(r))
      largest = std::max(largest, std::fabs(x));
    for (float &x : result.row(r))
      x = largest == 0 ? 0 : ::roundInt8(x, largest / 127);
  }
  return result;
}

Tensor reference::expertQuantize(const Tensor &input, const Tensor &experts,
                                 ArrayRef<float> scale, int64_t columns) {
  Tensor result(input.rows, columns);
  int64_t width = columns / experts.columns;
  for (int64_t r = 0; r < input.rows; ++r)
    for (int64_t i = 0; i < experts.columns; ++i) {
      Tensor part(1, width);
      llvm::copy(partOf(input, {r, i}, width), part.values.begin());
      auto expert = size_t(experts.row(r)[i]);
      part = scale.empty() || scale[expert] == 0
                 ? quantizeRows(part)
                 : roundInt8(part, scale[expert]);
      llvm::copy(part.values, result.row(r).begin() + i * width);
    }
  return result;
}
