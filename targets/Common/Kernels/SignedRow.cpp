//===- SignedRow.cpp - One row times weights under row scales -------------===//

#include "targets/Common/Kernels/SignedRow.h"

#include "targets/Common/Kernels/RowScaleParts.h"
#include "targets/Common/Kernels/SignedWords.h"

#include "targets/Common/VectorParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

/// One row in signed form times one tile. Weights are the unsigned operand
/// here, q + 2^(bits - 1), and stay where they are in their bytes: each field
/// has sums of its own, 2^(bits * index) times too large. That takes one
/// instruction less per field than moving it (and one more, as inputs come from
/// memory), so that the CPU sees more of the stream of weights ahead.
class SignedRowKernel {
public:
  SignedRowKernel(Emitter &e, const VectorIsa &isa,
                  const MicroKernelShape &shape, ValueRange arguments)
      : e(e), isa(isa), shape(shape), w(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]),
        bits(gemcut_row_format_bits(toAbi(shape.format))) {}

  void build() {
    Emitter::Values sums(kChains, e.splatI32(0));
    sums = e.loop(e.i64(0), e.i64(blocksOf(shape.columns)), 1, sums,
                  [&](Value block, ValueRange carried) {
                    Emitter::Values sums(carried);
                    addBlock(sums, block);
                    return sums;
                  });
    // Of each field its sums, then the sum of all fields.
    Value total;
    for (int64_t field = 0; field < fields(); ++field) {
      Value sum;
      for (int64_t i = field; i < kChains; i += fields())
        sum = sum ? e.add(sum, sums[i]) : sums[i];
      if (field)
        sum = arith::ShRSIOp::create(e.getBuilder(), e.getLoc(), sum,
                                     e.splatI32(int32_t(bits * field)));
      total = total ? e.add(total, sum) : sum;
    }
    Value offset = e.mul(e.loadI32(e.at(x, signedSumOffset(shape.columns))),
                         e.i32(1 << (bits - 1)));
    total = e.sub(total, e.broadcast(offset));
    RowScaleResults(e, shape, w, /*tileBytes=*/0, /*sumShift=*/0, kLanes, x, y,
                    yStride)
        .store({total});
  }

private:
  static constexpr int64_t kChains = 4;

  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value w, x, y, yStride;
  int64_t bits;

  int64_t fields() const { return 8 / bits; }

  void addBlock(Emitter::Values &sums, Value block) {
    int64_t blockBytes = kBlockColumns * GEMCUT_TILE_ROWS * bits / 8;
    Value weights = e.at(e.at(w, kHeaderBytes), e.mul(block, blockBytes));
    Value inputs = e.at(x, e.mul(block, kBlockColumns));
    if (shape.inputAhead)
      e.prefetch(e.at(inputs, shape.inputAhead));
    int64_t signs = 0;
    for (int64_t field = 0; field < fields(); ++field)
      signs |= (1 << (bits - 1)) << (bits * field);
    Value packed;
    for (int64_t run = 0; run < kBlockColumns / kRunColumns; ++run)
      for (Field field : fieldsOf(bits, run)) {
        if (field.field == 0) {
          e.keepOrder();
          Value line = e.at(weights, kVectorBytes * field.vector);
          if (shape.fetchAhead)
            e.prefetchStream(line, isa.getStreamAhead());
          packed = e.load(e.vecType(e.getBuilder().getI8Type(), kVectorBytes),
                          line, kVectorBytes);
          packed = e.bitXor(packed, e.splatByte(int8_t(signs), kVectorBytes));
        }
        Value quants = packed;
        if (bits < 8)
          quants = e.bitAnd(packed, e.splatByte(int8_t(((1 << bits) - 1)
                                                       << (bits * field.field)),
                                                kVectorBytes));
        int64_t chain = (field.vector * fields() + field.field) % kChains;
        sums[chain] = isa.dotUnsigned(e, sums[chain], quants,
                                      e.loadI32(e.at(inputs, field.column)));
      }
  }
};

/// Sums of the unsigned bytes `q` in each lane.
Value addBytes(Emitter &e, const VectorIsa &isa, Value sums, Value q) {
  if (!isa.getLevel().wordRows)
    return isa.dotUnsigned(e, sums, q, e.i32(0x01010101));
  int64_t lanes = lanesOf(sums);
  Value words = isa.multiplyBytes(e, q, e.splatByte(1, 4 * lanes));
  Value ones = e.bitcast(e.splatI32(0x00010001, lanes), words.getType());
  return e.add(sums, isa.multiplyWords(e, words, ones));
}

} // namespace

bool gemcut::targets::hasSignedRow(const VectorIsa &isa, Format format) {
  return hasRowScales(format) &&
         (isa.takesUnsignedBytes() ||
          (isa.getLevel().wordRows && format != Format::Int8Row));
}

int64_t gemcut::targets::signedSumOffset(int64_t columns) {
  return gemcut_u8_scale_offset(columns) + 4;
}

int64_t gemcut::targets::signedRowBytes(int64_t columns) {
  return gemcut_round_up(signedSumOffset(columns) + 4, GEMCUT_ROW_ALIGNMENT);
}

void gemcut::targets::emitSignedRow(Emitter &e, const VectorIsa &isa,
                                    int64_t columns, Value row, Value target) {
  int64_t lanes = std::min(kLanes, isa.getLevel().vectorBits / 32);
  int64_t width = 4 * lanes;
  Type bytes = e.vecType(e.getBuilder().getI8Type(), width);
  Value flip = e.bitcast(e.splatI32(int32_t(0x80808080), lanes), bytes);
  int64_t padded = blocksOf(columns) * kBlockColumns;
  Value sum = e.loop(e.i64(0), e.i64(padded), width, {e.splatI32(0, lanes)},
                     [&](Value column, ValueRange carried) {
                       Value q = e.load(bytes, e.at(row, column), width);
                       e.store(e.bitXor(q, flip), e.at(target, column), width);
                       return Emitter::Values{addBytes(e, isa, carried[0], q)};
                     })[0];
  int64_t scale = gemcut_u8_scale_offset(columns);
  e.store(e.loadF32(e.at(row, scale)), e.at(target, scale), 4);
  e.store(e.sub(e.reduceAdd(sum), e.i32(int32_t(128 * padded))),
          e.at(target, signedSumOffset(columns)), 4);
}

void gemcut::targets::buildSignedRowKernel(Emitter &e, const VectorIsa &isa,
                                           const MicroKernelShape &shape,
                                           ValueRange arguments) {
  if (isa.getLevel().wordRows)
    buildSignedWordsKernel(e, isa, shape, arguments);
  else
    SignedRowKernel(e, isa, shape, arguments).build();
}
