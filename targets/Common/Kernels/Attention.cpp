//===- Attention.cpp - One row's query heads over its slot's cache --------===//
//
// Formula: gemma.attention. Cache layouts: runtime/abi/packed_layout.h.
//
// A block of query heads of one KV head walks the visible positions in blocks
// of 16 keys (lanes), two blocks at a time where registers allow, so that each
// broadcast query element or probability feeds two multiply-adds. Softmax is
// online: sums are relative to the largest score so far and rescaled when it
// grows. While scores are computed the block's values are fetched, and while
// values are added the next block's keys are.
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
        blocks(level.vectorBits >= 512 ? 2 : 1), query(arguments[0]),
        keys(arguments[1]), values(arguments[2]), first(arguments[3]),
        last(arguments[4]), output(arguments[5]), group(arguments[6]) {
    int64_t perVector = kLanes * 32 / level.vectorBits;
    chains = 2 * heads * blocks * perVector <= level.registers / 2 ? 2 : 1;
  }

  void build() {
    sums = e.stack(heads * headDim * 4 + kVectorBytes);
    largest = e.stack(heads * kVectorBytes);
    totals = e.stack(heads * kVectorBytes);
    probabilities = e.stack(heads * blocks * kVectorBytes);
    e.forColumns(heads * headDim, [&](Value column, int64_t lanes) {
      storeColumns(e, e.splat(0.0f, lanes), sums, column);
    });
    for (int64_t h = 0; h < heads; ++h) {
      e.store(e.f32(-std::numeric_limits<float>::infinity()),
              e.at(largest, h * kVectorBytes));
      e.store(e.splat(0.0f), e.at(totals, h * kVectorBytes), kVectorBytes);
    }
    e.loop(e.div(first, kLanes), e.add(e.div(last, kLanes), 1), blocks,
           [&](Value block) { addKeys(block); });
    finish();
  }

private:
  using Values = Emitter::Values;

  Emitter &e;
  int64_t heads, headDim;
  const AttentionShape &shape;
  bool bf16;
  int64_t blocks; ///< key blocks walked together
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

  void addKeys(Value block) {
    Values offsets, ahead, starts;
    for (int64_t i = 0; i < blocks; ++i) {
      Value own = e.add(block, i);
      offsets.push_back(blockOffset(own));
      ahead.push_back(blockOffset(e.add(own, blocks)));
      starts.push_back(e.mul(own, kLanes));
    }
    Values scores = dotKeys(offsets);
    for (int64_t i = 0; i < blocks; ++i) {
      Value mask = visible(starts[i]);
      for (int64_t h = 0; h < heads; ++h) {
        Value &score = scores[h * blocks + i];
        score = e.select(mask, score,
                         e.splat(-std::numeric_limits<float>::infinity()));
      }
    }
    raiseLargest(scores);
    storeProbabilities(scores);
    addValues(offsets, ahead, starts);
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

  void prefetchPair(Value address) {
    for (int64_t line = 0; line < pairBytes(); line += kVectorBytes)
      e.prefetch(e.at(address, line));
  }

  /// scores[h * blocks + i]: head h with the 16 keys of block i.
  Values dotKeys(ValueRange offsets) {
    int64_t count = heads * blocks;
    Values dots = e.loop(
        e.i64(0), e.i64(headDim / 2), 1, Values(count * chains, e.splat(0.0f)),
        [&](Value pair, ValueRange carried) {
          Values dots(carried);
          Value offset = e.mul(pair, pairBytes());
          SmallVector<std::pair<Value, Value>> lanes;
          for (Value block : offsets) {
            Value inBlock = e.add(block, offset);
            lanes.push_back(loadPair(e.at(keys, inBlock), kVectorBytes));
            prefetchPair(e.at(values, inBlock));
          }
          Value elements = e.at(query, e.mul(pair, 8));
          for (int64_t h = 0; h < heads; ++h)
            for (int64_t part = 0; part < 2; ++part) {
              Value element = e.broadcast(
                  e.loadF32(e.at(elements, 4 * (h * headDim + part))));
              for (int64_t i = 0; i < blocks; ++i) {
                Value key = part ? lanes[i].second : lanes[i].first;
                Value &dot = dots[part % chains * count + h * blocks + i];
                dot = e.fma(key, element, dot);
              }
            }
          return dots;
        });
    if (chains == 2)
      for (int64_t i = 0; i < count; ++i)
        dots[i] = e.add(dots[i], dots[count + i]);
    dots.resize(count);
    return dots;
  }

  //===--------------------------------------------------------------------===//
  // Softmax
  //===--------------------------------------------------------------------===//

  void raiseLargest(ValueRange scores) {
    for (int64_t h = 0; h < heads; ++h) {
      Value most = scores[h * blocks];
      for (int64_t i = 1; i < blocks; ++i)
        most = e.max(most, scores[h * blocks + i]);
      Value candidate = e.reduceMax(most);
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
      Value sum = e.loadVec(total, kLanes, 64);
      for (int64_t i = 0; i < blocks; ++i) {
        Value p = e.exp(e.sub(scores[h * blocks + i], most));
        e.store(p, probability(i, h), 64);
        sum = e.add(sum, p);
      }
      e.store(sum, total, 64);
    }
  }

  Value probability(int64_t block, int64_t head) {
    return e.at(probabilities, (block * heads + head) * kVectorBytes);
  }

  //===--------------------------------------------------------------------===//
  // Weighted values
  //===--------------------------------------------------------------------===//

  void addValues(ValueRange offsets, ValueRange ahead, ValueRange starts) {
    // Pairs of positions with a visible one, per block.
    SmallVector<std::pair<Value, Value>> pairs;
    for (Value start : starts) {
      Value zero = e.i64(0), most = e.i64(kLanes);
      Value low = e.min(e.max(e.sub(first, start), zero), most);
      Value high = e.max(e.min(e.add(e.sub(last, start), 1), most), zero);
      pairs.push_back({e.div(low, 2), e.div(e.add(high, 1), 2)});
    }
    int64_t step = blocks * kLanes, full = headDim / step * step;
    if (full)
      e.loop(e.i64(0), e.i64(full), step, [&](Value column) {
        addColumns(column, SmallVector<int64_t>(blocks, kLanes), offsets,
                   pairs);
        // The keys ahead have as many lines as these values.
        Value done = e.mul(column, blockBytes() / headDim);
        for (Value block : ahead) {
          Value target = e.at(keys, e.add(block, done));
          for (int64_t line = 0; line < step * blockBytes() / headDim;
               line += kVectorBytes)
            e.prefetch(e.at(target, line));
        }
      });
    for (int64_t column = full; column < headDim; column += kLanes)
      addColumns(e.i64(column), {std::min(kLanes, headDim - column)}, offsets,
                 pairs);
  }

  /// sums[h, column ...] += p V for adjacent vectors of `lanes` columns each.
  void addColumns(Value column, ArrayRef<int64_t> lanes, ValueRange offsets,
                  ArrayRef<std::pair<Value, Value>> pairs) {
    int64_t width = lanes.size();
    auto sumAt = [&](int64_t h, int64_t part) {
      return e.at(e.at(sums, e.mul(column, 4)),
                  4 * (h * headDim + part * kLanes));
    };
    Values added;
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t part = 0; part < width; ++part)
        added.push_back(e.loadVec(sumAt(h, part), lanes[part]));
    // A pair of positions has 4 D bytes as bf16, two rows of 4 D as f32.
    int64_t pairStride = bf16 ? 4 * headDim : 8 * headDim;
    for (auto [i, offset] : llvm::enumerate(offsets)) {
      Value block = e.at(e.at(values, offset), e.mul(column, 4));
      added =
          e.loop(pairs[i].first, pairs[i].second, 1, added,
                 [&, i = i](Value pair, ValueRange carried) {
                   Values sums(carried);
                   Value line = e.at(block, e.mul(pair, pairStride));
                   SmallVector<std::pair<Value, Value>> v;
                   for (int64_t part = 0; part < width; ++part)
                     v.push_back(loadPair(e.at(line, part * kVectorBytes),
                                          4 * headDim, lanes[part]));
                   for (int64_t h = 0; h < heads; ++h)
                     for (int64_t half = 0; half < 2; ++half) {
                       Value p = e.loadF32(e.at(
                           e.at(probability(i, h), e.mul(pair, 8)), 4 * half));
                       for (int64_t part = 0; part < width; ++part) {
                         Value value = half ? v[part].second : v[part].first;
                         Value &sum = sums[h * width + part];
                         sum = e.fma(value, e.broadcast(p, lanes[part]), sum);
                       }
                     }
                   return sums;
                 });
    }
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t part = 0; part < width; ++part)
        e.store(added[h * width + part], sumAt(h, part));
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
