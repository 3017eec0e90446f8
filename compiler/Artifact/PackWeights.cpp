//===- PackWeights.cpp - The weight section, streamed ---------------------===//

#include "compiler/Artifact/PackWeights.h"

#include "compiler/Artifact/FileBytes.h"
#include "compiler/Artifact/Quantize.h"
#include "dialects/Kernel/KernelOps.h"

#include "llvm/ADT/STLExtras.h"

#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::artifact;

namespace {

/// Values that one unit of work reads: bounds the memory of a thread to a few
/// MB.
constexpr int64_t kUnitValues = int64_t(1) << 20;
/// Source bytes after which a tensor's pages are given back.
constexpr int64_t kReleaseBytes = int64_t(128) << 20;

/// Rows [row, row + rows) of one source tensor and where they go.
struct Unit {
  kernel::PackedOp op;
  unsigned source; ///< index into the op's sources
  int64_t row, rows;
};

class Packer {
public:
  Packer(const gemma4::WeightSource &source, int descriptor,
         uint64_t fileOffset, const PackProgress &progress)
      : source(source), descriptor(descriptor), fileOffset(fileOffset),
        progress(progress) {}

  void addTensor(kernel::PackedOp op) {
    auto type = cast<kernel::WeightType>(op.getType());
    total += uint64_t(type.getByteSize());
    int64_t sources = int64_t(op.getSources().size());
    int64_t rows = type.getRows() / sources;
    int64_t step = std::max<int64_t>(kUnitValues / type.getColumns(), 1);
    if (type.getLayout() != kernel::Layout::Rows)
      step = gemcut_round_up(step, GEMCUT_TILE_ROWS);
    for (unsigned i = 0; i < sources; ++i)
      for (int64_t row = 0; row < rows; row += step)
        units.push_back({op, i, row, std::min(step, rows - row)});
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

private:
  const gemma4::WeightSource &source;
  int descriptor;
  uint64_t fileOffset;
  const PackProgress &progress;
  std::vector<Unit> units;
  uint64_t total = 0;
  std::atomic<size_t> next{0};
  std::atomic<bool> stopped{false};
  std::mutex mutex; ///< guards what follows
  uint64_t done = 0;
  int64_t unreleased = 0;
  std::optional<llvm::Error> error;

  void work() {
    std::vector<float> values;
    std::vector<uint8_t> packed;
    for (size_t i; !stopped && (i = next++) < units.size();)
      if (llvm::Error failure = packUnit(units[i], values, packed)) {
        std::lock_guard<std::mutex> lock(mutex);
        stopped = true;
        if (error)
          llvm::consumeError(std::move(failure));
        else
          error = std::move(failure);
      }
  }

  llvm::Error packUnit(const Unit &unit, std::vector<float> &values,
                       std::vector<uint8_t> &packed) {
    auto type = cast<kernel::WeightType>(
        const_cast<kernel::PackedOp &>(unit.op).getType());
    kernel::PackedOp op = unit.op;
    StringRef name = cast<StringAttr>(op.getSources()[unit.source]).getValue();
    int64_t columns = type.getColumns();
    values.resize(size_t(unit.rows * columns));
    int64_t first = unit.row * columns;
    if (llvm::Error failure = source.readF32(name, first, values))
      return failure;
    for (size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i]))
        return llvm::createStringError(
            "tensor '" + name.str() + "' holds " +
            (std::isnan(values[i]) ? "a NaN" : "an infinity") + " at element " +
            std::to_string(first + int64_t(i)) +
            ", expected finite weights; the checkpoint is damaged");
    uint64_t base = fileOffset + uint64_t(*op.getOffset());
    uint64_t written = 0;
    switch (type.getLayout()) {
    case kernel::Layout::Vector:
      if (llvm::Error failure =
              writeAt(descriptor, values.data(), values.size() * 4, base))
        return failure;
      written = uint64_t(type.getByteSize());
      break;
    case kernel::Layout::Rows: {
      int64_t stride = gemcut_table_row_bytes(toAbi(type.getFormat()), columns);
      packed.resize(size_t(unit.rows * stride));
      for (int64_t r = 0; r < unit.rows; ++r)
        packTableRow(toAbi(type.getFormat()), &values[size_t(r * columns)],
                     columns, &packed[size_t(r * stride)]);
      if (llvm::Error failure =
              writeAt(descriptor, packed.data(), packed.size(),
                      base + uint64_t(unit.row * stride)))
        return failure;
      written = packed.size();
      break;
    }
    default:
      if (llvm::Error failure =
              packTiles(unit, type, values, packed, base, written))
        return failure;
    }
    report(name, written, int64_t(values.size()) * 4);
    return llvm::Error::success();
  }

  llvm::Error packTiles(const Unit &unit, kernel::WeightType type,
                        const std::vector<float> &values,
                        std::vector<uint8_t> &packed, uint64_t base,
                        uint64_t &written) {
    gemcut_format format = toAbi(type.getFormat());
    int64_t columns = type.getColumns();
    int64_t tileBytes = gemcut_tile_bytes(format, columns);
    int64_t tiles = (unit.rows + GEMCUT_TILE_ROWS - 1) / GEMCUT_TILE_ROWS;
    packed.resize(size_t(tiles * tileBytes));
    for (int64_t t = 0; t < tiles; ++t)
      packTile(
          format, &values[size_t(t * GEMCUT_TILE_ROWS * columns)],
          std::min<int64_t>(GEMCUT_TILE_ROWS, unit.rows - t * GEMCUT_TILE_ROWS),
          columns, &packed[size_t(t * tileBytes)]);
    written = packed.size();
    int64_t firstTile = unit.row / GEMCUT_TILE_ROWS;
    if (type.getLayout() == kernel::Layout::Tiles)
      return writeAt(descriptor, packed.data(), packed.size(),
                     base + uint64_t(firstTile * tileBytes));
    for (int64_t t = 0; t < tiles; ++t) {
      int64_t place = 2 * (firstTile + t) + unit.source;
      if (llvm::Error failure =
              writeAt(descriptor, &packed[size_t(t * tileBytes)],
                      size_t(tileBytes), base + uint64_t(place * tileBytes)))
        return failure;
    }
    return llvm::Error::success();
  }

  void report(StringRef name, uint64_t written, int64_t sourceBytes) {
    std::lock_guard<std::mutex> lock(mutex);
    done += written;
    unreleased += sourceBytes;
    if (unreleased > kReleaseBytes) {
      source.done(name);
      unreleased = 0;
    }
    if (progress)
      progress(done, total);
  }
};

} // namespace

llvm::Error gemcut::artifact::packWeights(ModuleOp module,
                                          const gemma4::WeightSource &source,
                                          int descriptor, uint64_t fileOffset,
                                          unsigned threads,
                                          const PackProgress &progress) {
  SmallVector<kernel::PackedOp> tensors(module.getOps<kernel::PackedOp>());
  for (kernel::PackedOp op : tensors)
    if (!op.getOffset())
      return llvm::createStringError(
          "packed tensor '" + op.getSymName().str() +
          "' has no offset; run kernel-plan-weights");
  llvm::sort(tensors, [](kernel::PackedOp a, kernel::PackedOp b) {
    return *a.getOffset() < *b.getOffset();
  });
  Packer packer(source, descriptor, fileOffset, progress);
  for (kernel::PackedOp op : tensors)
    packer.addTensor(op);
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
  return packer.run(threads);
}
