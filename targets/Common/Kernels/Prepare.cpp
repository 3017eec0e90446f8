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
        format(type.getFormat()) {
    Value slot = e.toI64(e.loadI32(positions));
    Value position = e.toI64(e.loadI32(e.at(positions, 4)));
    Value base = e.at(e.get(cache), e.mul(slot, e.getKvSlotBytes()));
    Value entry = e.rem(position, type.getCapacity());
    int64_t blockBytes = gemcut_kv_block_bytes(toAbi(format), headDim);
    Value block = e.at(base, e.mul(e.div(entry, kBlock), blockBytes));
    inBlock = e.rem(entry, kBlock);
    keys = e.at(block, e.mul(inBlock, 4));
    values = e.at(block, type.getValueOffset(0));
  }

  /// Stores head_dim f32 values at `source` as the key of head `head` (i64).
  void storeKey(Value source, Value head) {
    Value base = e.at(keys, e.mul(head, type.getKeyOffset(1)));
    Int8Scale scale;
    if (format == Format::Int8) {
      scale = int8Scale(e, largestMagnitude(e, source, headDim));
      e.store(scale.scale, e.at(base, kBlock * headDim));
    }
    // One word is one f32, the bf16 of two dimensions, or four bytes.
    int64_t depth = 4 / elementBytes();
    e.forColumns(headDim, [&](Value column, int64_t lanes) {
      Value x = loadColumns(e, source, column, lanes);
      Value words = x;
      if (format == Format::BF16)
        words = joinLanes(e.f32ToBf16Bits(x), lanes, depth);
      else if (format == Format::Int8)
        words = joinLanes(unsignedLanes(x, scale.inverse), lanes, depth);
      Value target = e.at(base, e.mul(column, kLineBytes / depth));
      for (int64_t i = 0; i < lanes / depth; ++i)
        e.store(e.extract(words, i), e.at(target, i * kLineBytes));
    });
  }

  /// Stores rms_norm of the head_dim f32 values at `source`, given its inverse
  /// RMS, as the value of head `head` (i64); without `inverse` the values as
  /// they are.
  void storeValue(Value source, Value inverse, Value head) {
    Value base = e.at(values, e.mul(head, type.getKeyOffset(1)));
    Int8Scale scale;
    if (format == Format::Int8) {
      Value most = largestMagnitude(e, source, headDim);
      scale = int8Scale(e, inverse ? e.mul(most, inverse) : most);
      e.store(scale.scale,
              e.at(e.at(base, kBlock * headDim), e.mul(inBlock, 4)));
    }
    auto store = [&](Value column, int64_t lanes, Value target) {
      Value x = loadColumns(e, source, column, lanes);
      if (inverse)
        x = e.mul(x, e.broadcast(inverse, lanes));
      if (format == Format::BF16)
        storeLowParts(e.f32ToBf16Bits(x), lanes, target);
      else if (format == Format::Int8)
        storeLowParts(unsignedLanes(x, scale.inverse), lanes, target);
      else
        e.store(x, target);
    };
    int64_t groups = headDim / kBlock, rest = headDim % kBlock;
    int64_t groupBytes = kBlock * kBlock * elementBytes();
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
  Format format;
  Value inBlock;      // position in its block
  Value keys, values; // of head 0, the block's values

  /// Offset in a group of `width` V columns of the position's first element.
  Value lineOffset(int64_t width) {
    int64_t depth = 4 / elementBytes();
    return e.add(e.mul(e.div(inBlock, depth), 4 * width),
                 e.mul(e.rem(inBlock, depth), elementBytes()));
  }

  int64_t elementBytes() const {
    return format == Format::F32 ? 4 : format == Format::BF16 ? 2 : 1;
  }

  /// Quantized lanes as the cache keeps them, in the low bytes.
  Value unsignedLanes(Value x, Value inverse) {
    int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
    return e.add(quantizeLanes(e, x, inverse), e.splatI32(128, lanes));
  }

  /// Words of the low parts of `depth` adjacent i32 lanes each.
  Value joinLanes(Value bits, int64_t lanes, int64_t depth) {
    Value words;
    for (int64_t part = 0; part < depth; ++part) {
      SmallVector<int64_t> picked;
      for (int64_t lane = part; lane < lanes; lane += depth)
        picked.push_back(lane);
      Value shifted =
          e.shiftLeft(e.shuffle(bits, bits, picked), part * 32 / depth);
      words = part ? e.bitOr(words, shifted) : shifted;
    }
    return words;
  }

  /// Stores the low elements of i32 lanes 4 bytes apart. The bytes between them
  /// belong to other rows, so they are masked, not rewritten.
  void storeLowParts(Value bits, int64_t lanes, Value target) {
    OpBuilder &builder = e.getBuilder();
    int64_t depth = 4 / elementBytes();
    SmallVector<bool> mask(depth * lanes);
    for (int64_t i = 0; i < lanes; ++i)
      mask[depth * i] = true;
    Type element = builder.getIntegerType(8 * elementBytes());
    Value parts = e.bitcast(bits, e.vecType(element, depth * lanes));
    Value constant = arith::ConstantOp::create(
        builder, e.getLoc(),
        DenseElementsAttr::get(e.vecType(builder.getI1Type(), depth * lanes),
                               ArrayRef<bool>(mask)));
    LLVM::MaskedStoreOp::create(builder, e.getLoc(), parts, target, constant,
                                /*alignment=*/elementBytes());
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

/// Key and value heads of one row, behind `queryHeads` query heads. Values
/// follow the keys, or are the keys.
template <typename PrepareOp>
void prepareKeysValues(StageEmitter &e, PrepareOp op, HeadEmitter &head,
                       int64_t queryHeads, Value row, Value scratch) {
  kernel::CacheType type = op.getCache().getType();
  int64_t inputHeads = op.getInput().getType().getColumns() / type.getHeadDim();
  bool hasValues = inputHeads == queryHeads + 2 * type.getHeads();
  Value table = e.rowAddress(op.getTable(), row);
  int64_t pairs = op.getTable().getType().getColumns() / 2;
  int64_t headBytes = 4 * type.getHeadDim();
  Value source = e.at(e.rowAddress(op.getInput(), row), headBytes * queryHeads);
  CacheEntry entry(e, op.getCache(), e.rowAddress(op.getPositions(), row));
  e.loop(e.i64(0), e.i64(type.getHeads()), 1, [&](Value index) {
    Value key = e.at(source, e.mul(index, headBytes));
    head.rotated(key, e.get(op.getKNorm()), table, pairs, scratch);
    entry.storeKey(scratch, index);
    Value value = e.at(key, hasValues ? type.getHeads() * headBytes : 0);
    entry.storeValue(value, op.getRawValues() ? Value() : head.inverse(value),
                     index);
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
    prepareKeysValues(e, op, head, /*queryHeads=*/0, row, scratch);
  });
}

void gemcut::targets::buildPrepareQkv(StageEmitter &e,
                                      kernel::PrepareQkvOp op) {
  int64_t headDim = op.getCache().getType().getHeadDim();
  HeadEmitter head(e, headDim, op.getEps().convertToFloat());
  Value scratch = e.stack(4 * headDim);
  forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
    prepareQuery(e, op, head, headDim, row);
    prepareKeysValues(e, op, head, int64_t(op.getHeads()), row, scratch);
  });
}
