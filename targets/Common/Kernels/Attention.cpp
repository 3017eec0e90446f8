//===- Attention.cpp - One row's query heads over its slot's cache --------===//
//
// Formula: gemma.attention. Cache layouts: runtime/abi/packed_layout.h.
//
// A block of query heads of one KV head walks the visible positions in blocks
// of 16 keys (lanes). Softmax is online: sums are relative to the largest score
// so far and rescaled when it grows.
//
// While the scores of a block are computed its values are fetched, line by line
// and in order, and while the values are added the next block's keys are:
// values are used in another order than they lie in memory. Measured on Zen 5,
// November 2026, one core, 4 heads of 512 dimensions, 4096 positions from
// memory: 35 to 40 GB/s of the plain read's 41, three times as fast as without
// fetching. Two key blocks at a time would share broadcasts, 10 % faster from
// cache, but not reach that rate from memory.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/packed_layout.h"
#include "runtime/abi/step.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstddef>
#include <limits>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kVectorBytes = 64;

/// What one attention function computes.
struct AttentionShape {
  int64_t heads;     ///< query heads of the block
  int64_t headDim;   ///< D
  Format format;     ///< of the cache
  int64_t capacity;  ///< positions of the cache
  int64_t q8Columns; ///< columns of the q8 output row; 0: f32 output
};

/// Body of
///
///   void f(query, keys, values, first, last, output, group)
///
/// query: (heads, D) f32; keys, values: regions of one KV head in one slot;
/// first, last: visible positions; output: (heads, D) f32, or a q8 row whose
/// groups from `group` are written.
class AttentionKernel {
public:
  AttentionKernel(Emitter &e, const IsaLevel &level,
                  const AttentionShape &shape, ValueRange arguments)
      : e(e), heads(shape.heads), headDim(shape.headDim), shape(shape),
        bf16(shape.format == Format::BF16),
        width(level.vectorBits >= 512 ? 2 : 1), query(arguments[0]),
        keys(arguments[1]), values(arguments[2]), first(arguments[3]),
        last(arguments[4]), output(arguments[5]), group(arguments[6]) {
    int64_t perVector = kLanes * 32 / level.vectorBits;
    chains = 2 * heads * perVector <= level.registers / 2 ? 2 : 1;
  }

  void build() {
    sums = e.stack(heads * headDim * 4 + kVectorBytes);
    largest = e.stack(heads * kVectorBytes);
    totals = e.stack(heads * kVectorBytes);
    probabilities = e.stack(heads * kVectorBytes);
    e.forColumns(heads * headDim, [&](Value column, int64_t lanes) {
      storeColumns(e, e.splat(0.0f, lanes), sums, column);
    });
    for (int64_t h = 0; h < heads; ++h) {
      e.store(e.f32(-std::numeric_limits<float>::infinity()),
              e.at(largest, h * kVectorBytes));
      e.store(e.splat(0.0f), e.at(totals, h * kVectorBytes), kVectorBytes);
    }
    e.loop(e.div(first, kLanes), e.add(e.div(last, kLanes), 1), 1,
           [&](Value block) { addKeys(block); });
    finish();
  }

private:
  using Values = Emitter::Values;

  Emitter &e;
  int64_t heads, headDim;
  const AttentionShape &shape;
  bool bf16;
  int64_t width;  ///< vectors of V columns per pass, which share broadcasts
  int64_t chains; ///< independent sums per score
  Value query, keys, values, first, last, output, group;
  /// On the stack: (heads, D) f32 weighted values; per head the largest score,
  /// 16 partial sums of exponentials, and the exponentials of the keys at hand.
  Value sums, largest, totals, probabilities;

  int64_t blockBytes() const { return kLanes * headDim * (bf16 ? 2 : 4); }

  /// The block's offset in the K and V regions, which have equal sizes.
  Value blockOffset(Value block) {
    return e.mul(e.rem(block, shape.capacity / kLanes), blockBytes());
  }

  /// Adds the visible keys of positions 16 * block ... + 15.
  void addKeys(Value block) {
    Value offset = blockOffset(block), ahead = blockOffset(e.add(block, 1));
    Value start = e.mul(block, kLanes);
    Values scores = dotKeys(offset);
    Value mask = visible(start);
    Value hidden = e.splat(-std::numeric_limits<float>::infinity());
    for (Value &score : scores)
      score = e.select(mask, score, hidden);
    raiseLargest(scores);
    storeProbabilities(scores);
    addValues(offset, ahead, start);
  }

  /// Which of the 16 positions from `start` the row sees.
  Value visible(Value start) {
    Value lane = e.iota();
    auto relative = [&](Value position) {
      // Distances beyond a few blocks are alike; clamping makes them fit i32.
      Value distance =
          e.max(e.min(e.sub(position, start), e.i64(kLanes)), e.i64(-1));
      return e.broadcast(e.convert(distance, e.i32Type()));
    };
    return e.bitAnd(e.lessEqual(relative(first), lane),
                    e.lessEqual(lane, relative(last)));
  }

  //===--------------------------------------------------------------------===//
  // Scores
  //===--------------------------------------------------------------------===//

  /// f32 lanes of the two parts of a 64-byte line of bf16 pairs; for f32, of
  /// two lines `lineBytes` apart.
  std::pair<Value, Value> loadPair(Value line, int64_t lineBytes,
                                   int64_t lanes = kLanes) {
    int64_t alignment = lanes == kLanes && headDim % kLanes == 0 ? 64 : 4;
    if (!bf16)
      return {e.loadVec(line, lanes, alignment),
              e.loadVec(e.at(line, lineBytes), lanes, alignment)};
    Value words = e.load(e.vecType(e.i32Type(), lanes), line, alignment);
    return {e.lowBf16ToF32(words), e.highBf16ToF32(words)};
  }

  /// Lines of K (and of V) that belong to one pair of dimensions.
  int64_t pairBytes() const { return bf16 ? kVectorBytes : 2 * kVectorBytes; }

  void prefetchLines(Value address, int64_t bytes) {
    for (int64_t line = 0; line < bytes; line += kVectorBytes)
      e.prefetch(e.at(address, line));
  }

  /// The scores of every head with the 16 keys at `block` of the K region.
  Values dotKeys(Value block) {
    Value blockKeys = e.at(keys, block), blockValues = e.at(values, block);
    Values dots = e.loop(
        e.i64(0), e.i64(headDim / 2), 1, Values(heads * chains, e.splat(0.0f)),
        [&](Value pair, ValueRange carried) {
          Values dots(carried);
          Value offset = e.mul(pair, pairBytes());
          auto [low, high] = loadPair(e.at(blockKeys, offset), kVectorBytes);
          prefetchLines(e.at(blockValues, offset), pairBytes());
          Value elements = e.at(query, e.mul(pair, 8));
          for (int64_t h = 0; h < heads; ++h)
            for (int64_t part = 0; part < 2; ++part) {
              Value element = e.broadcast(
                  e.loadF32(e.at(elements, 4 * (h * headDim + part))));
              Value &dot = dots[part % chains * heads + h];
              dot = e.fma(part ? high : low, element, dot);
            }
          return dots;
        });
    if (chains == 2)
      for (int64_t h = 0; h < heads; ++h)
        dots[h] = e.add(dots[h], dots[heads + h]);
    dots.resize(heads);
    return dots;
  }

  //===--------------------------------------------------------------------===//
  // Softmax
  //===--------------------------------------------------------------------===//

  void raiseLargest(ValueRange scores) {
    for (int64_t h = 0; h < heads; ++h) {
      Value candidate = e.reduceMax(scores[h]);
      Value slot = e.at(largest, h * kVectorBytes);
      Value before = e.loadF32(slot);
      e.ifThen(e.less(before, candidate), [&] {
        // The first time `before` is -inf and the factor 0.
        Value factor = e.exp(e.broadcast(e.sub(before, candidate)));
        Value total = e.at(totals, h * kVectorBytes);
        e.store(e.mul(e.loadVec(total, kLanes, 64), factor), total, 64);
        scaleColumns(e.at(sums, 4 * h * headDim), e.extract(factor, 0),
                     e.at(sums, 4 * h * headDim));
        e.store(candidate, slot);
      });
    }
  }

  void storeProbabilities(ValueRange scores) {
    for (int64_t h = 0; h < heads; ++h) {
      Value most = e.broadcast(e.loadF32(e.at(largest, h * kVectorBytes)));
      Value total = e.at(totals, h * kVectorBytes);
      Value p = e.exp(e.sub(scores[h], most));
      e.store(p, probability(h), 64);
      e.store(e.add(e.loadVec(total, kLanes, 64), p), total, 64);
    }
  }

  Value probability(int64_t head) {
    return e.at(probabilities, head * kVectorBytes);
  }

  //===--------------------------------------------------------------------===//
  // Weighted values
  //===--------------------------------------------------------------------===//

  void addValues(Value block, Value ahead, Value start) {
    // Pairs of positions of which the row sees one.
    Value zero = e.i64(0), most = e.i64(kLanes);
    Value begin = e.min(e.max(e.sub(first, start), zero), most);
    Value end = e.max(e.min(e.add(e.sub(last, start), 1), most), zero);
    Value firstPair = e.div(begin, 2), endPair = e.div(e.add(end, 1), 2);
    auto addPart = [&](Value column, ArrayRef<int64_t> lanes) {
      addColumns(column, lanes, block, ahead, firstPair, endPair);
    };
    int64_t step = width * kLanes, full = headDim / step * step;
    SmallVector<int64_t> whole(width, kLanes);
    e.loop(zero, e.i64(full), step,
           [&](Value column) { addPart(column, whole); });
    for (int64_t column = full; column < headDim; column += kLanes)
      addPart(e.i64(column), {std::min(kLanes, headDim - column)});
  }

  /// sums[h, column ...] += p V for adjacent vectors of `lanes` columns each.
  void addColumns(Value column, ArrayRef<int64_t> lanes, Value block,
                  Value ahead, Value firstPair, Value endPair) {
    int64_t vectors = lanes.size();
    auto sumAt = [&](int64_t h, int64_t i) {
      return e.at(e.at(sums, e.mul(column, 4)), 4 * (h * headDim + i * kLanes));
    };
    Values added;
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < vectors; ++i)
        added.push_back(e.loadVec(sumAt(h, i), lanes[i]));
    // A pair of positions has 4 D bytes as bf16, two rows of 4 D as f32.
    int64_t pairStride = bf16 ? 4 * headDim : 8 * headDim;
    Value source = e.at(e.at(values, block), e.mul(column, 4));
    // The next block's keys take as many bytes as this block's values, and
    // these columns of one pair of positions stand for a run of their lines.
    Value nextKeys =
        e.at(e.at(keys, ahead), e.mul(column, blockBytes() / headDim));
    int64_t nextBytes = vectors * pairBytes();
    added = e.loop(
        firstPair, endPair, 1, added, [&](Value pair, ValueRange carried) {
          Values sums(carried);
          prefetchLines(e.at(nextKeys, e.mul(pair, nextBytes)), nextBytes);
          Value line = e.at(source, e.mul(pair, pairStride));
          SmallVector<std::pair<Value, Value>> v;
          for (int64_t i = 0; i < vectors; ++i)
            v.push_back(
                loadPair(e.at(line, i * kVectorBytes), 4 * headDim, lanes[i]));
          for (int64_t h = 0; h < heads; ++h)
            for (int64_t part = 0; part < 2; ++part) {
              Value p = e.loadF32(
                  e.at(e.at(probability(h), e.mul(pair, 8)), 4 * part));
              for (int64_t i = 0; i < vectors; ++i) {
                Value &sum = sums[h * vectors + i];
                sum = e.fma(part ? v[i].second : v[i].first,
                            e.broadcast(p, lanes[i]), sum);
              }
            }
          return sums;
        });
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < vectors; ++i)
        e.store(added[h * vectors + i], sumAt(h, i));
  }

  //===--------------------------------------------------------------------===//
  // Output
  //===--------------------------------------------------------------------===//

  /// target[d] = source[d] * factor for one head.
  void scaleColumns(Value source, Value factor, Value target) {
    e.forColumns(headDim, [&](Value column, int64_t lanes) {
      storeColumns(e,
                   e.mul(loadColumns(e, source, column, lanes),
                         e.broadcast(factor, lanes)),
                   target, column);
    });
  }

  void finish() {
    for (int64_t h = 0; h < heads; ++h) {
      Value total =
          e.reduceAdd(e.loadVec(e.at(totals, h * kVectorBytes), kLanes, 64));
      Value head = e.at(sums, 4 * h * headDim);
      scaleColumns(head, e.divF(e.f32(1.0f), total),
                   shape.q8Columns ? head : e.at(output, 4 * h * headDim));
    }
    if (!shape.q8Columns)
      return;
    e.loop(e.i64(0), e.i64(heads * headDim / GEMCUT_GROUP), 1, [&](Value g) {
      Value column = e.mul(g, GEMCUT_GROUP);
      emitQuantizeGroup(e, loadColumns(e, sums, column),
                        loadColumns(e, sums, e.add(column, kLanes)), output,
                        e.add(group, g), shape.q8Columns);
    });
  }
};

/// A private function of the module for `shape`, shared by all stages.
func::FuncOp getAttention(StageEmitter &e, const AttentionShape &shape) {
  std::string name =
      ("gemcut_attention_" + stringifyFormat(shape.format) + "_h" +
       llvm::Twine(shape.heads) + "_d" + llvm::Twine(shape.headDim) + "_c" +
       llvm::Twine(shape.capacity) + "_q" + llvm::Twine(shape.q8Columns))
          .str();
  Type ptr = e.ptrType(), i64 = e.i64Type();
  FunctionType type =
      e.getBuilder().getFunctionType({ptr, ptr, ptr, i64, i64, ptr, i64}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        AttentionKernel(body, e.getIsa().getLevel(), shape, arguments).build();
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  function->setAttr("passthrough",
                    e.getBuilder().getStrArrayAttr({"noinline"}));
  return function;
}

/// The stage around the function: which heads of which row.
class AttentionStage {
public:
  AttentionStage(StageEmitter &e, kernel::AttentionOp op)
      : e(e), op(op), cache(op.getCache().getType()),
        output(op.getOutput().getType()), headDim(cache.getHeadDim()),
        groupHeads(int64_t(op.getHeads()) / cache.getHeads()),
        quantized(output.getElement() == kernel::Element::Q8) {}

  void build() {
    Value firstPosition =
        e.load(e.i64Type(),
               e.at(e.getContext().step,
                    int64_t(offsetof(gemcut_step, first_position))),
               8);
    if (op.getPartition()->getDim() == kernel::PartitionDim::Heads)
      return buildByHeads(firstPosition);
    // A row at a time; a q8 row is assembled in f32 first.
    int64_t block = 4;
    while (groupHeads % block)
      --block;
    Value scratch;
    if (quantized)
      scratch = e.stack(4 * output.getColumns());
    forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
      Value target = e.rowAddress(op.getOutput(), row);
      Value result = quantized ? scratch : target;
      e.loop(e.i64(0), e.i64(int64_t(op.getHeads()) / block), 1,
             [&](Value index) {
               callBlock(firstPosition, row, index, block, result,
                         /*q8Columns=*/0);
             });
      if (quantized)
        emitQuantizeRow(e, scratch, target, output.getColumns());
    });
  }

private:
  StageEmitter &e;
  kernel::AttentionOp op;
  kernel::CacheType cache;
  kernel::BufferType output;
  int64_t headDim, groupHeads;
  bool quantized;

  void buildByHeads(Value firstPosition) {
    int64_t block = op.getHeadBlock();
    assert(block && "kernel-partition-stages keeps such stages by rows");
    int64_t perRow = int64_t(op.getHeads()) / block;
    Value chunks = e.mul(e.get(op.getRows()), perRow);
    e.forChunks(chunks, [&](Value chunk) {
      Value row = e.div(chunk, perRow), index = e.rem(chunk, perRow);
      Value target = e.rowAddress(op.getOutput(), row);
      int64_t columns = output.getColumns();
      callBlock(firstPosition, row, index, block, target,
                quantized ? columns : 0);
      if (quantized && columns % GEMCUT_TILE_K_MULTIPLE)
        e.ifThen(e.equal(index, e.i64(perRow - 1)),
                 [&] { emitZeroPaddingGroup(e, target, columns); });
    });
  }

  /// Query heads index * block ... of a row, to the same heads of `target`.
  void callBlock(Value firstPosition, Value row, Value index, int64_t block,
                 Value target, int64_t q8Columns) {
    Value pair = e.rowAddress(op.getPositions(), row);
    Value slot = e.toI64(e.loadI32(pair));
    Value last = e.toI64(e.loadI32(e.at(pair, 4)));
    Value first = firstPosition;
    if (cache.getWindow())
      first = e.max(first, e.sub(last, cache.getWindow() - 1));
    Value kvHead = e.div(index, groupHeads / block);
    Value keys =
        e.at(e.get(op.getCache()), e.add(e.mul(slot, e.getKvSlotBytes()),
                                         e.mul(kvHead, cache.getKeyOffset(1))));
    Value values = e.at(keys, cache.getValueOffset(0));
    Value column = e.mul(index, block * headDim);
    Value query = e.at(e.rowAddress(op.getQuery(), row), e.mul(column, 4));
    Value result = q8Columns ? target : e.at(target, e.mul(column, 4));
    AttentionShape shape{block, headDim, cache.getFormat(), cache.getCapacity(),
                         q8Columns};
    e.call(getAttention(e, shape), {query, keys, values, first, last, result,
                                    e.div(column, GEMCUT_GROUP)});
  }
};

} // namespace

void gemcut::targets::buildAttention(StageEmitter &e, kernel::AttentionOp op) {
  AttentionStage(e, op).build();
}
