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
        tileBytes(gemcut_tile_bytes(toAbi(shape.format), shape.columns)),
        lanes(isa.getLevel().vectorBits / 32), parts(kLanes / lanes) {}

  void build() {
    if (shape.fetchAhead)
      fetchBehindHeaders(e, isa, shape, w);
    Values sums(shape.tiles * parts, e.splatI32(0, lanes)); // [tile][part]
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
    RowScaleResults(e, shape, w, tileBytes, /*sumShift=*/0, lanes, x, y,
                    yStride)
        .store(sums);
  }

private:
  using Values = Emitter::Values;

  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value w, x, y, yStride;
  Value ahead; ///< as in MicroKernel
  int64_t bits, tileBytes, lanes, parts;

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
    if (shape.fetchAhead)
      ahead = aheadOfBlock(e, isa, shape, block);
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
    Values words(sums.size() * fieldsOfNibble()); // [field of a nibble][sum]
    int64_t perVector = 8 / bits;
    for (; !fields.empty(); fields = fields.drop_front(perVector))
      addVector(words, weights, inputs, fields.take_front(perVector));
    Value ones = e.bitcast(e.splatI32(0x00010001, lanes), wordType());
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value total = words[i];
      for (int64_t field = 1; field < fieldsOfNibble(); ++field)
        total = e.add(total,
                      shiftDown(words[field * sums.size() + i], bits * field));
      sum = isa.addInOrder(e, sum, isa.multiplyWords(e, total, ones));
    }
  }

  /// Field by field: inputs are loaded once, and each takes one register.
  void addVector(Values &words, Value weights, Value inputs,
                 ArrayRef<Field> fields) {
    // Loads stay next to their uses: sums leave few registers.
    e.keepOrder();
    Values nibbles = loadVector(weights, fields);
    for (auto [index, place] : llvm::enumerate(fields)) {
      int64_t field = index % fieldsOfNibble();
      Value column =
          e.bitcast(e.broadcast(e.loadI32(e.at(inputs, place.column)), lanes),
                    byteType());
      Value mask =
          e.splatByte(((1 << bits) - 1) << (bits * field), partBytes());
      for (auto [i, bytes] : llvm::enumerate(nibbles)) {
        if (index && field == 0)
          bytes = e.bitcast(e.shiftRight(e.bitcast(bytes, wordType()), 4),
                            byteType());
        Value products = isa.multiplyBytes(e, e.bitAnd(bytes, mask), column);
        Value &sum = words[field * nibbles.size() + i];
        sum = sum ? isa.addInOrder(e, sum, products) : products;
      }
    }
  }

  /// The codes of a vector of every tile, [tile][part].
  Values loadVector(Value weights, ArrayRef<Field> fields) {
    int64_t signs = 0;
    for (Field field : fields)
      signs |= (1 << (bits - 1)) << (bits * field.field);
    Values codes;
    for (int64_t t = 0; t < shape.tiles; ++t) {
      int64_t offset = t * tileBytes + kVectorBytes * fields[0].vector;
      if (shape.fetchAhead)
        e.prefetchFar(e.at(e.at(weights, ahead), offset));
      Value line = e.at(weights, offset);
      for (int64_t p = 0; p < parts; ++p)
        codes.push_back(e.bitXor(
            e.load(byteType(), e.at(line, p * partBytes()), partBytes()),
            e.splatByte(int8_t(signs), partBytes())));
    }
    return codes;
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
