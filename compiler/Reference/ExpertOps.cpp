//===- ExpertOps.cpp - Choosing experts, and their products ---------------===//

#include "compiler/Reference/Ops.h"

#include <map>
#include <numeric>

using namespace gemcut;
using namespace gemcut::reference;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

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

/// The parts at all of an expert's places, one below the other.
static Tensor gatherParts(const Tensor &input, Places places, int64_t width) {
  Tensor rows(places.size(), width);
  for (auto [index, place] : llvm::enumerate(places))
    llvm::copy(partOf(input, place, width), rows.row(index).begin());
  return rows;
}

Expected<Tensor> reference::expertGatedLinear(const Resources &resources,
                                              const Tensor &input,
                                              const Tensor &experts,
                                              const Weight &matrices,
                                              int64_t width) {
  Tensor result(input.rows, experts.columns * width);
  Error error =
      forEachExpert(experts, [&](int64_t expert, Places places) -> Error {
        Tensor rows = gatherParts(input, places, matrices.columns);
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
        Tensor rows = gatherParts(input, places, width);
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
