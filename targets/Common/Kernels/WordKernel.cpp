//===- WordKernel.cpp - Products with sums in 16-bit words ----------------===//

#include "targets/Common/Kernels/WordKernel.h"

#include "targets/Common/Kernels/Panels.h"
#include "targets/Common/Kernels/RowScaleKernel.h"
#include "targets/Common/Kernels/RowScaleParts.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

constexpr int64_t kGroupVectors = GEMCUT_GROUP / 4;
constexpr int64_t kGroupScales = kGroupVectors * kVectorBytes;
constexpr int64_t kGroupBytes = kGroupScales + kVectorBytes;

//===----------------------------------------------------------------------===//
// Packed nibbles -> panel
//===----------------------------------------------------------------------===//

class Unpacker {
public:
  Unpacker(Emitter &e, const VectorIsa &isa, Format format, Value panel)
      : e(e), isa(isa), format(format), panel(panel),
        layout(gemcut_block_of(toAbi(format))) {}

  void unpackTile(Value w, int64_t columns) {
    // Products are 16 times too large, see unpackScales.
    if (format == Format::Int4)
      e.store(e.loadVec(w, kLanes, kVectorBytes), panel, kVectorBytes);
    unpackGroups(e, layout, w, columns, e.at(panel, kVectorBytes), kGroupBytes,
                 [&](Value block, int64_t group, Value target) {
                   unpackGroup(block, group, target);
                 });
  }

private:
  Emitter &e;
  const VectorIsa &isa;
  Format format;
  Value panel;
  gemcut_block layout;

  void unpackGroup(Value block, int64_t group, Value target) {
    Value quants =
        e.at(block, GEMCUT_BLOCK_SCALE_BYTES + group * layout.quant_bytes);
    Type bytes = e.vecType(e.getBuilder().getI8Type(), kVectorBytes);
    for (int64_t v = 0; v < kGroupVectors / 2; ++v) {
      Value pairs = e.load(bytes, e.at(quants, v * kVectorBytes), kVectorBytes);
      e.store(isa.lowNibbles(e, pairs), e.at(target, v * kVectorBytes),
              kVectorBytes);
      e.store(e.shiftRight(pairs, 4),
              e.at(target, (v + kGroupVectors / 2) * kVectorBytes),
              kVectorBytes);
    }
    e.store(unpackScales(e.at(block, group * layout.scale_bytes)),
            e.at(target, kGroupScales), kVectorBytes);
  }

  /// int4's codes stand for multiples of 1/16 up to 248, so 16 times of them
  /// are words, by which sums of words can be multiplied while they are
  /// widened.
  Value unpackScales(Value scales) {
    Value bits = emitScaleBits(e, format, scales, kLanes);
    if (format != Format::Int4)
      return bits;
    Value scale =
        e.bitcast(e.add(bits, e.splatI32(127 << 23)), e.vecType(e.f32Type()));
    Value word = e.toI32(e.mul(scale, e.splat(16.0f)));
    return e.bitOr(e.bitAnd(word, e.splatI32(0xFFFF)), e.shiftLeft(word, 16));
  }
};

//===----------------------------------------------------------------------===//
// Panel x rows
//===----------------------------------------------------------------------===//

/// Sums in words: one vector per row and part of a tile.
class WordKernel {
public:
  WordKernel(Emitter &e, const VectorIsa &isa, const MicroKernelShape &shape,
             ValueRange arguments)
      : e(e), isa(isa), shape(shape), panel(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]),
        lanes(isa.getLevel().vectorBits / 32), parts(kLanes / lanes) {}

  void build() {
    // Or LLVM would find registers for it, and put the other sums there.
    memory = e.opaque(e.stack(shape.rows * kVectorBytes));
    hasRowScales(shape.format) ? buildRowScales() : buildGroups();
  }

private:
  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value panel, x, y, yStride;
  Value memory; ///< sums of the rows, 64 bytes each
  int64_t lanes, parts;

  using Values = Emitter::Values;

  int64_t partBytes() const { return 4 * lanes; }
  Value sumAt(int64_t m, int64_t p) {
    return e.at(memory, m * kVectorBytes + p * partBytes());
  }
  Type wordType() { return e.vecType(e.getBuilder().getI16Type(), 2 * lanes); }
  Type byteType() { return e.vecType(e.getBuilder().getI8Type(), 4 * lanes); }
  Value loadInts(Value address, int64_t p) {
    return e.load(e.vecType(e.i32Type(), lanes), e.at(address, p * partBytes()),
                  partBytes());
  }

  /// Adds `steps` steps of four columns. `sums` may be empty: 0.
  void addSteps(Values &sums, Value weights, Value inputs, int64_t steps,
                bool signedWeights) {
    for (int64_t step = 0; step < steps; ++step) {
      // Loads stay next to their uses: sums leave few registers.
      e.keepOrder();
      Values w;
      for (int64_t p = 0; p < parts; ++p)
        w.push_back(e.load(byteType(),
                           e.at(weights, step * kVectorBytes + p * partBytes()),
                           partBytes()));
      for (int64_t m = 0; m < shape.rows; ++m) {
        Value input = e.bitcast(
            e.broadcast(
                e.loadI32(e.at(inputs, m * shape.inputRowBytes + 4 * step)),
                lanes),
            byteType());
        for (int64_t p = 0; p < parts; ++p) {
          Value products = signedWeights ? isa.multiplyBytes(e, input, w[p])
                                         : isa.multiplyBytes(e, w[p], input);
          Value &sum = sums[m * parts + p];
          sum = sum ? isa.addInOrder(e, sum, products) : products;
        }
      }
    }
    e.keepOrder();
  }

  //===--------------------------------------------------------------------===//
  // int4, q4_0
  //===--------------------------------------------------------------------===//

  void buildGroups() {
    for (int64_t m = 0; m < shape.rows; ++m)
      e.store(e.splat(0.0f), sumAt(m, 0), kVectorBytes);
    e.loop(e.i64(0), e.i64(shape.columns / GEMCUT_GROUP), 1, [&](Value group) {
      addGroup(e.at(e.at(panel, kVectorBytes), e.mul(group, kGroupBytes)),
               e.at(x, e.mul(group, GEMCUT_GROUP)), e.at(x, e.mul(group, 4)));
    });
    bool int4 = shape.format == Format::Int4;
    for (int64_t m = 0; m < shape.rows; ++m) {
      Value row = e.at(y, e.mul(yStride, m));
      Value sum = e.loadVec(sumAt(m, 0), kLanes, kVectorBytes);
      if (int4)
        sum = e.mul(e.mul(sum, e.splat(1.0f / 16)),
                    e.loadVec(panel, kLanes, kVectorBytes));
      e.store(sum, row, kVectorBytes);
    }
  }

  /// The correction in every other word, 0 in the others. It may reach -32512,
  /// and so may (q - 8) x of any 16 columns less 8 x of the other 16: the sums
  /// of a group fit in words with it, whatever they are on the way.
  Value startGroup(Value perGroup, int64_t m) {
    int64_t offset =
        m * shape.inputRowBytes + gemcut_q8_corrections_offset(shape.columns);
    Value words = e.bitcast(
        e.broadcast(e.loadI32(e.at(perGroup, offset)), lanes), wordType());
    SmallVector<int64_t> everyOther;
    for (int64_t i = 0; i < 2 * lanes; ++i)
      everyOther.push_back(i % 2 ? 2 * lanes + i : i);
    return e.shuffle(words, e.zeros(wordType()), everyOther);
  }

  void addGroup(Value weights, Value quants, Value perGroup) {
    Values sums;
    for (int64_t m = 0; m < shape.rows; ++m)
      sums.append(parts, startGroup(perGroup, m));
    addSteps(sums, weights, quants, kGroupVectors, /*signedWeights=*/false);
    Value scales = e.at(weights, kGroupScales);
    int64_t inputScales = gemcut_q8_scales_offset(shape.columns);
    for (int64_t m = 0; m < shape.rows; ++m) {
      Value input = e.broadcast(
          e.loadI32(e.at(perGroup, m * shape.inputRowBytes + inputScales)),
          lanes);
      for (int64_t p = 0; p < parts; ++p)
        addScaled(sums[m * parts + p], input, loadInts(scales, p), sumAt(m, p));
    }
  }

  /// Adds a row's sums of a group, scaled, to those at `target`. `inputScale`:
  /// f32 bits of a power of two.
  void addScaled(Value words, Value inputScale, Value scales, Value target) {
    Type floats = e.vecType(e.f32Type(), lanes);
    Value dots, factor;
    if (shape.format == Format::Int4) {
      // 16 bits times the 5 of a code and a power of two: exact as f32.
      dots = isa.multiplyWords(e, words, e.bitcast(scales, wordType()));
      factor = e.bitcast(inputScale, floats);
    } else {
      dots = isa.multiplyWords(
          e, words, e.bitcast(e.splatI32(0x00010001, lanes), wordType()));
      factor = e.bitcast(e.add(scales, inputScale), floats);
    }
    Value before = e.loadVec(target, lanes, partBytes());
    e.store(e.fma(e.toF32(dots), factor, before), target, partBytes());
  }

  //===--------------------------------------------------------------------===//
  // int2_row, int4_row
  //===--------------------------------------------------------------------===//

  /// Inputs are unsigned, up to 255, and weights at least -8 or -2: 16 products
  /// reach -32640 with 4 bits, and 32 less than that with 2.
  void buildRowScales() {
    int64_t run = shape.format == Format::Int2Row ? kBlockColumns : kRunColumns;
    for (int64_t m = 0; m < shape.rows; ++m)
      for (int64_t p = 0; p < parts; ++p)
        e.store(loadInts(e.at(panel, kCorrections), p), sumAt(m, p),
                partBytes());
    int64_t columns = blocksOf(shape.columns) * kBlockColumns;
    e.loop(e.i64(0), e.i64(columns / run), 1, [&](Value index) {
      addRun(
          e.at(e.at(panel, kHeaderBytes), e.mul(index, run * GEMCUT_TILE_ROWS)),
          e.at(x, e.mul(index, run)), run);
    });
    Values sums;
    for (int64_t m = 0; m < shape.rows; ++m)
      for (int64_t p = 0; p < parts; ++p)
        sums.push_back(loadInts(e.at(memory, m * kVectorBytes), p));
    RowScaleResults(e, shape, panel, /*tileBytes=*/0, /*sumShift=*/0, lanes, x,
                    y, yStride)
        .store(sums);
  }

  void addRun(Value weights, Value inputs, int64_t run) {
    Values sums(shape.rows * parts);
    addSteps(sums, weights, inputs, run / 4, /*signedWeights=*/true);
    Value ones = e.bitcast(e.splatI32(0x00010001, lanes), wordType());
    for (int64_t m = 0; m < shape.rows; ++m)
      for (int64_t p = 0; p < parts; ++p) {
        Value target = sumAt(m, p);
        Value before = loadInts(target, 0);
        e.store(e.add(before, isa.multiplyWords(e, sums[m * parts + p], ones)),
                target, partBytes());
      }
  }
};

} // namespace

bool gemcut::targets::hasWordKernel(const IsaLevel &level, Format format) {
  return level.wordRows && (isNibbles(format) || format == Format::Int2Row ||
                            format == Format::Int4Row);
}

int64_t gemcut::targets::wordPanelBytes(Format format, int64_t columns) {
  return hasRowScales(format)
             ? rowScalePanelBytes(columns)
             : kVectorBytes + columns / GEMCUT_GROUP * kGroupBytes;
}

func::FuncOp gemcut::targets::getWordUnpacker(StageEmitter &e, Format format,
                                              int64_t columns) {
  if (hasRowScales(format))
    return getRowScaleUnpacker(e, format, columns);
  std::string name = ("gemcut_unpack_words_" + stringifyFormat(format) + "_k" +
                      llvm::Twine(columns))
                         .str();
  FunctionType type =
      e.getBuilder().getFunctionType({e.ptrType(), e.ptrType()}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        Unpacker(body, e.getIsa(), format, arguments[1])
            .unpackTile(arguments[0], columns);
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  forbidInlining(function);
  return function;
}

func::FuncOp gemcut::targets::getWordKernel(StageEmitter &e,
                                            const MicroKernelShape &shape) {
  std::string name =
      ("gemcut_word_dot_" + stringifyFormat(shape.format) + "_k" +
       llvm::Twine(shape.columns) + "_m" + llvm::Twine(shape.rows))
          .str();
  FunctionType type = e.getBuilder().getFunctionType(
      {e.ptrType(), e.ptrType(), e.ptrType(), e.i64Type()}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        WordKernel(body, e.getIsa(), shape, arguments).build();
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  forbidInlining(function, /*keepOrder=*/true);
  return function;
}
