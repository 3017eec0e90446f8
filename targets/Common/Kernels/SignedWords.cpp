//===- SignedWords.cpp - One row in signed form, sums in words ------------===//

#include "targets/Common/Kernels/SignedWords.h"

#include "targets/Common/Kernels/RowScaleParts.h"
#include "targets/Common/Kernels/SignedRow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

/// Weights are the unsigned operand of the products, q + 2^(bits - 1). Of each
/// nibble the low field stays where it is; with two bits the high one does so
/// as well and has sums of its own, four times too large. Only high nibbles
/// move.
///
/// Sums in words hold a run: two products of codes up to 3 (15) and inputs down
/// to -128 are 768 (3840) at most, of which a run adds eight to each sum; the
/// sums that are four times too large reach 24576. As they are multiples of
/// four, shifting them loses nothing, and with the others they reach 12288.
class SignedWordsKernel {
public:
  SignedWordsKernel(Emitter &e, const VectorIsa &isa,
                    const MicroKernelShape &shape, ValueRange arguments)
      : e(e), isa(isa), shape(shape), w(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]),
        bits(gemcut_row_format_bits(toAbi(shape.format))),
        lanes(isa.getLevel().vectorBits / 32), parts(kLanes / lanes) {}

  void build() {
    Values sums(parts, e.splatI32(0, lanes));
    sums = e.loop(e.i64(0), e.i64(blocksOf(shape.columns)), 1, sums,
                  [&](Value block, ValueRange carried) {
                    Values sums(carried);
                    addBlock(sums, block);
                    return sums;
                  });
    // sum (q + 2^(bits - 1)) x = sum q x + 2^(bits - 1) sum x
    Value offset =
        e.broadcast(e.mul(e.loadI32(e.at(x, signedSumOffset(shape.columns))),
                          e.i32(1 << (bits - 1))),
                    lanes);
    for (Value &sum : sums)
      sum = e.sub(sum, offset);
    RowScaleResults(e, shape, w, /*tileBytes=*/0, /*sumShift=*/0, lanes, x, y,
                    yStride)
        .store(sums);
  }

private:
  using Values = Emitter::Values;

  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value w, x, y, yStride;
  int64_t bits, lanes, parts;

  int64_t partBytes() const { return 4 * lanes; }
  int64_t fieldsOfNibble() const { return 4 / bits; }
  Type byteType() { return e.vecType(e.getBuilder().getI8Type(), 4 * lanes); }
  Type wordType() { return e.vecType(e.getBuilder().getI16Type(), 2 * lanes); }

  void addBlock(Values &sums, Value block) {
    int64_t blockBytes = kBlockColumns * GEMCUT_TILE_ROWS * bits / 8;
    Value weights = e.at(e.at(w, kHeaderBytes), e.mul(block, blockBytes));
    Value inputs = e.at(x, e.mul(block, kBlockColumns));
    if (shape.inputAhead)
      e.prefetch(e.at(inputs, shape.inputAhead));
    SmallVector<Field> fields = fieldsOf(bits, 0);
    fields.append(fieldsOf(bits, 1));
    // Eight products for each sum: a block of two bits, half of one of four.
    size_t runFields = 8 * fieldsOfNibble();
    for (size_t first = 0; first < fields.size(); first += runFields)
      addRun(sums, weights, inputs,
             ArrayRef<Field>(fields).slice(first, runFields));
  }

  /// Adds the products of whole vectors.
  void addRun(Values &sums, Value weights, Value inputs,
              ArrayRef<Field> fields) {
    Values words(parts * fieldsOfNibble()); // [field of a nibble][part]
    int64_t perVector = 8 / bits;
    for (; !fields.empty(); fields = fields.drop_front(perVector))
      addVector(words, weights, inputs, fields.take_front(perVector));
    Value ones = e.bitcast(e.splatI32(0x00010001, lanes), wordType());
    for (int64_t p = 0; p < parts; ++p) {
      Value total = words[p];
      for (int64_t field = 1; field < fieldsOfNibble(); ++field)
        total = e.add(total, shiftDown(words[field * parts + p], bits * field));
      sums[p] = isa.addInOrder(e, sums[p], isa.multiplyWords(e, total, ones));
    }
  }

  void addVector(Values &words, Value weights, Value inputs,
                 ArrayRef<Field> fields) {
    // Loads stay next to their uses: sums leave few registers.
    e.keepOrder();
    Value line = e.at(weights, kVectorBytes * fields[0].vector);
    if (shape.fetchAhead)
      e.prefetchStream(line, isa.getStreamAhead());
    Values columns;
    for (Field field : fields)
      columns.push_back(
          e.bitcast(e.broadcast(e.loadI32(e.at(inputs, field.column)), lanes),
                    byteType()));
    int64_t signs = 0;
    for (Field field : fields)
      signs |= (1 << (bits - 1)) << (bits * field.field);
    for (int64_t p = 0; p < parts; ++p) {
      Value nibbles =
          e.bitXor(e.load(byteType(), e.at(line, p * partBytes()), partBytes()),
                   e.splatByte(int8_t(signs), partBytes()));
      for (auto [index, column] : llvm::enumerate(columns)) {
        int64_t field = index % fieldsOfNibble();
        if (index && field == 0)
          nibbles = e.bitcast(e.shiftRight(e.bitcast(nibbles, wordType()), 4),
                              byteType());
        Value mask =
            e.splatByte(((1 << bits) - 1) << (bits * field), partBytes());
        Value products = isa.multiplyBytes(e, e.bitAnd(nibbles, mask), column);
        Value &sum = words[field * parts + p];
        sum = sum ? isa.addInOrder(e, sum, products) : products;
      }
    }
  }

  Value shiftDown(Value words, int64_t by) {
    Value amount =
        e.bitcast(e.splatI32(int32_t(by << 16 | by), lanes), wordType());
    return arith::ShRSIOp::create(e.getBuilder(), e.getLoc(), words, amount);
  }
};

} // namespace

void gemcut::targets::buildSignedWordsKernel(Emitter &e, const VectorIsa &isa,
                                             const MicroKernelShape &shape,
                                             ValueRange arguments) {
  SignedWordsKernel(e, isa, shape, arguments).build();
}
