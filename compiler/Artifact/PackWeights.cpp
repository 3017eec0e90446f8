//===- PackWeights.cpp - The weight section, streamed ---------------------===//

#include "compiler/Artifact/PackWeights.h"

#include "compiler/Artifact/UnitPacker.h"

#include "llvm/ADT/STLExtras.h"

#include <atomic>
#include <mutex>
#include <thread>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::artifact;

/// Values of a tensor after which its pages are given back, though more of it
/// will be read.
static constexpr int64_t kReleaseValues = int64_t(32) << 20;

namespace {

/// Packs all units on several threads, and keeps what that changed.
class Packer {
public:
  /// Without an output, errors of all sources are measured.
  Packer(const checkpoint::WeightSource &weights, BlockWriter *output,
         const PackProgress &progress, const ColumnErrorsOf &columnErrors)
      : weights(weights), output(output), progress(progress),
        columnErrors(columnErrors) {}

  void addTensor(kernel::PackedOp op);
  llvm::Error run(unsigned threads);

  /// The errors of quantized sources, in order.
  void fill(std::vector<Conversion> &conversions) const;
  /// The errors of all sources but vectors, which are exact, and coarse forms.
  std::vector<TensorError> getErrors() const;

private:
  /// How far a source is.
  struct SourceState {
    size_t unitsLeft = 0;
    int64_t valuesRead = 0;   ///< since pages were given back
    bool isQuantized = false; ///< in the checkpoint
    /// From its first unit to its last.
    std::shared_ptr<const ColumnErrors> columnErrors;
  };

  void work();
  llvm::Error packUnit(UnitPacker &packer, size_t index);
  std::shared_ptr<const ColumnErrors> getColumnErrors(size_t source);
  llvm::Error report(size_t source, uint64_t written, int64_t read);
  std::vector<RoundingErrors> sumErrors() const;

  const checkpoint::WeightSource &weights;
  BlockWriter *output;
  const PackProgress &progress;
  const ColumnErrorsOf &columnErrors;
  std::vector<PackSource> sources;
  std::vector<SourceState> states; ///< of each source
  std::vector<PackUnit> units;
  std::vector<RoundingErrors> errors; ///< of each unit
  uint64_t total = 0;
  std::atomic<size_t> next{0};
  std::atomic<bool> stopped{false};
  std::mutex errorsMutex; ///< guards `columnErrors` of states
  std::mutex mutex;       ///< guards what follows, and the counts in `states`
  uint64_t done = 0;
  std::optional<llvm::Error> error; ///< of the first unit that failed ...
  size_t failed = 0;                ///< ... in the order of units
};

} // namespace

void Packer::addTensor(kernel::PackedOp op) {
  auto type = cast<kernel::WeightType>(op.getType());
  total += uint64_t(type.getByteSize());
  if (output)
    output->expect(uint64_t(*op.getOffset()), uint64_t(type.getByteSize()),
                   type.getLayout() == kernel::Layout::Rows);
  size_t firstUnit = units.size();
  addUnits(op, sources, units);
  for (size_t i = states.size(); i < sources.size(); ++i)
    states.emplace_back().isQuantized = isQuantized(weights, sources[i].name);
  for (size_t i = firstUnit; i < units.size(); ++i)
    ++states[units[i].source].unitsLeft;
}

llvm::Error Packer::run(unsigned threads) {
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
  errors.resize(units.size());
  std::vector<std::thread> pool;
  for (unsigned t = 1; t < threads; ++t)
    pool.emplace_back([this] { work(); });
  work();
  for (std::thread &thread : pool)
    thread.join();
  if (error)
    return std::move(*error);
  return llvm::Error::success();
}

void Packer::work() {
  UnitPacker packer(weights, output);
  for (size_t i; !stopped && (i = next++) < units.size();)
    if (llvm::Error failure = packUnit(packer, i)) {
      // Units before this one are done or under way: which error is told
      // does not depend on the threads.
      std::lock_guard<std::mutex> lock(mutex);
      stopped = true;
      if (error && failed < i) {
        llvm::consumeError(std::move(failure));
        continue;
      }
      if (error)
        llvm::consumeError(std::move(*error));
      error = std::move(failure);
      failed = i;
    }
}

llvm::Error Packer::packUnit(UnitPacker &packer, size_t index) {
  const PackUnit &unit = units[index];
  PackSource &source = sources[unit.source];
  bool isMeasured = states[unit.source].isQuantized || !output;
  llvm::Expected<uint64_t> written =
      packer.pack(source, unit, getColumnErrors(unit.source).get(),
                  isMeasured ? &errors[index] : nullptr);
  if (!written)
    return written.takeError();
  return report(unit.source, *written,
                unit.rows * source.getType().getColumns());
}

std::shared_ptr<const ColumnErrors> Packer::getColumnErrors(size_t source) {
  PackSource &tensor = sources[source];
  if (!columnErrors || toAbi(tensor.getType().getFormat()) != GEMCUT_INT4)
    return nullptr;
  std::lock_guard<std::mutex> lock(errorsMutex);
  SourceState &state = states[source];
  if (!state.columnErrors)
    state.columnErrors = columnErrors(tensor.name);
  return state.columnErrors;
}

llvm::Error Packer::report(size_t source, uint64_t written, int64_t read) {
  std::lock_guard<std::mutex> lock(mutex);
  SourceState &state = states[source];
  state.valuesRead += read;
  if (--state.unitsLeft == 0 || state.valuesRead >= kReleaseValues) {
    weights.done(sources[source].name);
    state.valuesRead = 0;
  }
  if (state.unitsLeft == 0) {
    std::lock_guard<std::mutex> errorsLock(errorsMutex);
    state.columnErrors.reset();
  }
  done += written;
  return progress ? progress(done, total) : llvm::Error::success();
}

std::vector<RoundingErrors> Packer::sumErrors() const {
  std::vector<RoundingErrors> sums(sources.size());
  for (auto [unit, unitErrors] : llvm::zip_equal(units, errors))
    sums[unit.source].add(unitErrors);
  return sums;
}

void Packer::fill(std::vector<Conversion> &conversions) const {
  size_t next = 0;
  for (auto [state, sum] : llvm::zip_equal(states, sumErrors()))
    if (state.isQuantized)
      conversions[next++].relativeError = sum.getRelative();
}

std::vector<TensorError> Packer::getErrors() const {
  std::vector<TensorError> all;
  for (auto [source, sum] : llvm::zip_equal(sources, sumErrors())) {
    kernel::PackedOp op = source.op;
    auto type = cast<kernel::WeightType>(op.getType());
    if (type.getLayout() == kernel::Layout::Vector ||
        type.getLayout() == kernel::Layout::Coarse)
      continue;
    TensorError &error = all.emplace_back();
    error.tensor = source.name.str();
    error.format = stringifyFormat(type.getFormat()).str();
    int64_t count = int64_t(op.getSources().size());
    error.values = type.getRows() * type.getColumns() / count;
    error.bytes = uint64_t(type.getByteSize() / count);
    error.relativeError = sum.getRelative();
    error.largestError = sum.largestError;
  }
  return all;
}

/// The packed tensors of a planned module, in the order of the section.
static SmallVector<kernel::PackedOp> getTensors(ModuleOp module) {
  SmallVector<kernel::PackedOp> tensors(module.getOps<kernel::PackedOp>());
  llvm::sort(tensors, [](kernel::PackedOp a, kernel::PackedOp b) {
    return a.getOffset().value_or(0) < b.getOffset().value_or(0);
  });
  return tensors;
}

std::vector<Conversion>
gemcut::artifact::findConversions(ModuleOp module,
                                  const checkpoint::WeightSource &source) {
  std::vector<Conversion> conversions;
  for (kernel::PackedOp op : getTensors(module))
    for (Attribute attribute : op.getSources()) {
      StringRef name = cast<StringAttr>(attribute).getValue();
      if (!isQuantized(source, name))
        continue;
      checkpoint::WeightInfo info = *source.find(name);
      auto format = cast<kernel::WeightType>(op.getType()).getFormat();
      conversions.push_back({name.str(),
                             checkpoint::isBlock(info.type)
                                 ? checkpoint::stringify(info.type).str()
                                 : std::to_string(info.levels->bits) + "-bit",
                             stringifyFormat(format).str()});
    }
  return conversions;
}

llvm::Error gemcut::artifact::packWeights(
    ModuleOp module, const checkpoint::WeightSource &source, int descriptor,
    uint64_t fileOffset, unsigned threads, const PackProgress &progress,
    std::vector<Conversion> *conversions, const ColumnErrorsOf &columnErrors) {
  SmallVector<kernel::PackedOp> tensors = getTensors(module);
  for (kernel::PackedOp op : tensors)
    if (!op.getOffset())
      return llvm::createStringError(
          "packed tensor '" + op.getSymName().str() +
          "' has no offset; run kernel-plan-weights");
  uint64_t length = 0;
  for (kernel::PackedOp op : tensors)
    length = std::max(
        length, uint64_t(*op.getOffset() +
                         cast<kernel::WeightType>(op.getType()).getByteSize()));
  BlockWriter output(descriptor, fileOffset, length);
  Packer packer(source, &output, progress, columnErrors);
  for (kernel::PackedOp op : tensors)
    packer.addTensor(op);
  if (llvm::Error error = packer.run(threads))
    return error;
  if (conversions)
    packer.fill(*conversions);
  return llvm::Error::success();
}

llvm::Expected<std::vector<TensorError>> gemcut::artifact::measureErrors(
    ModuleOp module, const checkpoint::WeightSource &source, unsigned threads,
    const PackProgress &progress, const ColumnErrorsOf &columnErrors) {
  Packer packer(source, /*output=*/nullptr, progress, columnErrors);
  for (kernel::PackedOp op : getTensors(module))
    packer.addTensor(op);
  if (llvm::Error error = packer.run(threads))
    return std::move(error);
  return packer.getErrors();
}
