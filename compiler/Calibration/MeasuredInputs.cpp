//===- MeasuredInputs.cpp - Second moments over a text --------------------===//

#include "compiler/Calibration/MeasuredInputs.h"

#include "compiler/Calibration/ProductInputs.h"
#include "compiler/Reference/Interpreter.h"
#include "compiler/Reference/Parallel.h"
#include "runtime/abi/packed_layout.h"

#include "llvm/ADT/DenseMap.h"

#include <numeric>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::calibration;
using artifact::ColumnErrors;
using artifact::InputMoments;

/// Most columns of which all pairs are kept.
static constexpr int64_t kMostWhole = 512;
/// Columns of a block of larger inputs: those of a block of int4's layout.
static constexpr int64_t kBlock = 128;
/// The part that is added to the moments' diagonal, of its mean.
static constexpr double kDamping = 0.02;

FailureOr<std::unique_ptr<MeasuredInputs>>
MeasuredInputs::measure(ModuleOp module,
                        const checkpoint::WeightSource &weights,
                        ArrayRef<std::vector<int32_t>> sequences,
                        unsigned threads, const MeasureProgress &progress) {
  auto result = std::make_unique<MeasuredInputs>();
  llvm::DenseMap<Value, size_t> indices;
  for (const ProductInput &product : findProductInputs(module)) {
    if (product.columns % GEMCUT_GROUP)
      continue;
    auto [found, isNew] =
        indices.try_emplace(product.input, result->moments.size());
    if (isNew)
      result->moments.emplace_back(
          product.columns,
          product.columns <= kMostWhole ? product.columns : kBlock);
    result->uses[product.weight] = {found->second, product.isTable};
  }
  // Behind the last input nothing is measured.
  size_t seen = 0;
  bool isStopped = false;
  uint64_t done = 0, length = 0;
  const uint64_t total = std::accumulate(
      sequences.begin(), sequences.end(), uint64_t(0),
      [](uint64_t sum, const auto &ids) { return sum + ids.size(); });
  reference::Interpreter interpreter(module, weights, threads);
  interpreter.setObserver([&](const reference::Observation &observation) {
    auto found =
        indices.find(observation.op->getResult(observation.resultNumber));
    if (found == indices.end())
      return reference::Next::Continue;
    InputMoments &moments = result->moments[found->second];
    reference::parallelFor(moments.blocks(), threads, [&](int64_t block) {
      for (int64_t r = 0; r < observation.value.rows; ++r)
        moments.addToBlock(block, observation.value.row(r).data());
    });
    ++seen;
    isStopped =
        progress && !progress(done + length * seen / indices.size(), total);
    return isStopped || seen == indices.size() ? reference::Next::Stop
                                               : reference::Next::Continue;
  });
  for (const std::vector<int32_t> &ids : sequences) {
    std::vector<int64_t> positions(ids.size());
    std::iota(positions.begin(), positions.end(), 0);
    seen = 0;
    length = ids.size();
    interpreter.resetState();
    if (failed(interpreter.run("forward", ids, positions)) || isStopped)
      return failure();
    done += length;
  }
  return result;
}

/// `moments` as those of a matrix that is a table as well: divided by the mean
/// of their diagonal, with 1 added to it.
static InputMoments addTableUse(InputMoments moments) {
  double trace = 0;
  for (int64_t b = 0; b < moments.blocks(); ++b)
    for (int64_t i = 0, n = moments.width(b); i < n; ++i)
      trace += moments.at(b)[i * n + i];
  if (trace > 0)
    for (float &value : moments.values)
      value = float(value * double(moments.columns) / trace);
  for (int64_t b = 0; b < moments.blocks(); ++b)
    for (int64_t i = 0, n = moments.width(b); i < n; ++i)
      moments.at(b)[i * n + i] += 1;
  return moments;
}

std::shared_ptr<const ColumnErrors>
MeasuredInputs::get(llvm::StringRef tensor) {
  auto found = uses.find(tensor);
  if (found == uses.end())
    return nullptr;
  auto [index, isTable] = found->second;
  std::lock_guard<std::mutex> lock(mutex);
  auto &shared = made[{index, isTable}];
  std::shared_ptr<const ColumnErrors> errors = shared.lock();
  if (!errors) {
    errors = std::make_shared<const ColumnErrors>(
        isTable ? addTableUse(moments[index]) : moments[index], kDamping);
    shared = errors;
  }
  return errors;
}

std::vector<std::vector<int32_t>>
gemcut::calibration::cutSequences(ArrayRef<int32_t> ids, int32_t bos,
                                  int64_t longest, int64_t most) {
  std::vector<std::vector<int32_t>> sequences;
  for (int32_t id : ids.take_front(size_t(most))) {
    if (sequences.empty() || id == bos ||
        int64_t(sequences.back().size()) == longest)
      sequences.emplace_back();
    sequences.back().push_back(id);
  }
  llvm::erase_if(sequences,
                 [](const std::vector<int32_t> &s) { return s.size() < 2; });
  return sequences;
}
