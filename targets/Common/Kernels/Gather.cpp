//===- Gather.cpp - Rows of a packed table --------------------------------===//
//
// Layouts: runtime/abi/packed_layout.h. A row of a tiled table is one lane of
// the tile: its 4-byte words lie 64 bytes apart.
//
//===----------------------------------------------------------------------===//

#include "targets/Common/Kernels/MicroKernel.h"
#include "targets/Common/Kernels/RowMath.h"

#include "runtime/abi/packed_layout.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cstddef>
#include <numeric>

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

/// Bytes between words of one lane.
constexpr int64_t kWordStride = 64;

class Gather {
public:
  Gather(StageEmitter &e, kernel::GatherOp op)
      : e(e), op(op), table(op.getTable().getType()),
        columns(table.getColumns()), scale(op.getScale().convertToFloat()) {}

  void build() {
    forRows(e, e.get(op.getRows()), *op.getPartition(), [&](Value row) {
      Value id = e.toI64(e.loadI32(e.rowAddress(op.getIds(), row)));
      target = e.rowAddress(op.getOutput(), row);
      if (table.getLayout() == kernel::Layout::Rows)
        gatherRow(id);
      else
        gatherLane(id);
    });
  }

private:
  StageEmitter &e;
  kernel::GatherOp op;
  kernel::WeightType table;
  int64_t columns;
  float scale;
  Value target;

  Type i8Type() { return e.getBuilder().getI8Type(); }
  Type i16Type() { return e.getBuilder().getI16Type(); }

  void storeScaled(Value values, Value column) {
    int64_t lanes = cast<VectorType>(values.getType()).getNumElements();
    storeColumns(e, e.mul(values, e.splat(scale, lanes)), target, column);
  }

  Value loadHalf(Value address) {
    return e.toF32(e.load(e.getBuilder().getF16Type(), address, 2));
  }

  void storeQuants(Value quants, Value groupScale, Value column) {
    storeColumns(e, e.mul(e.toF32(quants), e.broadcast(groupScale)), target,
                 column);
  }

  Value bf16ToF32(Value i16Lanes) {
    return e.lowBf16ToF32(e.convert(i16Lanes, e.i32Type()));
  }

  void gatherRow(Value id) {
    Format format = table.getFormat();
    int64_t rowBytes = table.getTableRowBytes();
    int64_t blockRows = gemcut_table_block_rows(rowBytes);
    Value block = e.mul(e.div(id, blockRows),
                        gemcut_table_row_offset(rowBytes, blockRows));
    Value source = e.at(e.at(e.get(op.getTable()), block),
                        e.mul(e.rem(id, blockRows), rowBytes));
    if (hasRowScales(format))
      return gatherScaledBlocks(source);
    if (format == Format::Int8) {
      e.loop(e.i64(0), e.i64(columns / GEMCUT_GROUP), 1, [&](Value group) {
        Value s = e.mul(loadHalf(e.at(e.at(source, columns), e.mul(group, 2))),
                        e.f32(scale));
        for (int64_t half = 0; half < GEMCUT_GROUP; half += kLanes) {
          Value column = e.add(e.mul(group, GEMCUT_GROUP), half);
          storeQuants(e.load(e.vecType(i8Type()), e.at(source, column), 16), s,
                      column);
        }
      });
      return;
    }
    e.forColumns(columns, [&](Value column, int64_t lanes) {
      if (format == Format::F32)
        return storeScaled(loadColumns(e, source, column, lanes), column);
      Value bits = e.load(e.vecType(i16Type(), lanes),
                          e.at(source, e.mul(column, 2)), 2);
      storeScaled(bf16ToF32(bits), column);
    });
  }

  /// A row in a format with row scales: blocks of columns under one scale.
  void gatherScaledBlocks(Value source) {
    gemcut_format format = toAbi(table.getFormat());
    int64_t bits = gemcut_row_format_bits(format);
    int64_t blockColumns = columns / table.getScales();
    Value scales = e.at(source, gemcut_table_scales_offset(format, columns));
    e.loop(e.i64(0), e.i64(table.getScales()), 1, [&](Value block) {
      Value s = e.mul(e.loadF32(e.at(scales, e.mul(block, 4))), e.f32(scale));
      Value first = e.mul(block, blockColumns);
      e.loop(e.i64(0), e.i64(blockColumns), kLanes, [&](Value inBlock) {
        Value column = e.add(first, inBlock);
        Value bytes = e.at(source, e.div(e.mul(column, bits), 8));
        storeQuants(loadPackedQuants(bytes, bits), s, column);
      });
    });
  }

  /// 16 quants as i32 that lie one after another from `address` on.
  Value loadPackedQuants(Value address, int64_t bits) {
    if (bits == 8)
      return e.load(e.vecType(i8Type()), address, 1);
    int64_t perWord = 32 / bits, words = kLanes / perWord;
    Value packed = e.load(e.vecType(e.i32Type(), words), address, 1);
    SmallVector<int64_t> word;
    SmallVector<int32_t> shift;
    for (int64_t i = 0; i < kLanes; ++i) {
      word.push_back(i / perWord);
      shift.push_back(int32_t(i % perWord * bits));
    }
    Value shifts = arith::ConstantOp::create(
        e.getBuilder(), e.getLoc(),
        DenseElementsAttr::get(e.vecType(e.i32Type()),
                               ArrayRef<int32_t>(shift)));
    Value moved = arith::ShRUIOp::create(
        e.getBuilder(), e.getLoc(), e.shuffle(packed, packed, word), shifts);
    return e.sub(e.bitAnd(moved, e.splatI32((1 << bits) - 1)),
                 e.splatI32(1 << (bits - 1)));
  }

  /// `count` words of a lane, the first at `address`.
  Value loadWords(Type element, Value address, int64_t count) {
    SmallVector<Value> words;
    for (int64_t i = 0; i < count; ++i)
      words.push_back(e.load(element, e.at(address, i * kWordStride), 4));
    return vector::FromElementsOp::create(e.getBuilder(), e.getLoc(),
                                          e.vecType(element, count), words);
  }

  Value loadBytes(Value address) {
    return e.bitcast(loadWords(e.i32Type(), address, 4), e.vecType(i8Type()));
  }

  void gatherLane(Value id) {
    Format format = table.getFormat();
    int64_t tileBytes = gemcut_tile_bytes(toAbi(format), columns);
    Value tile = e.at(e.get(op.getTable()),
                      e.mul(e.div(id, GEMCUT_TILE_ROWS), tileBytes));
    Value lane = e.rem(id, GEMCUT_TILE_ROWS);
    Value words = e.at(tile, e.mul(lane, 4));
    if (hasRowScales(format))
      return gatherRowScaleLane(words);
    if (isQuantized(format)) {
      Value rowScale = e.f32(scale);
      if (format == Format::Int4)
        rowScale = e.mul(e.loadF32(words), rowScale);
      return e.loop(
          e.i64(0), e.i64(columns / GEMCUT_GROUP), 1,
          [&](Value group) { gatherGroup(tile, lane, rowScale, group); });
    }
    // Columns are padded to 64, so whole vectors can be read at the tail.
    bool bf16 = format == Format::BF16;
    e.forColumns(columns, [&](Value column, int64_t lanes) {
      Value source = e.at(words, e.mul(column, bf16 ? 32 : 64));
      Value values =
          bf16 ? bf16ToF32(e.bitcast(loadWords(e.i32Type(), source, 8),
                                     e.vecType(i16Type())))
               : loadWords(e.f32Type(), source, kLanes);
      if (lanes < kLanes) {
        SmallVector<int64_t> kept(lanes);
        std::iota(kept.begin(), kept.end(), 0);
        values = e.shuffle(values, values, kept);
      }
      storeScaled(values, column);
    });
  }

  /// A lane of a tile in a format with row scales, whose words begin at
  /// `words`.
  void gatherRowScaleLane(Value words) {
    constexpr int64_t kBlock = 64;
    int64_t bits = gemcut_row_format_bits(toAbi(table.getFormat()));
    int64_t blockBytes = kBlock * GEMCUT_TILE_ROWS * bits / 8;
    Value s =
        e.mul(e.loadF32(e.at(
                  words, int64_t(offsetof(gemcut_row_tile_header, scales)))),
              e.f32(scale));
    Value blocks = e.at(words, int64_t(sizeof(gemcut_row_tile_header)));
    // Sixteen columns are one field of four vectors.
    auto gatherBlock = [&](Value block, int64_t count) {
      Value base = e.at(blocks, e.mul(block, blockBytes));
      for (int64_t piece = 0; piece < count / kLanes; ++piece) {
        int64_t fields = 8 / bits, field = piece % fields;
        Value bytes =
            e.convert(loadBytes(e.at(base, piece / fields * 4 * kWordStride)),
                      e.i32Type());
        Value top = e.shiftLeft(bytes, 32 - bits * (field + 1));
        Value quants = arith::ShRSIOp::create(e.getBuilder(), e.getLoc(), top,
                                              e.splatI32(int32_t(32 - bits)));
        storeQuants(quants, s, e.add(e.mul(block, kBlock), piece * kLanes));
      }
    };
    e.loop(e.i64(0), e.i64(columns / kBlock), 1,
           [&](Value block) { gatherBlock(block, kBlock); });
    if (columns % kBlock)
      gatherBlock(e.i64(columns / kBlock), columns % kBlock);
  }

  /// The scale of a group, whose scales are at `address`.
  Value laneScale(Value address, Value lane, Value rowScale) {
    if (table.getFormat() != Format::Int4)
      return e.mul(loadHalf(e.at(address, e.mul(lane, 2))), rowScale);
    Value code = e.load(i8Type(), e.at(address, lane), 1);
    Value bits = e.add(emitScaleCodeBits(e, code), e.i32(127 << 23));
    return e.mul(e.bitcast(bits, e.f32Type()), rowScale);
  }

  /// Group `group` of a lane of a tile whose quants have groups.
  void gatherGroup(Value tile, Value lane, Value rowScale, Value group) {
    bool nibbles = isNibbles(table.getFormat());
    gemcut_block block = gemcut_block_of(toAbi(table.getFormat()));
    Value start =
        e.at(e.at(tile, block.header_bytes),
             e.mul(e.div(group, block.groups), gemcut_block_bytes(block)));
    Value inBlock = e.rem(group, block.groups);
    Value s = laneScale(e.at(start, e.mul(inBlock, block.scale_bytes)), lane,
                        rowScale);
    Value quants = e.at(e.at(e.at(start, GEMCUT_BLOCK_SCALE_BYTES),
                             e.mul(inBlock, block.quant_bytes)),
                        e.mul(lane, 4));
    Value column = e.mul(group, GEMCUT_GROUP);
    Value low = loadBytes(quants), high;
    Value bias;
    if (nibbles) {
      high = e.shiftRight(low, 4);
      low = e.bitAnd(low, e.splatByte(15, kLanes));
      bias = e.splatByte(8, kLanes);
    } else {
      high = loadBytes(e.at(quants, 4 * kWordStride));
      bias = e.splatByte(-128, kLanes); // modulo 256, q + 128 - 128
    }
    storeQuants(e.sub(low, bias), s, column);
    storeQuants(e.sub(high, bias), s, e.add(column, kLanes));
  }
};

} // namespace

void gemcut::targets::buildGather(StageEmitter &e, kernel::GatherOp op) {
  Gather(e, op).build();
}
