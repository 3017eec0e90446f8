//===- StageWork.cpp - What a stage moves and computes --------------------===//

#include "passes/Kernel/StageWork.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

/// Bytes of one row's elements, without what a stride skips.
static int64_t getUsedRowBytes(BufferType type) {
  return type.getElement() == Element::F32
             ? gemcut_f32_row_bytes(type.getColumns())
             : type.getRowBytes();
}

static int64_t getElementBytes(Format format) {
  switch (format) {
  case Format::F32:
    return 4;
  case Format::BF16:
    return 2;
  case Format::Int8:
    return 1;
  default:
    llvm_unreachable("caches have no other formats");
  }
}

/// K and V of one position.
static int64_t getPositionBytes(CacheType cache) {
  return 2 * cache.getHeads() * cache.getHeadDim() *
         getElementBytes(cache.getFormat());
}

static Arithmetic getArithmetic(Format format) {
  switch (format) {
  case Format::F32:
    return Arithmetic::F32;
  case Format::BF16:
    return Arithmetic::Bf16;
  default:
    return Arithmetic::Int8;
  }
}

/// Bytes that reading one row of a table touches. A row of a tiled matrix is
/// one of 16 lanes, and every cache line of the tile holds all lanes.
static int64_t getTableRowBytes(WeightType table) {
  return table.getLayout() == Layout::Rows
             ? table.getTableRowBytes()
             : gemcut_tile_bytes(toAbi(table.getFormat()), table.getColumns());
}

template <typename ProductOp>
static void addProduct(StageWork &work, ProductOp op) {
  WeightType weight = op.getWeight().getType();
  work.macsPerRow = weight.getRows() * weight.getColumns();
  work.arithmetic = op.getInput().getType().getElement() == Element::F32
                        ? Arithmetic::F32
                        : Arithmetic::Int8;
}

/// Bytes of `buffer` for each row of a step of at most `stepRows` rows.
static int64_t getBytesPerStepRow(BufferType buffer, int64_t stepRows) {
  return getUsedRowBytes(buffer) * (buffer.getRows() / stepRows);
}

static void addRoute(StageWork &work, RouteOp op) {
  // The numbers of the groups, written once and read once.
  work.bufferBytesPerRow -= getUsedRowBytes(op.getGroups().getType());
  work.bufferBytesPerRow += 8 * op.getWeights().getType().getColumns();
}

static void addGroupRows(StageWork &work, GroupRowsOp op) {
  int64_t stepRows = op.getInput().getType().getRows();
  work.bufferBytesPerRow =
      getUsedRowBytes(op.getInput().getType()) +
      getBytesPerStepRow(op.getOutput().getType(), stepRows);
  work.chunksPerBlock = op.getChosen();
}

static void addExpertQuantize(StageWork &work, ExpertQuantizeOp op) {
  int64_t chosen = op.getChosen();
  int64_t stepRows = op.getOutput().getType().getRows() / chosen;
  work.bufferBytesPerRow =
      getBytesPerStepRow(op.getInput().getType(), stepRows) +
      getBytesPerStepRow(op.getOutput().getType(), stepRows);
  work.chunksPerBlock = chosen;
}

template <typename ExpertOp>
static void addExperts(StageWork &work, ExpertOp op) {
  WeightType weight = op.getWeight().getType();
  int64_t chosen = op.getChosen();
  int64_t stepRows = op.getInput().getType().getRows() / chosen;
  work.weightBytes = 0;
  work.expertBytes = weight.getByteSize() / int64_t(op.getExperts());
  work.experts = op.getExperts();
  work.expertsPerRow = chosen;
  work.macsPerRow = chosen * (weight.getRows() / int64_t(op.getExperts())) *
                    weight.getColumns();
  work.arithmetic = op.getInput().getType().getElement() == Element::F32
                        ? Arithmetic::F32
                        : Arithmetic::Int8;
  work.bufferBytesPerRow =
      getBytesPerStepRow(op.getInput().getType(), stepRows) +
      getBytesPerStepRow(op.getOutput().getType(), stepRows);
}

static void addAttention(StageWork &work, AttentionOp op) {
  CacheType cache = op.getCache().getType();
  work.cacheReadBytesPerPosition = getPositionBytes(cache);
  work.window = cache.getWindow();
  work.macsPerRowPosition = 2 * int64_t(op.getHeads()) * cache.getHeadDim();
  work.arithmetic = getArithmetic(cache.getFormat());
  // How many parts there are, and so their bytes, depends on the threads.
  if (op.getPartials())
    work.bufferBytesPerRow -= getUsedRowBytes(op.getPartials().getType());
}

/// Tiles of output that a product's chunks share out; pairs if interleaved.
static int64_t getOutputTiles(WeightType weight) {
  int64_t rows = weight.getLayout() == Layout::Interleaved
                     ? weight.getRows() / 2
                     : weight.getRows();
  return gemcut_round_up(rows, GEMCUT_TILE_ROWS) / GEMCUT_TILE_ROWS;
}

/// Matrices in the weight of a stage.
static int64_t getExperts(StageOpInterface stage) {
  auto op = dyn_cast<ExpertSumOp>(stage.getOperation());
  return op ? int64_t(op.getExperts()) : 1;
}

static void addChunks(StageWork &work, StageOpInterface stage,
                      PartitionAttr partition) {
  switch (partition.getDim()) {
  case PartitionDim::Rows:
    work.chunksPerBlock = std::max<int64_t>(work.chunksPerBlock, 1);
    work.rowsPerBlock = partition.getSize();
    return;
  case PartitionDim::Heads:
  case PartitionDim::Keys: {
    auto op = cast<AttentionOp>(stage.getOperation());
    work.chunksPerBlock = op.getCache().getType().getHeads();
    if (partition.getDim() == PartitionDim::Keys)
      work.chunksPerBlock *= AttentionOp::kMostParts;
    work.rowsPerBlock = partition.getSize();
    return;
  }
  case PartitionDim::Tiles:
    if (auto op = dyn_cast<ExpertGatedOp>(stage.getOperation())) {
      // Every group has its own, and no row has more groups than experts.
      work.chunksPerBlock =
          int64_t(op.getChosen()) *
          llvm::divideCeil(getOutputTiles(op.getWeight().getType()) /
                               int64_t(op.getExperts()),
                           partition.getSize());
      work.rowsPerBlock = 1;
      return;
    }
    for (Value operand : stage->getOperands())
      if (auto weight = dyn_cast<WeightType>(operand.getType()))
        work.chunks = llvm::divideCeil(
            getOutputTiles(weight) / getExperts(stage), partition.getSize());
    return;
  }
}

StageWork gemcut::kernel::getStageWork(StageOpInterface stage) {
  StageWork work;
  for (Value operand : stage->getOperands()) {
    if (auto buffer = dyn_cast<BufferType>(operand.getType()))
      work.bufferBytesPerRow += getUsedRowBytes(buffer);
    else if (auto weight = dyn_cast<WeightType>(operand.getType()))
      work.weightBytes += weight.getByteSize();
  }
  TypeSwitch<Operation *>(stage.getOperation())
      .Case([&](GatherOp op) {
        work.weightBytes = 0;
        work.tableBytesPerRow = getTableRowBytes(op.getTable().getType());
      })
      .Case([&](AdaptOp op) { work.weightBytes = 0; }) // without an adapter
      .Case([&](GemvOp op) { addProduct(work, op); })
      .Case([&](GemmOp op) { addProduct(work, op); })
      .Case([&](UpperBoundsOp op) { addProduct(work, op); })
      .Case([&](RescoreOp op) { // a row is a tile
        WeightType weight = op.getWeight().getType();
        work.weightBytes = 0;
        work.tableBytesPerRow =
            gemcut_tile_bytes(toAbi(weight.getFormat()), weight.getColumns());
        work.macsPerRow = GEMCUT_TILE_ROWS * weight.getColumns();
        work.arithmetic = Arithmetic::Int8;
      })
      .Case([&](AttentionOp op) { addAttention(work, op); })
      .Case([&](RouteOp op) { addRoute(work, op); })
      .Case([&](GroupRowsOp op) { addGroupRows(work, op); })
      .Case([&](ExpertQuantizeOp op) { addExpertQuantize(work, op); })
      .Case([&](ExpertGatedOp op) { addExperts(work, op); })
      .Case([&](ExpertSumOp op) { addExperts(work, op); })
      .Case<PrepareKvOp, PrepareQkvOp>([&](auto op) {
        work.cacheWrittenBytesPerRow =
            getPositionBytes(op.getCache().getType());
      });
  if (PartitionAttr partition = stage.getStagePartition())
    addChunks(work, stage, partition);
  return work;
}

namespace {

/// Follows calls and keeps what the values of a function stand for.
class RunCollector {
public:
  void collect(func::FuncOp function, int64_t functionLayer,
               ArrayRef<int64_t> argumentRows) {
    int64_t calledLayer = functionLayer;
    auto getRows = [&](Value rows) -> int64_t {
      if (auto argument = dyn_cast<BlockArgument>(rows))
        return argument.getArgNumber() < argumentRows.size()
                   ? argumentRows[argument.getArgNumber()]
                   : 0;
      APInt constant;
      return matchPattern(rows, m_ConstantInt(&constant))
                 ? constant.getSExtValue()
                 : 0;
    };
    for (Operation &op : function.getBody().front()) {
      if (auto count = dyn_cast<CountRowsOp>(op))
        calledLayer = int64_t(count.getLayer());
      else if (auto stage = dyn_cast<StageOpInterface>(op))
        runs.push_back({stage, functionLayer, getRows(stage.getStageRows())});
      else if (auto call = dyn_cast<func::CallOp>(op))
        collectCall(call, calledLayer, getRows);
    }
  }

  SmallVector<StageRun> runs;

private:
  void collectCall(func::CallOp call, int64_t layer,
                   function_ref<int64_t(Value)> getRows) {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        call, call.getCalleeAttr());
    if (!callee || callee.isExternal())
      return;
    SmallVector<int64_t> rows;
    for (Value operand : call.getOperands())
      rows.push_back(operand.getType().isInteger(64) ? getRows(operand) : 0);
    collect(callee, layer, rows);
  }
};

} // namespace

SmallVector<StageRun> gemcut::kernel::getStageRuns(func::FuncOp entry) {
  RunCollector collector;
  collector.collect(entry, /*functionLayer=*/-1, /*argumentRows=*/{});
  return std::move(collector.runs);
}
