//===- PackWeights.cpp - The weight section, streamed ---------------------===//

#include "compiler/Artifact/PackWeights.h"
#include "frontends/Checkpoint/CheckpointError.h"

#include "compiler/Artifact/BlockWriter.h"
#include "compiler/Artifact/Quantize.h"
#include "dialects/Kernel/KernelOps.h"

#include "llvm/ADT/STLExtras.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <thread>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::artifact;

namespace {

/// Values that one unit of work reads: bounds the memory of a thread to a few
/// MB.
constexpr int64_t kUnitValues = int64_t(1) << 20;
/// Values of a tensor after which its pages are given back, though more of it
/// will be read.
constexpr int64_t kReleaseValues = int64_t(32) << 20;

/// One source of a packed tensor.
struct Source {
  kernel::PackedOp op;
  unsigned index = 0; ///< into the op's sources
  StringRef name;
  size_t unitsLeft = 0;
  int64_t valuesRead = 0;   ///< since pages were given back
  bool isQuantized = false; ///< in the checkpoint
  bool isMeasured = false;  ///< errors are added up
  /// From its first unit to its last.
  std::shared_ptr<const ColumnErrors> columnErrors;
};

/// Rows [row, row + rows) of one source tensor. In tiles, their tile t is tile
/// firstTile + t * tileStep of the packed tensor.
struct Unit {
  size_t source;
  int64_t row, rows;
  int64_t firstTile, tileStep;
  double error = 0, square = 0; ///< sums of squares, of measured sources
  double largestError = 0;      ///< its magnitude
};

class Packer {
public:
  /// Without an output, errors of all sources are measured.
  Packer(const checkpoint::WeightSource &source, BlockWriter *output,
         const PackProgress &progress, const ColumnErrorsOf &columnErrors)
      : source(source), output(output), progress(progress),
        columnErrors(columnErrors) {}

  void addTensor(kernel::PackedOp op) {
    auto type = cast<kernel::WeightType>(op.getType());
    total += uint64_t(type.getByteSize());
    if (output)
      output->expect(uint64_t(*op.getOffset()), uint64_t(type.getByteSize()),
                     type.getLayout() == kernel::Layout::Rows);
    int64_t step = std::max<int64_t>(kUnitValues / type.getColumns(), 1);
    if (type.getLayout() != kernel::Layout::Rows)
      step = gemcut_round_up(step, GEMCUT_TILE_ROWS);
    size_t first = tensors.size();
    for (auto [index, name] :
         llvm::enumerate(op.getSources().getAsRange<StringAttr>())) {
      Source &tensor = tensors.emplace_back();
      tensor.op = op;
      tensor.index = unsigned(index);
      tensor.name = name.getValue();
      tensor.isQuantized = isQuantized(source, tensor.name);
      tensor.isMeasured = tensor.isQuantized || !output;
    }
    auto addUnit = [&](size_t index, int64_t row, int64_t rows,
                       int64_t firstTile, int64_t tileStep) {
      units.push_back({first + index, row, rows, firstTile, tileStep});
      ++tensors[first + index].unitsLeft;
    };
    if (type.getLayout() != kernel::Layout::Interleaved) {
      for (int64_t row = 0; row < type.getRows(); row += step)
        addUnit(0, row, std::min(step, type.getRows() - row),
                row / GEMCUT_TILE_ROWS, 1);
      return;
    }
    // Pairs of matrices: two sources, or halves of every expert in one. They
    // take turns, so that neighbouring tiles are made together.
    bool isHalf = op.getExperts().has_value();
    int64_t experts = op.getExperts().value_or(1);
    int64_t rows = type.getRows() / 2 / experts;
    for (int64_t expert = 0; expert < experts; ++expert)
      for (int64_t row = 0; row < rows; row += step)
        for (int64_t matrix : {0, 1}) {
          int64_t tile =
              (expert * gemcut_round_up(rows, GEMCUT_TILE_ROWS) + row) /
              GEMCUT_TILE_ROWS;
          int64_t start = isHalf ? (2 * expert + matrix) * rows : 0;
          addUnit(isHalf ? 0 : matrix, start + row, std::min(step, rows - row),
                  2 * tile + matrix, 2);
        }
  }

  llvm::Error run(unsigned threads) {
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

  /// The errors of quantized sources, in order.
  void fill(std::vector<Conversion> &conversions) const {
    std::vector<double> errors(tensors.size()), squares(tensors.size());
    for (const Unit &unit : units) {
      errors[unit.source] += unit.error;
      squares[unit.source] += unit.square;
    }
    size_t next = 0;
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].isQuantized) {
        Conversion &conversion = conversions[next++];
        if (errors[i] > 0)
          conversion.relativeError = std::sqrt(errors[i] / squares[i]);
      }
  }

  /// The errors of all sources but vectors, which are exact, and coarse forms.
  std::vector<TensorError> getErrors() const {
    std::vector<TensorError> errors;
    std::vector<size_t> places(tensors.size(), SIZE_MAX);
    std::vector<double> squares;
    for (size_t i = 0; i < tensors.size(); ++i) {
      kernel::PackedOp op = tensors[i].op;
      auto type = cast<kernel::WeightType>(op.getType());
      if (type.getLayout() == kernel::Layout::Vector ||
          type.getLayout() == kernel::Layout::Coarse)
        continue;
      places[i] = errors.size();
      TensorError &error = errors.emplace_back();
      error.tensor = tensors[i].name.str();
      error.format = stringifyFormat(type.getFormat()).str();
      int64_t sources = int64_t(op.getSources().size());
      error.values = type.getRows() * type.getColumns() / sources;
      error.bytes = uint64_t(type.getByteSize() / sources);
    }
    squares.resize(errors.size());
    for (const Unit &unit : units)
      if (size_t place = places[unit.source]; place != SIZE_MAX) {
        errors[place].relativeError += unit.error;
        errors[place].largestError =
            std::max(errors[place].largestError, unit.largestError);
        squares[place] += unit.square;
      }
    for (size_t i = 0; i < errors.size(); ++i)
      errors[i].relativeError =
          errors[i].relativeError > 0
              ? std::sqrt(errors[i].relativeError / squares[i])
              : 0;
    return errors;
  }

  static bool isQuantized(const checkpoint::WeightSource &source,
                          StringRef name) {
    std::optional<checkpoint::WeightInfo> info = source.find(name);
    return info && (info->levels || checkpoint::isBlock(info->type));
  }

private:
  const checkpoint::WeightSource &source;
  BlockWriter *output;
  const PackProgress &progress;
  const ColumnErrorsOf &columnErrors;
  std::vector<Source> tensors;
  std::vector<Unit> units;
  uint64_t total = 0;
  std::atomic<size_t> next{0};
  std::atomic<bool> stopped{false};
  std::mutex errorsMutex; ///< guards `columnErrors` of tensors
  std::mutex mutex;       ///< guards what follows, and the counts in `tensors`
  uint64_t done = 0;
  std::optional<llvm::Error> error; ///< of the first unit that failed ...
  size_t failed = 0;                ///< ... in the order of units

  void work() {
    std::vector<float> values;
    std::vector<uint8_t> packed;
    for (size_t i; !stopped && (i = next++) < units.size();)
      if (llvm::Error failure = packUnit(units[i], values, packed)) {
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

  /// NaN, infinities and values beyond the format's range.
  llvm::Error checkValues(kernel::WeightType type, StringRef name,
                          int64_t first, llvm::ArrayRef<float> values) const {
    gemcut_format format = toAbi(type.getFormat());
    int64_t bad = findUnstorable(format, values.data(), int64_t(values.size()));
    if (bad < 0)
      return llvm::Error::success();
    float value = values[size_t(bad)];
    std::string file = source.fileOf(name);
    std::string where = (file.empty() ? "" : file + ": ") + "tensor '" +
                        name.str() + "' holds ";
    std::string at = " at element " + std::to_string(first + bad);
    if (std::isnan(value) || std::isinf(value))
      return llvm::createStringError(
          where + (std::isnan(value) ? "a NaN" : "an infinity") + at +
          ", expected finite weights; the checkpoint is damaged");
    return llvm::createStringError(where + std::to_string(value) + at +
                                   ", which is too large for " +
                                   stringifyFormat(type.getFormat()).str() +
                                   "; store this tensor as f32 with a recipe");
  }

  /// Bits of a level in formats whose groups of 32 have an f16 scale; 0 for
  /// others.
  static int groupBits(gemcut_format format) {
    return format == GEMCUT_Q4_0 ? 4 : format == GEMCUT_INT8 ? 8 : 0;
  }

  /// Reads the values of levels with their scales.
  llvm::Error readLevels(const Unit &unit, StringRef name,
                         checkpoint::LevelForm form, std::vector<float> &values,
                         std::vector<float> &scales) const {
    std::vector<int8_t> levels(values.size());
    scales.resize(values.size() / size_t(form.group));
    if (llvm::Error failure = source.readLevels(name, unit.row, levels, scales))
      return failure;
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(levels[i]) * scales[i / size_t(form.group)];
    return llvm::Error::success();
  }

  /// The scales that products round the outputs of a source under, or 0: one,
  /// or of experts one for each matrix.
  llvm::Expected<std::vector<float>>
  readOutputScales(const Source &tensor) const {
    std::vector<float> scales(1);
    kernel::PackedOp op = tensor.op;
    std::optional<ArrayAttr> names = op.getOutputScales();
    if (!names)
      return scales;
    StringRef name = cast<StringAttr>((*names)[tensor.index]).getValue();
    if (name.empty())
      return scales;
    auto type = cast<kernel::WeightType>(op.getType());
    bool isPair = type.getLayout() == kernel::Layout::Interleaved;
    if (op.getExperts())
      scales.resize(size_t(*op.getExperts() * (isPair ? 2 : 1)));
    if (llvm::Error failure =
            source.readF32(name, 0, llvm::MutableArrayRef<float>(scales)))
      return std::move(failure);
    return scales;
  }

  /// Reads a unit's values, and its scales where the checkpoint's levels are
  /// levels of the format too; `scales` is empty otherwise.
  llvm::Error readUnit(const Unit &unit, kernel::WeightType type,
                       StringRef name, std::vector<float> &values,
                       std::vector<float> &scales) const {
    gemcut_format format = toAbi(type.getFormat());
    int64_t columns = type.getColumns();
    std::optional<checkpoint::WeightInfo> info = source.find(name);
    scales.clear();
    if (!info || !info->levels)
      return source.readF32(name, unit.row * columns, values);
    checkpoint::LevelForm form = *info->levels;
    if (int64_t bits = gemcut_row_format_bits(format)) {
      checkpoint::LevelForm wanted{int(bits), columns / type.getScales()};
      if (!(form == wanted))
        return source.readF32(name, unit.row * columns, values);
      return readLevels(unit, name, form, values, scales);
    }
    if (form.bits > groupBits(format) || form.group % GEMCUT_GROUP)
      return source.readF32(name, unit.row * columns, values);
    std::vector<int8_t> levels(values.size());
    std::vector<float> stored(values.size() / size_t(form.group));
    if (llvm::Error failure = source.readLevels(name, unit.row, levels, stored))
      return failure;
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(levels[i]) * stored[i / size_t(form.group)];
    // Kernels multiply levels of int8 by signs: -128 has no opposite.
    if (llvm::all_of(stored, isGroupScale) &&
        !llvm::is_contained(levels, int8_t(-128))) {
      scales.resize(values.size() / GEMCUT_GROUP);
      for (size_t i = 0; i < scales.size(); ++i)
        scales[i] = stored[i * GEMCUT_GROUP / size_t(form.group)];
    }
    return llvm::Error::success();
  }

  llvm::Error write(const uint8_t *bytes, size_t count, uint64_t offset) {
    return output ? output->write(bytes, count, offset)
                  : llvm::Error::success();
  }

  /// Adds what a packed value differs by from the checkpoint's.
  static void addError(Unit &unit, float value, float packed) {
    double difference = double(packed) - double(value);
    unit.error += difference * difference;
    unit.largestError = std::max(unit.largestError, std::fabs(difference));
    unit.square += double(value) * double(value);
  }

  llvm::Error packUnit(Unit &unit, std::vector<float> &values,
                       std::vector<uint8_t> &packed) {
    Source &tensor = tensors[unit.source];
    kernel::PackedOp op = tensor.op;
    auto type = cast<kernel::WeightType>(op.getType());
    StringRef name = tensor.name;
    int64_t columns = type.getColumns();
    values.resize(size_t(unit.rows * columns));
    int64_t first = unit.row * columns;
    std::vector<float> scales;
    llvm::Error unusable = readUnit(unit, type, name, values, scales);
    if (!unusable)
      unusable = checkValues(type, name, first, values);
    if (unusable)
      return checkpoint::about(std::move(unusable), source.fileOf(name), name);
    uint64_t base = uint64_t(*op.getOffset());
    uint64_t written = 0;
    switch (type.getLayout()) {
    case kernel::Layout::Vector:
      packed.assign(size_t(type.getByteSize()), 0);
      std::memcpy(packed.data(), values.data(), values.size() * 4);
      written = packed.size();
      if (llvm::Error failure = write(packed.data(), written, base))
        return failure;
      break;
    case kernel::Layout::Rows: {
      int64_t rowBytes = type.getTableRowBytes();
      auto offsetOf = [&](int64_t row) {
        return row < type.getRows() ? gemcut_table_row_offset(rowBytes, row)
                                    : type.getByteSize();
      };
      int64_t start = offsetOf(unit.row);
      packed.assign(size_t(offsetOf(unit.row + unit.rows) - start), 0);
      gemcut_format format = toAbi(type.getFormat());
      size_t rowScales = scales.size() / size_t(unit.rows);
      for (int64_t r = 0; r < unit.rows; ++r) {
        const float *row = &values[size_t(r * columns)];
        uint8_t *out = &packed[size_t(offsetOf(unit.row + r) - start)];
        packTableRow(
            format, row, columns, out, type.getScales(),
            {scales.empty() ? nullptr : &scales[size_t(r) * rowScales]});
        if (tensor.isMeasured && scales.empty())
          for (int64_t c = 0; c < columns; ++c)
            addError(
                unit, row[c],
                unpackTableValue(format, out, c, columns, type.getScales()));
      }
      if (llvm::Error failure =
              write(packed.data(), packed.size(), base + uint64_t(start)))
        return failure;
      written = packed.size();
      break;
    }
    default:
      if (llvm::Error failure = packTiles(unit, tensor, type, values, scales,
                                          packed, base, written))
        return failure;
    }
    return report(tensor, written, int64_t(values.size()));
  }

  std::shared_ptr<const ColumnErrors> getColumnErrors(Source &tensor,
                                                      gemcut_format format) {
    if (!columnErrors || format != GEMCUT_INT4)
      return nullptr;
    std::lock_guard<std::mutex> lock(errorsMutex);
    if (!tensor.columnErrors)
      tensor.columnErrors = columnErrors(tensor.name);
    return tensor.columnErrors;
  }

  llvm::Error packTiles(Unit &unit, Source &tensor, kernel::WeightType type,
                        const std::vector<float> &values,
                        const std::vector<float> &scales,
                        std::vector<uint8_t> &packed, uint64_t base,
                        uint64_t &written) {
    gemcut_format format = toAbi(type.getFormat());
    llvm::Expected<std::vector<float>> outputScales = readOutputScales(tensor);
    if (!outputScales)
      return outputScales.takeError();
    // Rows of a matrix of one scale; tiles never hold rows of two.
    kernel::PackedOp op = tensor.op;
    int64_t matrixRows = type.getRows() / int64_t(op.getSources().size()) /
                         int64_t(outputScales->size());
    std::shared_ptr<const ColumnErrors> errors =
        getColumnErrors(tensor, format);
    int64_t columns = type.getColumns();
    int64_t tileBytes = gemcut_tile_bytes(format, columns);
    int64_t tiles = (unit.rows + GEMCUT_TILE_ROWS - 1) / GEMCUT_TILE_ROWS;
    packed.resize(size_t(tiles * tileBytes));
    size_t rowScales = scales.size() / size_t(unit.rows);
    for (int64_t t = 0; t < tiles; ++t) {
      int64_t row = t * GEMCUT_TILE_ROWS;
      int64_t rows = std::min<int64_t>(GEMCUT_TILE_ROWS, unit.rows - row);
      const float *first = &values[size_t(row * columns)];
      uint8_t *tile = &packed[size_t(t * tileBytes)];
      packTile(format, first, rows, columns, tile,
               {scales.empty() ? nullptr : &scales[size_t(row) * rowScales],
                (*outputScales)[size_t((unit.row + row) / matrixRows)]},
               errors.get());
      if (tensor.isMeasured && scales.empty())
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < columns; ++c)
            addError(unit, first[r * columns + c],
                     unpackTileValue(format, tile, r, c, columns));
    }
    if (type.getLayout() == kernel::Layout::Coarse) {
      std::vector<uint8_t> exact = std::move(packed);
      int64_t coarseBytes = gemcut_coarse_tile_bytes(columns);
      packed.resize(size_t(tiles * coarseBytes));
      for (int64_t t = 0; t < tiles; ++t)
        packCoarseTile(&exact[size_t(t * tileBytes)], columns,
                       &packed[size_t(t * coarseBytes)]);
      written = packed.size();
      return write(packed.data(), packed.size(),
                   base + uint64_t(unit.firstTile * coarseBytes));
    }
    written = packed.size();
    if (unit.tileStep == 1)
      return write(packed.data(), packed.size(),
                   base + uint64_t(unit.firstTile * tileBytes));
    for (int64_t t = 0; t < tiles; ++t) {
      int64_t place = unit.firstTile + t * unit.tileStep;
      if (llvm::Error failure =
              write(&packed[size_t(t * tileBytes)], size_t(tileBytes),
                    base + uint64_t(place * tileBytes)))
        return failure;
    }
    return llvm::Error::success();
  }

  llvm::Error report(Source &tensor, uint64_t written, int64_t read) {
    std::lock_guard<std::mutex> lock(mutex);
    tensor.valuesRead += read;
    if (--tensor.unitsLeft == 0 || tensor.valuesRead >= kReleaseValues) {
      source.done(tensor.name);
      tensor.valuesRead = 0;
    }
    if (tensor.unitsLeft == 0) {
      std::lock_guard<std::mutex> errorsLock(errorsMutex);
      tensor.columnErrors.reset();
    }
    done += written;
    return progress ? progress(done, total) : llvm::Error::success();
  }
};

} // namespace

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
      if (!Packer::isQuantized(source, name))
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
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
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
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
  if (llvm::Error error = packer.run(threads))
    return std::move(error);
  return packer.getErrors();
}
