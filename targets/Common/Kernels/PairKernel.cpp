//===- PairKernel.cpp - Products of pairs of rows -------------------------===//

#include "targets/Common/Kernels/PairKernel.h"

#include "runtime/abi/packed_layout.h"
#include "targets/Common/Kernels/Panels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::targets;

namespace {

/// Pairs of outputs in a tile, and what a step of 8 columns takes of them.
constexpr int64_t kPairs = GEMCUT_TILE_ROWS / 2, kPairBytes = 16;
constexpr int64_t kStepColumns = 8, kStepBytes = kPairs * kPairBytes;
constexpr int64_t kSteps = GEMCUT_GROUP / kStepColumns;
constexpr int64_t kScales = kSteps * kStepBytes;
constexpr int64_t kGroupBytes = kScales + kStepBytes;

//===----------------------------------------------------------------------===//
// Packed weights -> panel, four outputs at a time
//===----------------------------------------------------------------------===//

constexpr int64_t kQuarter = 4;

class Unpacker {
public:
  Unpacker(Emitter &e, Format format, Value panel)
      : e(e), format(format), panel(panel),
        layout(gemcut_block_of(toAbi(format))) {}

  void unpackTile(Value w, int64_t columns) {
    for (int64_t q = 0; q < kPairs / 2; ++q)
      storePairs(format == Format::Int4
                     ? e.loadVec(e.at(w, 16 * q), kQuarter, 16)
                     : e.splat(1.0f, kQuarter),
                 e.at(panel, 2 * kPairBytes * q));
    unpackGroups(e, layout, w, columns, e.at(panel, kStepBytes), kGroupBytes,
                 [&](Value block, int64_t group, Value target) {
                   unpackGroup(block, group, target);
                 });
  }

private:
  Emitter &e;
  Format format;
  Value panel;
  gemcut_block layout;

  void unpackGroup(Value block, int64_t group, Value target) {
    Value quants =
        e.at(block, GEMCUT_BLOCK_SCALE_BYTES + group * layout.quant_bytes);
    for (int64_t q = 0; q < kPairs / 2; ++q) {
      Value pairs = e.at(target, 2 * kPairBytes * q);
      if (isNibbles(format))
        unpackNibbles(e.at(quants, 16 * q), pairs);
      else
        unpackInt8(e.at(quants, 16 * q), pairs);
      Value scales = e.at(block, group * layout.scale_bytes +
                                     q * layout.scale_bytes / kQuarter);
      storePairs(emitScaleBits(e, format, scales, kQuarter),
                 e.at(pairs, kScales));
    }
  }

  Value loadQuarter(Value quants, int64_t vector) {
    return e.load(e.vecType(e.getBuilder().getI8Type(), 16),
                  e.at(quants, 64 * vector), 16);
  }

  void unpackNibbles(Value quants, Value pairs) {
    Value eight = e.splatByte(8, 16), mask = e.splatByte(0x0F, 16);
    for (int64_t step = 0; step < kSteps / 2; ++step) {
      Value low[2], high[2];
      for (int64_t i = 0; i < 2; ++i) {
        Value bytes = loadQuarter(quants, 2 * step + i);
        low[i] = e.sub(e.bitAnd(bytes, mask), eight);
        high[i] = e.sub(e.shiftRight(bytes, 4), eight);
      }
      storeStep(low[0], low[1], pairs, step);
      storeStep(high[0], high[1], pairs, step + kSteps / 2);
    }
  }

  void unpackInt8(Value quants, Value pairs) {
    for (int64_t step = 0; step < kSteps; ++step) {
      Value bytes[2];
      for (int64_t i = 0; i < 2; ++i)
        bytes[i] =
            e.bitXor(loadQuarter(quants, 2 * step + i), e.splatByte(-128, 16));
      storeStep(bytes[0], bytes[1], pairs, step);
    }
  }

  /// Columns 0 .. 3 and 4 .. 7 of a step of four outputs.
  void storeStep(Value first, Value second, Value pairs, int64_t step) {
    Type words = e.vecType(e.i32Type(), kQuarter);
    Value a = e.bitcast(first, words), b = e.bitcast(second, words);
    Value target = e.at(pairs, step * kStepBytes);
    e.store(e.shuffle(a, b, {0, 4, 1, 5}), target, 16);
    e.store(e.shuffle(a, b, {2, 6, 3, 7}), e.at(target, kPairBytes), 16);
  }

  /// A number per output, of four.
  void storePairs(Value values, Value target) {
    e.store(e.shuffle(values, values, {0, 1, 0, 1}), target, 16);
    e.store(e.shuffle(values, values, {2, 3, 2, 3}), e.at(target, kPairBytes),
            16);
  }
};

//===----------------------------------------------------------------------===//
// Panel x rows
//===----------------------------------------------------------------------===//

/// A register has `lanes` sums: those of two rows and one pair of outputs in
/// each four, x0 w0, x0 w1, x1 w0, x1 w1. Half a tile is multiplied at a time
/// where the sums of a whole one would not fit in the registers.
class PairKernel {
public:
  PairKernel(Emitter &e, const VectorIsa &isa, const MicroKernelShape &shape,
             ValueRange arguments)
      : e(e), isa(isa), shape(shape), panel(arguments[0]), x(arguments[1]),
        y(arguments[2]), yStride(arguments[3]),
        lanes(isa.getLevel().productLanes), rowPairs((shape.rows + 1) / 2),
        registers(std::min<int64_t>(4, 4 * kPairs / lanes)) {}

  void build() {
    int64_t passBytes = registers * 4 * lanes;
    for (int64_t offset = 0; offset < kStepBytes; offset += passBytes)
      multiply(offset);
  }

private:
  Emitter &e;
  const VectorIsa &isa;
  const MicroKernelShape &shape;
  Value panel, x, y, yStride;
  int64_t lanes, rowPairs;
  int64_t registers; ///< of pairs of outputs that are multiplied together

  using Values = Emitter::Values;

  int64_t index(int64_t rowPair, int64_t reg) const {
    return rowPair * registers + reg;
  }

  /// The last row twice if there is an odd number of them.
  int64_t rowOf(int64_t rowPair, int64_t second) const {
    return std::min(2 * rowPair + second, shape.rows - 1);
  }

  /// All rows times the pairs of outputs at `offset` of a step.
  void multiply(int64_t offset) {
    Value weights = e.at(panel, offset);
    Values sums(rowPairs * registers, e.splat(0.0f, lanes));
    sums = e.loop(
        e.i64(0), e.i64(shape.columns / GEMCUT_GROUP), 1, sums,
        [&](Value group, ValueRange carried) {
          Values sums(carried);
          addGroup(
              sums, e.at(e.at(weights, kStepBytes), e.mul(group, kGroupBytes)),
              e.at(x, e.mul(group, GEMCUT_GROUP)), e.at(x, e.mul(group, 4)));
          return sums;
        });
    for (int64_t reg = 0; reg < registers; ++reg) {
      Value scales =
          e.loadVec(e.at(weights, reg * 4 * lanes), lanes, 4 * lanes);
      for (int64_t pair = 0; pair < rowPairs; ++pair) {
        Value result = e.mul(sums[index(pair, reg)], scales);
        for (int64_t second = 0; second < 2; ++second)
          if (2 * pair + second < shape.rows)
            storeRow(result, second, 2 * pair + second,
                     offset / 2 + reg * 2 * lanes);
      }
    }
  }

  void storeRow(Value result, int64_t second, int64_t row, int64_t offset) {
    SmallVector<int64_t> own;
    for (int64_t lane = 0; lane < lanes; ++lane)
      if (lane % 4 / 2 == second)
        own.push_back(lane);
    e.store(e.shuffle(result, result, own),
            e.at(e.at(y, e.mul(yStride, row)), offset), 2 * lanes);
  }

  void addGroup(Values &sums, Value weights, Value quants, Value perGroup) {
    if (isa.getLevel().hasShortOffsets)
      for (Value *address : {&weights, &quants, &perGroup})
        *address = e.opaque(*address);
    Values dots(sums.size(), e.splatI32(0, lanes));
    for (int64_t step = 0; step < kSteps; step += 2)
      addSteps(dots, weights, quants, step);
    int64_t scales = gemcut_q8_scales_offset(shape.columns);
    Values inputScales;
    for (int64_t pair = 0; pair < rowPairs; ++pair) {
      Value own[2];
      for (int64_t second = 0; second < 2; ++second)
        own[second] = e.broadcast(
            e.loadI32(e.at(perGroup,
                           rowOf(pair, second) * shape.inputRowBytes + scales)),
            lanes);
      inputScales.push_back(isa.pairRows(e, own[0], own[1]).first);
    }
    for (int64_t reg = 0; reg < registers; ++reg) {
      Value bits = e.load(e.vecType(e.i32Type(), lanes),
                          e.at(weights, kScales + reg * 4 * lanes), 4 * lanes);
      for (int64_t pair = 0; pair < rowPairs; ++pair) {
        // Input scales are powers of two: adding exponents multiplies.
        Value product = e.bitcast(e.add(bits, inputScales[pair]),
                                  e.vecType(e.f32Type(), lanes));
        Value &sum = sums[index(pair, reg)];
        sum = e.fma(e.toF32(dots[index(pair, reg)]), product, sum);
      }
    }
  }

  /// Steps `step` and step + 1, from 16 columns of every row.
  void addSteps(Values &dots, Value weights, Value quants, int64_t step) {
    Values inputs[2];
    for (int64_t pair = 0; pair < rowPairs; ++pair) {
      auto load = [&](int64_t second) {
        return isa.loadInputs(
            e, e.at(quants, rowOf(pair, second) * shape.inputRowBytes +
                                step * kStepColumns));
      };
      auto [low, high] = isa.pairRows(e, load(0), load(1));
      inputs[0].push_back(low);
      inputs[1].push_back(high);
    }
    Type bytes = e.vecType(e.getBuilder().getI8Type(), 4 * lanes);
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t reg = 0; reg < registers; ++reg) {
        Value w = e.load(
            bytes, e.at(weights, (step + half) * kStepBytes + reg * 4 * lanes),
            4 * lanes);
        for (int64_t pair = 0; pair < rowPairs; ++pair) {
          Value &dot = dots[index(pair, reg)];
          dot = isa.dotPairs(e, dot, inputs[half][pair], w);
        }
      }
  }
};

} // namespace

int64_t gemcut::targets::pairPanelBytes(int64_t columns) {
  return gemcut_round_up(kStepBytes + columns / GEMCUT_GROUP * kGroupBytes, 64);
}

func::FuncOp gemcut::targets::getPairUnpacker(StageEmitter &e, Format format,
                                              int64_t columns) {
  std::string name = ("gemcut_unpack_pairs_" + stringifyFormat(format) + "_k" +
                      llvm::Twine(columns))
                         .str();
  FunctionType type =
      e.getBuilder().getFunctionType({e.ptrType(), e.ptrType()}, {});
  func::FuncOp function = e.getOrCreateFunction(
      name, type, [&](Emitter &body, ValueRange arguments) {
        Unpacker(body, format, arguments[1]).unpackTile(arguments[0], columns);
        func::ReturnOp::create(body.getBuilder(), body.getLoc());
      });
  forbidInlining(function);
  return function;
}

func::FuncOp gemcut::targets::getPairKernel(StageEmitter &e,
                                            const MicroKernelShape &shape) {
  // Depends on the panel, not on the format behind it.
  std::string name = ("gemcut_pair_dot_k" + llvm::Twine(shape.columns) + "_m" +
                      llvm::Twine(shape.rows))
                         .str();
  FunctionType type = e.getBuilder().getFunctionType(
      {e.ptrType(), e.ptrType(), e.ptrType(), e.i64Type()}, {});
  return getScaledKernel(
      e, name, type,
      [&](StringRef formName, const VectorIsa &isa, int64_t vscale) {
        func::FuncOp function = e.getOrCreateFunction(
            formName, type, [&](Emitter &body, ValueRange arguments) {
              PairKernel(body, isa, shape, arguments).build();
              func::ReturnOp::create(body.getBuilder(), body.getLoc());
            });
        forbidInlining(function, /*keepOrder=*/true, vscale);
        return function;
      });
}
