//===- compare_levels.cpp - Where two levels part in a whole program ------===//
//
//   compare_levels PROGRAM.mlir EXECUTABLE LEVEL LEVEL [IDS [STAGE]]
//
// Runs the entry point `decode` of PROGRAM.mlir (gemcut compile --emit kernel)
// with the weights of EXECUTABLE (of the same flags) at two levels, those of
// other architectures under qemu, for up to 8 rows of one prompt, and prints
// what differs behind each stage. With a number of a stage, the lowest bit of
// the first value that it writes for the last row changes behind it, at the
// second level: the two may be the same one.
//
// A line: layer, stage, output, values that differ, largest difference, and the
// root mean square of the differences relative to that of the values. Values of
// q8 are compared dequantized.
//
//===----------------------------------------------------------------------===//

#include "compiler/Artifact/ArtifactReader.h"
#include "dialects/Kernel/KernelOps.h"
#include "test/numerics/KernelHarness.h"
#include "test/numerics/SharedMemory.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"

#include "fmt/format.h"

#include <cmath>
#include <cstring>

using namespace gemcut;
using namespace gemcut::test;
using llvm::SmallVector;

namespace {

/// A buffer of a stage, from the start of the arena.
struct Place {
  int64_t offset;
  kernel::BufferType type;
};

/// A stage in the order of the entry point, and the buffers that it names.
struct Stage {
  std::string name;
  int64_t layer;      ///< -1: none
  int64_t barrier;    ///< index of the last barrier in it
  bool hasOwnBarrier; ///< otherwise it shares the one of the next stage
  SmallVector<Place> buffers;
};

/// Lists the stages of `entry`, called functions in place of their calls.
class StageList {
public:
  explicit StageList(mlir::func::FuncOp entry) {
    collect(entry, 0, -1, SmallVector<std::optional<Place>>(3));
  }

  std::vector<Stage> stages;
  int64_t barriers = 0;

private:
  void collect(mlir::func::FuncOp function, int64_t frame, int64_t layer,
               llvm::ArrayRef<std::optional<Place>> arguments) {
    llvm::DenseMap<mlir::Value, Place> places;
    for (auto [value, place] : llvm::zip(function.getArguments(), arguments))
      if (place)
        places.insert({value, *place});
    int64_t called = layer;
    for (mlir::Operation &op : function.getBody().front()) {
      if (auto alloc = mlir::dyn_cast<kernel::AllocOp>(op)) {
        places.insert({alloc.getResult(),
                       {frame + int64_t(*alloc.getOffset()), alloc.getType()}});
      } else if (auto columns = mlir::dyn_cast<kernel::ColumnsOp>(op)) {
        if (auto found = places.find(columns.getInput());
            found != places.end()) {
          Place place = {found->second.offset +
                             4 * int64_t(columns.getOffset()),
                         columns.getType()};
          places.insert({columns.getResult(), place});
        }
      } else if (auto count = mlir::dyn_cast<kernel::CountRowsOp>(op)) {
        called = int64_t(count.getLayer());
      } else if (auto stage = mlir::dyn_cast<kernel::StageOpInterface>(op)) {
        addStage(stage, layer, places);
      } else if (auto call = mlir::dyn_cast<mlir::func::CallOp>(op)) {
        auto callee =
            mlir::SymbolTable::lookupNearestSymbolFrom<mlir::func::FuncOp>(
                call, call.getCalleeAttr());
        SmallVector<std::optional<Place>> passed;
        for (mlir::Value operand : call.getOperands()) {
          auto found = places.find(operand);
          passed.push_back(found == places.end()
                               ? std::nullopt
                               : std::optional<Place>(found->second));
        }
        int64_t own =
            function->getAttrOfType<mlir::IntegerAttr>(kernel::kFrameBytesAttr)
                .getInt();
        collect(callee, frame + own, called, passed);
      }
    }
  }

  void addStage(kernel::StageOpInterface stage, int64_t layer,
                const llvm::DenseMap<mlir::Value, Place> &places) {
    int64_t own = stage.getBarrierCount();
    barriers += own;
    Stage &made = stages.emplace_back();
    made.name = stage->getName().stripDialect().str();
    made.layer = layer;
    made.hasOwnBarrier = own > 0;
    made.barrier = own > 0 ? barriers - 1 : barriers;
    for (mlir::Value operand : stage->getOperands())
      if (auto found = places.find(operand); found != places.end())
        made.buffers.push_back(found->second);
  }
};

/// Values of a row of a buffer.
std::vector<float> readRow(const uint8_t *arena, const Place &place,
                           int64_t row) {
  int64_t columns = place.type.getColumns();
  const uint8_t *bytes = arena + place.offset + row * place.type.getRowBytes();
  std::vector<float> values(columns);
  if (place.type.getElement() == kernel::Element::F32) {
    std::memcpy(values.data(), bytes, 4 * columns);
  } else if (place.type.getElement() == kernel::Element::Q8) {
    for (int64_t i = 0; i < columns; ++i) {
      float scale;
      std::memcpy(
          &scale,
          bytes + gemcut_q8_scales_offset(columns) + i / GEMCUT_GROUP * 4, 4);
      values[i] = float(int8_t(bytes[i])) * scale;
    }
  } else {
    for (int64_t i = 0; i < columns; ++i)
      values[i] = bytes[i];
  }
  return values;
}

/// How far the values of two levels are from each other.
struct Difference {
  int64_t values = 0, differing = 0;
  double largest = 0, squares = 0, differenceSquares = 0;

  void add(const std::vector<float> &a, const std::vector<float> &b) {
    for (size_t i = 0; i < a.size(); ++i) {
      double d = std::fabs(double(a[i]) - double(b[i]));
      ++values;
      differing += a[i] != b[i];
      largest = std::max(largest, d);
      squares += double(a[i]) * double(a[i]);
      differenceSquares += d * d;
    }
  }

  std::string text() const {
    return fmt::format("{:6} of {:6} differ, by {:.3g} at most, {:.3g} rms",
                       differing, values, largest,
                       squares ? std::sqrt(differenceSquares / squares) : 0);
  }
};

/// What both levels did: a snapshot of each stage, and the logits.
struct Record {
  Snapshots snapshots;
  Bytes logits;
};

const targets::IsaLevel findLevel(llvm::StringRef name) {
  for (const targets::IsaLevel &level : allLevels())
    if (level.name == name)
      return level;
  llvm::report_fatal_error("this machine runs no code of level " + name);
}

int64_t getInteger(mlir::Operation *op, llvm::StringRef name) {
  auto attribute = op->getAttrOfType<mlir::IntegerAttr>(name);
  if (!attribute)
    llvm::report_fatal_error("the program has no " + name);
  return attribute.getInt();
}

/// The weights of an executable, in shared memory.
Bytes readWeights(const std::string &path) {
  auto footer = llvm::cantFail(artifact::readFooter(path));
  for (uint32_t i = 0; footer && i < footer->section_count; ++i)
    if (footer->sections[i].kind == uint32_t(GEMCUT_SECTION_WEIGHTS)) {
      std::string text =
          llvm::cantFail(artifact::readSection(path, footer->sections[i]));
      Bytes bytes{int64_t(text.size())};
      std::memcpy(bytes.data(), text.data(), text.size());
      return bytes;
    }
  llvm::report_fatal_error(llvm::StringRef(path) + ": holds no weights");
}

class Comparison {
public:
  Comparison(const std::string &text, const std::string &executable,
             std::vector<int32_t> prompt)
      : text(text), context(registry()), weights(readWeights(executable)),
        ids(std::move(prompt)) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    entry = module ? module->lookupSymbol<mlir::func::FuncOp>("decode")
                   : mlir::func::FuncOp();
    if (!entry)
      llvm::report_fatal_error("the program has no entry point `decode`");
    arenaBytes = gemcut_round_up(getInteger(entry, "kernel.arena_bytes"), 64);
    kvBytes = getInteger(*module, kernel::kKvSlotBytesAttr);
    vocabulary = mlir::cast<kernel::BufferType>(entry.getArgument(2).getType())
                     .getColumns();
    list = std::make_unique<StageList>(entry);
  }

  /// Runs the prompt; `changed`: the stage whose output changes, or -1.
  Record run(llvm::StringRef level, int64_t changed) {
    int64_t rows = int64_t(ids.size());
    Bytes state(arenaBytes + kvBytes, 0);
    Record record{{}, Bytes(rows * gemcut_f32_row_bytes(vocabulary), 0)};
    Snapshots &snapshots = record.snapshots;
    snapshots.bytes = state.size();
    snapshots.most = list->barriers;
    snapshots.memory = static_cast<uint8_t *>(
        allocateShared(size_t(snapshots.bytes * snapshots.most)));
    if (changed >= 0) {
      const Stage &stage = list->stages.at(changed);
      const Place &output = stage.buffers.back();
      snapshots.changedStage = stage.barrier;
      snapshots.changedByte =
          output.offset + (rows - 1) * output.type.getRowBytes();
    }
    std::vector<int32_t> positions(ids.size()), slots(ids.size());
    for (size_t i = 0; i < ids.size(); ++i)
      positions[i] = int32_t(i);
    gemcut_step step = {};
    step.weights = weights.data();
    step.arena = state.data();
    step.kv = state.data() + arenaBytes;
    step.tokens = ids.data();
    step.positions = positions.data();
    step.slots = slots.data();
    step.rows = rows;
    step.logits = record.logits.at<float>(0);
    CompiledKernel kernel(text, findLevel(level));
    kernel.run("decode", step, /*threads=*/1, snapshots);
    return record;
  }

  void print(Record &a, Record &b) const {
    for (auto [number, stage] : llvm::enumerate(list->stages)) {
      for (const Place &place : stage.buffers)
        if (isWritten(stage, place, a) || isWritten(stage, place, b))
          fmt::print(
              "{:4} {:3} {:14} {:3} {:5} {}\n", number, stage.layer, stage.name,
              kernel::stringifyElement(place.type.getElement()).str(),
              place.type.getColumns(), compare(stage, place, a, b).text());
    }
    for (size_t row = 0; row < ids.size(); ++row) {
      const float *one = rowOf(a, row), *other = rowOf(b, row);
      Difference difference;
      difference.add({one, one + vocabulary}, {other, other + vocabulary});
      fmt::print("logits of row {}: {}\n", row, difference.text());
    }
  }

private:
  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<kernel::KernelDialect, mlir::func::FuncDialect,
                    mlir::arith::ArithDialect>();
    return registry;
  }

  const float *rowOf(Record &record, size_t row) const {
    return record.logits.at<float>(int64_t(row) *
                                   gemcut_f32_row_bytes(vocabulary));
  }

  static const uint8_t *stateBehind(const Record &record, int64_t barrier) {
    return record.snapshots.memory + barrier * record.snapshots.bytes;
  }

  /// Whether the stage changed the rows of a buffer. Behind the first barrier
  /// everything counts that is not zero.
  bool isWritten(const Stage &stage, const Place &place,
                 const Record &record) const {
    std::vector<uint8_t> zeros(record.snapshots.bytes);
    const uint8_t *after = stateBehind(record, stage.barrier),
                  *before = stage.barrier
                                ? stateBehind(record, stage.barrier - 1)
                                : zeros.data();
    for (int64_t row = 0; row < int64_t(ids.size()); ++row) {
      int64_t at = place.offset + row * place.type.getRowBytes();
      if (std::memcmp(before + at, after + at, usedBytes(place.type)))
        return true;
    }
    return false;
  }

  static int64_t usedBytes(kernel::BufferType type) {
    return type.getElement() == kernel::Element::F32 ? 4 * type.getColumns()
                                                     : type.getRowBytes();
  }

  Difference compare(const Stage &stage, const Place &place, const Record &a,
                     const Record &b) const {
    Difference difference;
    for (int64_t row = 0; row < int64_t(ids.size()); ++row)
      difference.add(readRow(stateBehind(a, stage.barrier), place, row),
                     readRow(stateBehind(b, stage.barrier), place, row));
    return difference;
  }

  std::string text;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp entry;
  std::unique_ptr<StageList> list;
  Bytes weights;
  std::vector<int32_t> ids;
  int64_t arenaBytes = 0, kvBytes = 0, vocabulary = 0;
};

} // namespace

int main(int argc, char **argv) {
  if (argc < 5 || argc > 7) {
    fmt::print(stderr, "usage: compare_levels PROGRAM.mlir EXECUTABLE LEVEL "
                       "LEVEL [IDS [STAGE]]\n");
    return 2;
  }
  auto program = llvm::MemoryBuffer::getFile(argv[1]);
  if (!program)
    llvm::report_fatal_error(llvm::StringRef(argv[1]) + ": cannot be read");
  std::vector<int32_t> ids;
  SmallVector<llvm::StringRef> words;
  llvm::StringRef(argc > 5 ? argv[5] : "2,17,93,5").split(words, ',');
  for (llvm::StringRef word : words)
    ids.push_back(std::atoi(word.str().c_str()));
  if (ids.size() > 8)
    llvm::report_fatal_error("a decode step has at most 8 rows");
  Comparison comparison((*program)->getBuffer().str(), argv[2], ids);
  Record a = comparison.run(argv[3], /*changed=*/-1);
  Record b = comparison.run(argv[4], argc > 6 ? std::atoi(argv[6]) : -1);
  comparison.print(a, b);
  return 0;
}
