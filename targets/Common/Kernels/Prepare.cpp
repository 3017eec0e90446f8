//===- Prepare.cpp - Head norms, rotation, cache writes -------------------===//
//
// Formulas: gemma.prepare_qkv. Cache layouts: runtime/abi/packed_layout.h.
// Rows of one step may share a 64-byte line of the cache and be written by
// different threads, so a row writes its own bytes only. Chunks of several rows
// keep threads from writing the same lines in turns.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/RowMath.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kBlock = GEMCUT_KV_BLOCK;
/// Bytes of K that hold one word of each position of a block.
constexpr int64_t kLineBytes = 4 * kBlock;

/// Norms one head after another and rotates query and key heads.
class HeadEmitter {
public:
  HeadEmitter(StageEmitter &e, int64_t headDim, float eps)
      : e(e), headDim(headDim), eps(eps) {}

  /// target = rope(rms_norm(source; weight), table row); all f32, head_dim
  /// values. `pairs` is how many pairs the table rotates.
  void rotated(Value source, Value weight, Value table, int64_t pairs,
               Value target) {
    Value inverse = rowInverseRms(e, source, headDim, eps);
    int64_t half = headDim / 2;
    auto normed = [&](Value column, int64_t lanes) {
      Value x = e.mul(loadColumns(e, source, column, lanes),
                      e.broadcast(inverse, lanes));
      return e.mul(x, loadColumns(e, weight, column, lanes));
    };
    e.forColumns(pairs, [&](Value pair, int64_t lanes) {
      Value partner = e.add(pair, half);
      Value a = normed(pair, lanes), b = normed(partner, lanes);
      Value cosine = loadColumns(e, table, pair, lanes);
      Value sine = loadColumns(e, table, e.add(pair, pairs), lanes);
      storeColumns(e, e.sub(e.mul(a, cosine), e.mul(b, sine)), target, pair);
      storeColumns(e, e.fma(b, cosine, e.mul(a, sine)), target, partner);
    });
    e.forColumns(half - pairs, [&](Value rest, int64_t lanes) {
      for (int64_t first : {pairs, pairs + half}) {
        Value column = e.add(rest, first);
        storeColumns(e, normed(column, lanes), target, column);
      }
    });
  }

  Value inverse(Value source) { return rowInverseRms(e, source, headDim, eps); }

private:
  StageEmitter &e;
  int64_t headDim;
  float eps;
};

/// The entry of one row in a layer's cache.
class CacheEntry {
public:
  /// `positions`: address of the row's (slot, position).
  CacheEntry(StageEmitter &e, TypedValue<kernel::CacheType> cache,
             Value positions)
      : e(e), type(cache.getType()), headDim(type.getHeadDim()),
        bf16(type.getFormat() == Format::BF16) {
    Value slot = e.toI64(e.loadI32(positions));
    Value position = e.toI64(e.loadI32(e.at(positions, 4)));
    Value base = e.at(e.get(cache), e.mul(slot, e.getKvSlotBytes()));
    Value entry = e.rem(position, type.getCapacity());
    int64_t blockBytes = kBlock * headDim * (bf16 ? 2 : 4);
    Value block = e.at(base, e.mul(e.div(entry, kBlock), blockBytes));
    inBlock = e.rem(entry, kBlock);
    keys = e.at(block, e.mul(inBlock, 4));
    values = e.at(block, type.getValueOffset(0));
  }

  /// Stores head_dim f32 values at `source` as the key of head `head` (i64).
  void storeKey(Value source, Value head) {
    Value base = e.at(keys, e.mul(head, type.getKeyOffset(1)));
    e.forColumns(headDim, [&](Value column, int64_t lanes) {
      Value x = loadColumns(e, source, column, lanes);
      // One word is one f32, or the bf16 of two dimensions.
      Value words = bf16 ? pairWords(x, lanes) : x;
      int64_t count = bf16 ? lanes / 2 : lanes;
      Value target = e.at(base, e.mul(column, kLineBytes / (bf16 ? 2 : 1)));
      for (int64_t i = 0; i < count; ++i)
        e.store(e.extract(words, i), e.at(target, i * kLineBytes));
    });
  }

  /// Stores rms_norm of the head_dim f32 values at `source`, given its inverse
  /// RMS, as the value of head `head` (i64).
  void storeValue(Value source, Value inverse, Value head) {
    Value base = e.at(values, e.mul(head, type.getKeyOffset(1)));
    auto store = [&](Value column, int64_t lanes, Value target) {
      Value x = e.mul(loadColumns(e, source, column, lanes),
                      e.broadcast(inverse, lanes));
      if (bf16)
        storeEveryOther(e.f32ToBf16Bits(x), lanes, target);
      else
        e.store(x, target);
    };
    int64_t groups = headDim / kBlock, rest = headDim % kBlock;
    int64_t groupBytes = kBlock * kBlock * (bf16 ? 2 : 4);
    e.loop(e.i64(0), e.i64(groups), 1, [&](Value group) {
      Value target = e.at(e.at(base, e.mul(group, groupBytes)),
                          lineOffset(/*width=*/kBlock));
      for (int64_t at = 0; at < kBlock; at += kLanes)
        store(e.add(e.mul(group, kBlock), at), kLanes, e.at(target, 4 * at));
    });
    if (!rest)
      return;
    Value target = e.at(e.at(base, groups * groupBytes), lineOffset(rest));
    for (int64_t at = 0; at < rest; at += kLanes)
      store(e.i64(groups * kBlock + at), std::min(kLanes, rest - at),
            e.at(target, 4 * at));
  }

private:
  StageEmitter &e;
  kernel::CacheType type;
  int64_t headDim;
  bool bf16;
  Value inBlock;      // position in its block
  Value keys, values; // of head 0, the block's values

  /// Offset in a group of `width` V columns of the position's first element.
  Value lineOffset(int64_t width) {
    if (!bf16)
      return e.mul(inBlock, 4 * width);
    return e.add(e.mul(e.div(inBlock, 2), 4 * width),
                 e.mul(e.rem(inBlock, 2), 2));
  }

  Value pairWords(Value x, int64_t lanes) {
    Value bits = e.f32ToBf16Bits(x);
    SmallVector<int64_t> even, odd;
    for (int64_t i = 0; i < lanes; i += 2) {
      even.push_back(i);
      odd.push_back(i + 1);
    }
    return e.bitOr(e.shuffle(bits, bits, even),
                   e.shiftLeft(e.shuffle(bits, bits, odd), 16));
  }

  /// Stores the low halves of i32 lanes 4 bytes apart. The bytes between them
  /// belong to another row, so they are masked, not rewritten.
  void storeEveryOther(Value bits, int64_t lanes, Value target) {
    OpBuilder &builder = e.getBuilder();
    SmallVector<bool> mask(2 * lanes);
    for (int64_t i = 0; i < lanes; ++i)
      mask[2 * i] = true;
    Value halves = e.bitcast(bits, e.vecType(builder.getI16Type(), 2 * lanes));
    Value constant = arith::ConstantOp::create(
        builder, e.getLoc(),
        DenseElementsAttr::get(e.vecType(builder.getI1Type(), 2 * lanes),
                               ArrayRef<bool>(mask)));
    LLVM::MaskedStoreOp::create(builder, e.getLoc(), halves, target, constant,
                                /*alignment=*/2);
  }
};

/// Query heads of one row.
template <typename PrepareOp>
void prepareQuery(StageEmitter &e, PrepareOp op, HeadEmitter &head,
                  int64_t headDim, Value row) {
  Value source = e.rowAddress(op.getInput(), row);
  Value table = e.rowAddress(op.getTable(), row);
  Value target = e.rowAddress(op.getOutput(), row);
  int64_t pairs = op.getTable().getType().getColumns() / 2;
  e.loop(e.i64(0), e.i64(op.getHeads()), 1, [&](Value index) {
    Value first = e.mul(index, 4 * headDim);
    head.rotated(e.at(source, first), e.get(op.getQNorm()), table, pairs,
                 e.at(target, first));
  });
}

/// Key and value heads of one row; `source` is the row's first key head.
template <typename PrepareOp>
void prepareKeysValues(StageEmitter &e, PrepareOp op, HeadEmitter &head,
                       Value row, Value source, Value scratch) {
  kernel::CacheType type = op.getCache().getType();
  Value table = e.rowAddress(op.getTable(), row);
  int64_t pairs = op.getTable().getType().getColumns() / 2;
  int64_t headBytes = 4 * type.getHeadDim();
  CacheEntry entry(e, op.getCache(), e.rowAddress(op.getPositions(), row));
  e.loop(e.i64(0), e.i64(type.getHeads()), 1, [&](Value index) {
    Value key = e.at(source, e.mul(index, headBytes));
    head.rotated(key, e.get(op.getKNorm()), table, pairs, scratch);
    entry.storeKey(scratch, index);
    Value value = e.at(key, type.getHeads() * headBytes);
    entry.storeValue(value, head.inverse(value), index);
  });
}

} // namespace

void gemcut::targets::buildPrepareQ(StageEmitter &e, kernel::PrepareQOp op) {
  int64_t headDim = op.getQNorm().getType().getColumns();
  HeadEmitter head(e, headDim, op.getEps().convertToFloat());
  forRows(e, e.get(op.getRows()), *op.getPartition(),
          [&](Value row) { prepareQuery(e, op, head, headDim, row); });
}

void gemcut::targets::buildPrepareKv(StageEmitter &e, kernel::PrepareKvOp op) {
  int64_t headDim = op.getCache().getType().getHeadDim();
  HeadEmitter head(e, headDim, op.getEps().convertToFloat());
  Value scratch = e.stack(4 * headDim);
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    prepareKeysValues(e, op, head, row, e.rowAddress(op.getInput(), row),
                      scratch);
  });
}

void gemcut::targets::buildPrepareQkv(StageEmitter &e,
                                      kernel::PrepareQkvOp op) {
  int64_t headDim = op.getCache().getType().getHeadDim();
  HeadEmitter head(e, headDim, op.getEps().convertToFloat());
  Value scratch = e.stack(4 * headDim);
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    prepareQuery(e, op, head, headDim, row);
    Value keys = e.at(e.rowAddress(op.getInput(), row),
                      4 * headDim * int64_t(op.getHeads()));
    prepareKeysValues(e, op, head, row, keys, scratch);
  });
}
