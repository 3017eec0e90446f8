//===- Attention.cpp - How threads share out attention --------------------===//
//
// What a chunk is: kernel.attention. The rows of a chunk are computed together
// if they are of one slot and at consecutive positions, which a prompt's rows
// are and other rows may be.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/AttentionKernel.h"
#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/packed_layout.h"
#include "runtime/abi/step.h"

#include <cstddef>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

/// Chunks per thread and row block that keys are shared out in, so that the
/// last ones even out threads.
constexpr int64_t kPartsPerThread = 4;
/// Blocks of keys that a part should at least have: 128 keys.
constexpr int64_t kPartBlocks = 4;

class AttentionStage {
public:
  AttentionStage(StageEmitter &e, kernel::AttentionOp op)
      : e(e), op(op), cache(op.getCache().getType()),
        output(op.getOutput().getType()), headDim(cache.getHeadDim()),
        groupHeads(int64_t(op.getHeads()) / cache.getHeads()),
        quantized(output.getElement() == kernel::Element::Q8) {}

  void build() {
    firstPosition = e.load(e.i64Type(),
                           e.at(e.getContext().step,
                                int64_t(offsetof(gemcut_step, first_position))),
                           8);
    switch (op.getPartition()->getDim()) {
    case kernel::PartitionDim::Rows:
      return buildByRows();
    case kernel::PartitionDim::Heads:
      return buildByHeads();
    case kernel::PartitionDim::Keys:
      return buildByKeys();
    case kernel::PartitionDim::Tiles:
      llvm_unreachable("attention has no weight tiles");
    }
  }

private:
  StageEmitter &e;
  kernel::AttentionOp op;
  kernel::CacheType cache;
  kernel::BufferType output;
  int64_t headDim, groupHeads;
  bool quantized;
  Value firstPosition;

  /// A row at a time; a q8 row is assembled in f32 first.
  void buildByRows() {
    Value scratch = e.stack(4 * output.getColumns());
    forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
      Value target = e.rowAddress(op.getOutput(), row);
      e.loop(e.i64(0), e.i64(cache.getHeads()), 1, [&](Value kvHead) {
        Value column = e.mul(kvHead, groupHeads * headDim);
        Block block{row, e.i64(1), kvHead};
        AttentionShape shape = getShape(/*rows=*/1);
        shape.q8Columns = 0;
        call(shape, block, visible(block),
             e.at(quantized ? scratch : target, e.mul(column, 4)));
      });
      if (quantized)
        emitQuantizeRow(e, scratch, target, output.getColumns());
    });
  }

  void buildByHeads() {
    int64_t most = op.getPartition()->getSize();
    Value blocks = e.ceilDiv(e.get(op.getRows()), most);
    e.forChunks(e.mul(blocks, cache.getHeads()), [&](Value chunk) {
      Value index = e.div(chunk, cache.getHeads());
      forBlocks(index, e.rem(chunk, cache.getHeads()),
                [&](const Block &block, int64_t rows) {
                  Value target = e.rowAddress(op.getOutput(), block.row);
                  if (!quantized)
                    target = e.at(target, e.mul(firstColumn(block), 4));
                  call(getShape(rows), block, visible(block), target);
                });
    });
    padRows();
  }

  void buildByKeys() {
    int64_t most = op.getPartition()->getSize();
    Value parts = countParts();
    Value blocks =
        e.mul(e.ceilDiv(e.get(op.getRows()), most), cache.getHeads());
    e.forChunks(e.mul(blocks, parts), [&](Value chunk) {
      Value group = e.div(chunk, parts), part = e.rem(chunk, parts);
      forBlocks(e.div(group, cache.getHeads()), e.rem(group, cache.getHeads()),
                [&](const Block &block, int64_t rows) {
                  AttentionShape shape = getShape(rows);
                  shape.partial = true;
                  shape.q8Columns = 0;
                  shape.outputRowBytes =
                      op.getPartials().getType().getRowBytes();
                  Value head = e.mul(block.kvHead, groupHeads);
                  call(shape, block, cut(visible(block), part, parts),
                       partialAddress(block.row, part, head));
                });
    });
    mergeParts(parts);
  }

  //===--------------------------------------------------------------------===//
  // Rows that are computed together
  //===--------------------------------------------------------------------===//

  /// Rows row ... row + rows - 1 of one slot, at consecutive positions.
  struct Block {
    Value row, rows, kvHead;
  };

  Value positionPair(Value row) { return e.rowAddress(op.getPositions(), row); }
  Value slotOf(Value row) { return e.toI64(e.loadI32(positionPair(row))); }
  Value positionOf(Value row) {
    return e.toI64(e.loadI32(e.at(positionPair(row), 4)));
  }

  /// Runs `body` for row block `index`, at once or row by row, with the most
  /// rows of such a block.
  void forBlocks(Value index, Value kvHead,
                 function_ref<void(const Block &, int64_t)> body) {
    int64_t most = op.getPartition()->getSize();
    Value row = e.mul(index, most);
    if (most == 1)
      return body({row, e.i64(1), kvHead}, 1);
    Value rows = e.min(e.sub(e.get(op.getRows()), row), e.i64(most));
    e.ifElse(
        isRun(row, rows), [&] { body({row, rows, kvHead}, most); },
        [&] {
          e.loop(row, e.add(row, rows), 1,
                 [&](Value one) { body({one, e.i64(1), kvHead}, 1); });
        });
  }

  /// True if `rows` rows from `row` are of one slot at consecutive positions.
  Value isRun(Value row, Value rows) {
    Value slot = slotOf(row), start = positionOf(row);
    Value differences =
        e.loop(e.i64(1), rows, 1, {e.i64(0)},
               [&](Value i, ValueRange carried) -> Emitter::Values {
                 Value other = e.add(row, i);
                 Value difference =
                     e.bitOr(e.bitXor(slotOf(other), slot),
                             e.bitXor(positionOf(other), e.add(start, i)));
                 return {e.bitOr(carried[0], difference)};
               })[0];
    return e.equal(differences, e.i64(0));
  }

  //===--------------------------------------------------------------------===//
  // Keys
  //===--------------------------------------------------------------------===//

  /// Blocks of keys begin ... end - 1.
  struct KeyRange {
    Value begin, end;
  };

  KeyRange visible(const Block &block) {
    Value position = positionOf(block.row);
    Value first = firstPosition;
    if (cache.getWindow())
      first = e.max(first, e.sub(position, cache.getWindow() - 1));
    Value last = e.add(position, e.sub(block.rows, 1));
    return {e.div(first, GEMCUT_KV_BLOCK),
            e.add(e.div(last, GEMCUT_KV_BLOCK), 1)};
  }

  /// One thread needs no parts.
  Value countParts() {
    Value threads = e.toI64(e.loadI32(
        e.at(e.getContext().team, int64_t(offsetof(gemcut_team, threads)))));
    Value wanted = e.min(e.mul(threads, kPartsPerThread),
                         e.i64(kernel::AttentionOp::kMostParts));
    return e.select(e.less(e.i64(1), threads), wanted, e.i64(1));
  }

  /// Part `part` of `parts`; the last ones may be empty.
  KeyRange cut(KeyRange range, Value part, Value parts) {
    Value count = e.sub(range.end, range.begin);
    Value size =
        e.max(e.div(e.add(count, e.sub(parts, 1)), parts), e.i64(kPartBlocks));
    Value begin = e.min(e.add(range.begin, e.mul(part, size)), range.end);
    return {begin, e.min(e.add(begin, size), range.end)};
  }

  Value partialAddress(Value row, Value part, Value head) {
    int64_t bytes = kernel::AttentionOp::getPartialBytes(headDim);
    return e.at(
        e.rowAddress(op.getPartials(), row),
        e.add(e.mul(part, int64_t(op.getHeads()) * bytes), e.mul(head, bytes)));
  }

  void mergeParts(Value parts) {
    int64_t heads = op.getHeads(), columns = output.getColumns();
    int64_t bytes = kernel::AttentionOp::getPartialBytes(headDim);
    func::FuncOp merge = getAttentionMerge(e, headDim, quantized ? columns : 0);
    e.forChunks(e.mul(e.get(op.getRows()), heads), [&](Value chunk) {
      Value row = e.div(chunk, heads), head = e.rem(chunk, heads);
      Value target = e.rowAddress(op.getOutput(), row);
      if (!quantized)
        target = e.at(target, e.mul(head, 4 * headDim));
      else if (columns % GEMCUT_TILE_K_MULTIPLE)
        e.ifThen(e.equal(head, e.i64(heads - 1)),
                 [&] { emitZeroPaddingGroup(e, target, columns); });
      e.call(merge,
             {partialAddress(row, e.i64(0), head), parts, e.i64(heads * bytes),
              target, e.mul(head, headDim / GEMCUT_GROUP)});
    });
  }

  //===--------------------------------------------------------------------===//
  // Calls
  //===--------------------------------------------------------------------===//

  Value firstColumn(const Block &block) {
    return e.mul(block.kvHead, groupHeads * headDim);
  }

  /// Of a call for up to `rows` rows that writes the stage's output.
  AttentionShape getShape(int64_t rows) {
    AttentionShape shape{};
    shape.heads = groupHeads;
    shape.headDim = headDim;
    shape.format = cache.getFormat();
    shape.window = cache.getWindow();
    shape.capacity = cache.getCapacity();
    shape.rows = rows;
    shape.queryRowBytes = op.getQuery().getType().getRowBytes();
    shape.outputRowBytes = output.getRowBytes();
    shape.q8Columns = quantized ? output.getColumns() : 0;
    return shape;
  }

  void call(const AttentionShape &shape, const Block &block, KeyRange range,
            Value target) {
    Value keys = e.at(e.get(op.getCache()),
                      e.add(e.mul(slotOf(block.row), e.getKvSlotBytes()),
                            e.mul(block.kvHead, cache.getKeyOffset(1))));
    Value values = e.at(keys, cache.getValueOffset(0));
    Value column = firstColumn(block);
    Value query =
        e.at(e.rowAddress(op.getQuery(), block.row), e.mul(column, 4));
    e.call(getAttention(e, shape),
           {query, keys, values, firstPosition, positionOf(block.row),
            block.rows, range.begin, range.end, target,
            e.div(column, GEMCUT_GROUP)});
  }

  /// Zeroes the padding group of q8 rows.
  void padRows() {
    if (!quantized || output.getColumns() % GEMCUT_TILE_K_MULTIPLE == 0)
      return;
    e.forChunks(e.get(op.getRows()), [&](Value row) {
      emitZeroPaddingGroup(e, e.rowAddress(op.getOutput(), row),
                           output.getColumns());
    });
  }
};

} // namespace

void gemcut::targets::buildAttention(StageEmitter &e, kernel::AttentionOp op) {
  AttentionStage(e, op).build();
}
